"""The example scenes that come with the package."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError

SCENES = Path(__file__).parent.parent / "scenes"
_ROI = "_roi"


def bundled_scenes() -> tuple[str, ...]:
    """The names of the example scenes, sorted."""
    names = {path.stem for path in SCENES.iterdir() if path.suffix in (".png", ".jpg", ".webp")}
    return tuple(sorted(name for name in names if not name.endswith(_ROI)))


def scene_path(name: str) -> Path:
    """The picture of an example scene. Raises InputError that lists the names for an unknown one."""
    if name in bundled_scenes():
        for suffix in (".png", ".jpg", ".webp"):
            path = SCENES / f"{name}{suffix}"
            if path.is_file():
                return path
    raise InputError(f"There is no example scene '{name}'; choose one of {', '.join(bundled_scenes())}.")


def roi_path(name: str) -> Path | None:
    """The mask of the object in an example scene (white = edit), or None where it shows no single object.

    Raises InputError as ``scene_path``.
    """
    path = scene_path(name).with_name(f"{name}{_ROI}.png")
    return path if path.is_file() else None
