"""The sentences that a prompt is put into, so that it reads like the captions a guide learnt from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Templates:
    """Sentences with a slot ``{}``: for the coarsest scale, where a picture is small and blurred, and for others."""

    coarse: tuple[str, ...]
    fine: tuple[str, ...]


AS_WRITTEN = Templates(("{}",), ("{}",))

REMOTE_SENSING = Templates(
    coarse=(
        "a low resolution satellite image of {}",
        "a blurry aerial photograph of {}",
        "a coarse satellite image of {}",
        "a small overhead picture of {}",
    ),
    fine=(
        "a satellite image of {}",
        "an aerial photograph of {}",
        "a high resolution satellite image of {}",
        "a sharp aerial view of {}",
        "a remote sensing image of {}",
        "{}, seen from above",
    ),
)
"""For guides that learnt from captions of aerial and satellite pictures, and for CLIPs that learnt from any."""
