"""What of a raster on the earth is to be edited, found before any of its pixels is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..guidance.regions import CONTEXT, LEAST_WINDOW, Window, whole
from .bands import Bands, find_bands
from .regions import Region, find_region, region_files
from .source import GeoSource, open_source

MAX_CONTEXT = 512
"""Most pixels that are read around a region on each side."""


@dataclass(frozen=True, eq=False)
class Selection:
    """What of a source is to be edited: ``window``, where in it (``region``, None: anywhere), where not (``ignored``).

    inputs: other files that it comes from, which must not be written to.
    """

    source: GeoSource
    window: Window
    region: Region | None
    ignored: Region | None
    bands: Bands
    inputs: tuple[Path, ...] = ()


def select(
    path: Path, roi: str | None = None, *, ignore: str | None = None, rgb: Sequence[int] | None = None
) -> Selection:
    """What the arguments of ``documents.open_document`` mean of a raster on the earth; without ``roi`` all of it.

    Raises InputError for what cannot be read and for a region or band that is not there, MissingPackageError.
    """
    source = open_source(path)
    region = None if roi is None else find_region(roi, source)
    window = whole(source.size) if region is None else with_context(region.window, source.size)
    ignored = None if ignore is None else find_region(ignore, source)
    return Selection(source, window, region, ignored, find_bands(source, rgb), region_files(roi, ignore))


def with_context(region: Window, size: tuple[int, int]) -> Window:
    """A region's window with what an edit looks at around it, within a scene of ``size`` (height, width).

    What the scene's border cuts off is left out; ``guidance.regions.window_around`` takes it from the other side.
    """
    margin = min(MAX_CONTEXT, round(CONTEXT * max(region.size)))

    def widened(low: int, high: int, length: int) -> tuple[int, int]:
        more = max(margin, (LEAST_WINDOW - (high - low) + 1) // 2)
        return max(0, low - more), min(length, high + more)

    top, bottom = widened(region.top, region.bottom, size[0])
    left, right = widened(region.left, region.right, size[1])
    return Window(top, left, bottom, right)
