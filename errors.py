"""The errors a user can act on. Each message is one sentence: what is wrong, with which input, and what to do.

SinDDMError
├── InputError (ValueError)      an image, mask, prompt, option or file that cannot be used
├── OutputError (OSError)        a result that cannot be written
├── TrainingError (RuntimeError)  a training that went astray
├── ServiceError (ConnectionError)  a server, asked because the user chose so, that gave no usable answer
├── OutOfMemoryError (MemoryError)  more memory than there is
└── MissingPackageError (ImportError)   an optional package that the request needs
"""


class SinDDMError(Exception):
    """Root of every error this package raises on purpose."""


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
