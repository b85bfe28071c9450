"""What a user may choose about an edit. The one home of these defaults, for node, command and Python alike."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InputError, number_text
from .presets import PRESETS, Steering

MAX_STRENGTH = 3.0
MAX_CANDIDATES = 64
MAX_WORDS = 200
EXEMPLARS = ("auto", "none")
PROMPTS = ("offline", "llm", "none")


@dataclass(frozen=True)
class EditSettings:
    """Everything that a user may choose. Raises InputError for a value that cannot be.

    seed: the same seed gives the same bytes on the same machine.
    strength: 0 does not guide at all, 1 gives the event's typical extent, 2 twice that, as far as the image has room.
    candidates: so many seeds are tried (seed, seed + 1, …) and the guide's favourite is kept.
    exemplars: "auto" draws the event that the text speaks of as further patches, "none" does without.
    guide: name of the guide (``guides.guide_names``) or a file of CLIP weights.
    prompts: where other wordings of the text come from: the "offline" lexicon, a language model ("llm") or nowhere.
    preset: how the guide steers, a name of ``presets.PRESETS``.
    device: where the model runs, for example "cpu" or "cuda".
    """

    seed: int = 0
    strength: float = 1.0
    candidates: int = 1
    exemplars: str = "auto"
    guide: str = "compact"
    prompts: str = "offline"
    preset: str = "default"
    device: str = "cpu"

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if not isinstance(self.candidates, int):
            raise InputError(f"The value {self.candidates!r} of candidates is no whole number; give one.")
        for name in ("exemplars", "guide", "prompts", "preset", "device"):
            if not isinstance(getattr(self, name), str):
                raise InputError(f"The value {getattr(self, name)!r} of {name} is no text; give one.")
        if not isinstance(self.strength, int | float):
            raise InputError(f"The strength {self.strength!r} is no number; 1 is a typical event.")
        if not 0.0 <= self.strength <= MAX_STRENGTH:
            raise InputError(
                f"The strength {number_text(self.strength)} is outside 0…{MAX_STRENGTH:g}; 1 is a typical event."
            )
        if not 1 <= self.candidates <= MAX_CANDIDATES:
            raise InputError(f"{number_text(self.candidates)} candidates cannot be made; choose 1 to {MAX_CANDIDATES}.")
        if self.exemplars not in EXEMPLARS:
            raise InputError(f"Exemplars cannot be '{self.exemplars}'; choose one of {', '.join(EXEMPLARS)}.")
        if self.prompts not in PROMPTS:
            raise InputError(f"Prompts cannot come from '{self.prompts}'; choose one of {', '.join(PROMPTS)}.")
        if self.preset not in PRESETS:
            raise InputError(f"There is no preset '{self.preset}'; choose one of {', '.join(PRESETS)}.")

    @property
    def steering(self) -> Steering:
        """How the guide steers, by the preset."""
        return PRESETS[self.preset]


def check_seed(seed: int) -> int:
    """The seed itself. Raises InputError for one that is no whole number from 0 up, or too large for its candidates."""
    if not isinstance(seed, int):
        raise InputError(f"The value {seed!r} of seed is no whole number; give one.")
    if not 0 <= seed < 2**63 - MAX_CANDIDATES:
        raise InputError(f"The seed {number_text(seed)} is no whole number from 0 up; choose another.")
    return seed


def check_prompt(text: str) -> str:
    """The text without superfluous blanks. Raises InputError for an empty one or one beyond MAX_WORDS."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError("The prompt holds characters that are no Unicode text; type it again.") from None
    words = text.split()
    if not words:
        raise InputError("The prompt is empty; say in one sentence what the image should show.")
    if len(words) > MAX_WORDS:
        raise InputError(f"The prompt has {len(words):,} words; say in at most {MAX_WORDS} what the image should show.")
    return " ".join(words)
