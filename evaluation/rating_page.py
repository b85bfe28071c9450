"""A page on which people rate edits without knowing which method made them: one HTML file that needs no network."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase

from ..errors import InputError
from ..rasters.decoding import decode
from ..rasters.encoding import encode
from ..rasters.layout import Array, as_rgb, eight_bit
from ..rasters.raster import Metadata, unit_pixels, value_range
from .templates import render

CODE_LENGTH = 12
"""Hexadecimal digits of a code: 48 bits, so that a thousand edits collide once in 5·10⁸ pages."""

Region = tuple[int, int, int, int]


@dataclass(frozen=True)
class RatedEdit:
    """One result to be rated.

    key     what the result is called in the run; unique, and never shown to a rater
    source, edit  the pictures, in any format that `rasters` reads
    prompt  the text that the edit was to follow
    method  what made it; never shown to a rater
    region  x, y, w, h in pixels of the source, drawn as an outline where the edit was asked for a part only
    """

    key: str
    source: Path
    edit: Path
    prompt: str
    method: str
    region: Region | None = None


@dataclass(frozen=True)
class _Shown:
    """An edit as the page knows it: nothing here tells its method."""

    code: str
    letter: str
    picture: int


@dataclass(frozen=True)
class _Task:
    """One screen: a source, a text and the edits that followed it."""

    prompt: str
    source: int
    width: int
    height: int
    outline: str | None
    edits: tuple[_Shown, ...]


def rating_page(edits: Sequence[RatedEdit], seed: int) -> str:
    """The page as HTML, to be written as UTF-8; it works from a local file and sends nothing anywhere.

    Edits of the same source, prompt and region share a screen. The ``seed`` sets the codes, the order of the screens
    and the order of the methods on each, whatever the order of ``edits``; pages with different seeds show them in
    different orders. Pictures are embedded as 8-bit RGB PNG without metadata, since a file's format or its comments
    could tell the method. Raises InputError: no edits, a key twice, a picture that cannot be read, a region off it.
    """
    codes = {key: code for code, key in rating_codes(edits, seed).items()}
    pictures: list[str] = []
    tasks = [_task(group, codes, pictures) for group in _groups(edits, seed)]
    page = _digest(seed, "page", *sorted(codes.values()))
    return render("rating.html", page=page, tasks=tasks, pictures=pictures, count=len(edits))


def rating_codes(edits: Sequence[RatedEdit], seed: int) -> dict[str, str]:
    """The opaque code of each edit on the page of this seed → its key. Raises InputError: no edits, a key twice.

    A code hides a key from whoever reads the page, not from one who also has the seed and a list of all keys.
    """
    if not edits:
        raise InputError("There are no edits to rate; run the methods first.")
    codes: dict[str, str] = {}
    for edit in edits:
        code = _digest(seed, "edit", edit.key)
        if code in codes:
            raise InputError(f"Two edits to rate have the key '{edit.key}'; give every result its own.")
        codes[code] = edit.key
    return codes


def _digest(seed: int, *parts: str) -> str:
    message = "\0".join(parts).encode()
    return hmac.new(str(seed).encode(), message, hashlib.sha256).hexdigest()[:CODE_LENGTH]


def _groups(edits: Sequence[RatedEdit], seed: int) -> list[list[RatedEdit]]:
    """The edits of each screen, screens and edits in the order of their digests, which is as good as drawn."""
    groups: dict[tuple[Path, str, Region | None], list[RatedEdit]] = {}
    for edit in edits:
        groups.setdefault((edit.source.resolve(), edit.prompt, edit.region), []).append(edit)
    for group in groups.values():
        group.sort(key=lambda edit: _digest(seed, "place", edit.key))
    return sorted(groups.values(), key=lambda group: _digest(seed, "screen", min(edit.key for edit in group)))


def _task(group: list[RatedEdit], codes: dict[str, str], pictures: list[str]) -> _Task:
    first = group[0]
    source = decode(first.source).stored
    height, width = source.shape[:2]
    shown = [
        _Shown(
            codes[edit.key],
            ascii_uppercase[i % 26] * (i // 26 + 1),
            _place(_data_uri(decode(edit.edit).stored, like=source), pictures),
        )
        for i, edit in enumerate(group)
    ]
    outline = _outline(first.region, width, height, first.source) if first.region else None
    return _Task(first.prompt, _place(_data_uri(source, like=source), pictures), width, height, outline, tuple(shown))


def _place(picture: str, pictures: list[str]) -> int:
    """Where the picture stands in the list; it is added if it is new."""
    if picture not in pictures:
        pictures.append(picture)
    return pictures.index(picture)


def _data_uri(stored: Array, like: Array) -> str:
    # The range of the source for both: an edit scaled by its own extremes would lose a change of brightness.
    low, high = value_range(like if like.dtype == stored.dtype else stored)
    values = eight_bit(as_rgb(unit_pixels(stored, low, high)))
    return "data:image/png;base64," + base64.b64encode(encode(values, None, Metadata(), "PNG")).decode("ascii")


def _outline(region: Region, width: int, height: int, source: Path) -> str:
    """The region as a CSS position in per cent of the picture."""
    x, y, w, h = region
    if min(x, y) < 0 or min(w, h) <= 0 or x + w > width or y + h > height:
        raise InputError(
            f"The region {x},{y},{w},{h} is not on {source} of {width}×{height} px; give x,y,w,h inside it."
        )
    left, top, wide, tall = 100 * x / width, 100 * y / height, 100 * w / width, 100 * h / height
    return f"left:{left:.3f}%;top:{top:.3f}%;width:{wide:.3f}%;height:{tall:.3f}%"
