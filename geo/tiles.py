"""Cut a large scene into tiles with overlap, keep each finished tile, and lay them back without seams."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OutputError
from ..guidance.regions import Window
from ..rasters.files import make_folder
from ..rasters.layout import Array
from ..rasters.temporary import replacing
from .nodata import keep_from_nodata

TILE = 512
"""Side of a tile's own part in pixels."""
OVERLAP = 48
"""How far a tile reaches into its neighbours, in pixels; there the two are mixed."""


@dataclass(frozen=True)
class Tile:
    """window: with overlap. row, column: of the grid."""

    row: int
    column: int
    window: Window

    @property
    def name(self) -> str:
        """Its row and column."""
        return f"{self.row}_{self.column}"


def tiles_of(window: Window) -> Iterator[Tile]:
    """The tiles of a window, row by row; the last of a row or column takes the rest that is too small for one."""
    rows, columns = (
        max(1, round((high - low) / TILE)) for low, high in ((window.top, window.bottom), (window.left, window.right))
    )
    tops = np.linspace(window.top, window.bottom, rows + 1).round().astype(int)
    lefts = np.linspace(window.left, window.right, columns + 1).round().astype(int)
    for row in range(rows):
        for column in range(columns):
            yield Tile(
                row,
                column,
                Window(
                    max(window.top, int(tops[row]) - OVERLAP),
                    max(window.left, int(lefts[column]) - OVERLAP),
                    min(window.bottom, int(tops[row + 1]) + OVERLAP),
                    min(window.right, int(lefts[column + 1]) + OVERLAP),
                ),
            )


def feather(tile: Tile) -> NDArray[np.float32]:
    """How much a tile counts beside those above and left of it, which were laid before: [h, w] in 0…1."""
    height, width = tile.window.size
    ramp = (np.arange(2 * OVERLAP, dtype=np.float32) + 0.5) / (2 * OVERLAP)
    weight = np.ones((height, width), np.float32)
    if tile.row > 0:
        weight[: 2 * OVERLAP] *= ramp[:height, None]
    if tile.column > 0:
        weight[:, : 2 * OVERLAP] = np.minimum(weight[:, : 2 * OVERLAP], ramp[None, :width])
    return weight


def laid_over(
    below: Array, tile: Array, weight: NDArray[np.float32], nodata: tuple[float | None, ...] | None = None
) -> Array:
    """Stored values [h, w, C] of a tile over what is there, mixed by ``weight`` [h, w] in 0…1.

    nodata: of each band; where both are something else, the mixture is too.
    """
    with np.errstate(invalid="ignore"):
        mixed = below + weight[..., None] * (tile.astype(np.float64) - below)
    if below.dtype.kind in "iu":
        mixed = np.rint(mixed)
    # Values that are no number, or equal, stay what they are bit for bit.
    same = (weight[..., None] >= 1) | (below == tile)
    laid = np.where(same, tile, np.where(np.isfinite(mixed), mixed, below).astype(below.dtype))
    return laid if nodata is None else keep_from_nodata(below, laid, np.ones(below.shape[:2], bool), nodata)


class TileStore:
    """The finished tiles of one edit, in a folder beside its output, so that an edit that was stopped goes on.

    key: everything that the tiles depend on; tiles of another key are thrown away.
    """

    def __init__(self, output: Path, key: Mapping[str, Any]) -> None:
        digest = hashlib.sha256(json.dumps(dict(key), sort_keys=True, default=str).encode()).hexdigest()[:16]
        self._root = output.with_name(f".{output.name}.tiles")
        self._folder = self._root / digest
        for other in self._root.glob("*"):
            if other != self._folder:
                shutil.rmtree(other, ignore_errors=True)
        make_folder(self._folder)

    def load(self, tile: Tile) -> Array | None:
        """The stored values [h, w, C] of a finished tile, or None."""
        try:
            return np.asarray(np.load(self._path(tile), allow_pickle=False))
        except (OSError, ValueError, EOFError):
            return None

    def save(self, tile: Tile, values: Array) -> None:
        """Keep the stored values [h, w, C] of a finished tile. Raises OutputError."""
        try:
            with replacing(self._path(tile)) as partial:
                np.save(partial, values, allow_pickle=False)
        except OSError as error:
            raise OutputError(
                f"The tiles in {self._root} cannot be written ({error.strerror or 'the disk failed'}); "
                "free some space and do it again to go on."
            ) from error

    def clear(self) -> None:
        """Throw the tiles away: they are in the output now."""
        shutil.rmtree(self._root, ignore_errors=True)

    def _path(self, tile: Tile) -> Path:
        return self._folder / f"{tile.name}.npy"
