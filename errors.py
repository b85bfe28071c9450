"""The errors a user can act on. Each message is one sentence: what is wrong, with which input, and what to do.

SinDDMError
├── InputError (ValueError)      an image, mask, prompt, option or file that cannot be used
├── OutputError (OSError)        a result that cannot be written
├── TrainingError (RuntimeError)  a training that went astray
├── ServiceError (ConnectionError)  a server, asked because the user chose so, that gave no usable answer
├── OutOfMemoryError (MemoryError)  more memory than there is
└── MissingPackageError (ImportError)   an optional package that the request needs
"""

_LONGEST = 4000


def number_text(value: float) -> str:
    """A number as messages quote it; Python writes none of thousands of digits."""
    if isinstance(value, int):
        return str(value) if abs(value) < 10**20 else "far too large"
    return f"{value:g}"


class SinDDMError(Exception):
    """Root of every error this package raises on purpose."""

    def __str__(self) -> str:
        """One line that any terminal and log can show, though it quotes what a stranger wrote."""
        text = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in super().__str__())
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"


class InputError(SinDDMError, ValueError):
    """An image, mask, prompt, option or file that cannot be used."""


class OutputError(SinDDMError, OSError):
    """A result that cannot be written."""


class TrainingError(SinDDMError, RuntimeError):
    """A training whose loss is no number any more."""


class ServiceError(SinDDMError, ConnectionError):
    """A language model or a download server gave no usable answer."""


class OutOfMemoryError(SinDDMError, MemoryError):
    """The request needs more memory than there is."""


class MissingPackageError(SinDDMError, ImportError):
    """An optional package that the request needs is not installed."""
