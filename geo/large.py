"""Edit a scene too large for one window: one plan of all of it, seen from afar, then tile by tile at full resolution.

The plan fixes what happens where, so tiles agree and nothing is repeated; tiles add the detail, of the scene's own
patches and of the plan's, whose low frequencies they keep. Memory is that of one tile and of the plan.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..guidance.editing import edit_image
from ..guidance.guide import Guide
from ..guidance.guides import load_guide
from ..guidance.prompts import PromptEnsemble
from ..guidance.regions import Window
from ..guidance.results import EditResult, Progress
from ..guidance.settings import EditSettings
from ..rasters.layout import as_rgb
from ..sinddm.bank import PatchSource
from ..sinddm.patches import PatchDenoiser, PatchSettings
from ..sinddm.pyramid import resize
from ..sinddm.sampling import Plan, sample
from .bands import Bands, find_bands
from .regions import Region
from .source import GeoSource, read_coarse
from .tiles import Tile, TileStore, feather, tiles_of
from .window import GeoDocument, document_from, document_of, mask_in
from .writing import edited_copy

PLAN_SIDE = 640
"""Longer side of the plan in pixels."""
AT_ONCE = 1024
"""Longest side of a window that is edited without a plan."""
DETAIL = Plan((0.35, 0.35, 0.4, 0.45))
"""Where a tile begins at each scale: the plan's colours stay, its blur does not."""
PLAN_PATCHES = 192
"""Side of the part of the plan whose patches a tile may use, in pixels."""


@dataclass(frozen=True, eq=False)
class LargeEdit:
    """plan: the edit of the whole seen from afar. tiles: how many were painted, of how many. seconds: of all."""

    plan: EditResult
    tiles: tuple[int, int]
    seconds: float


@dataclass(frozen=True, eq=False)
class _Seen:
    """A window from afar: what an edit sees of it (``document``), and what it made of it."""

    document: GeoDocument
    result: EditResult


def edit_large(
    source: GeoSource,
    text: str,
    output: Path,
    window: Window,
    *,
    region: Region | None = None,
    ignored: Region | None = None,
    bands: Bands | None = None,
    settings: EditSettings | None = None,
    guide: Guide | None = None,
    prompts: PromptEnsemble | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> LargeEdit:
    """Edit a window of any size and write the source with it to ``output``.

    Finished tiles are kept beside the output until it is written: the same call goes on with them.
    Raises InputError, OutputError, ServiceError.
    """
    begun = time.perf_counter()
    settings = settings or EditSettings()
    guide = guide or load_guide(settings.guide, settings.device)
    bands = bands or find_bands(source)
    tell = progress or (lambda _: None)
    afar = _from_afar(source, window, region, ignored, bands)
    result = edit_image(
        afar.pixels,
        text,
        roi=afar.roi,
        settings=settings,
        guide=guide,
        prompts=prompts,
        valid=afar.valid,
        units=afar.units,
        progress=lambda now: tell(replace(now, share=0.1 * now.share, message=f"plan, {now.message}")),
    )
    seen = _Seen(afar, result)
    tiles = list(tiles_of(window))
    wanted = [tile for tile in tiles if float(_cut(result.changed[None], tile.window, window).max()) > 0.0]
    stat = source.path.stat()
    key = {"source": (source.path.name, stat.st_size, stat.st_mtime_ns), "text": text, "settings": settings}
    key |= {"window": window, "bands": bands, "guide": guide.name, "plan": float(result.image.double().sum())}
    store = TileStore(output, key)
    for i, tile in enumerate(wanted):
        tell(Progress(0.1 + 0.85 * i / len(wanted), f"tile {i + 1} of {len(wanted)}"))
        if store.load(tile) is None:
            store.save(tile, _painted(seen, tile, region, ignored, settings, i))
    with edited_copy(source, output) as copy:
        for tile in wanted:
            values = store.load(tile)
            assert values is not None
            weight = feather(tile)[..., None]
            below = copy.read(tile.window)
            mixed = below + weight * (values.astype(np.float64) - below)
            if below.dtype.kind in "iu":
                mixed = np.rint(mixed)
            copy.write(tile.window, np.where(weight >= 1, values, mixed.astype(below.dtype)))
    store.clear()
    tell(Progress(1.0, "done", as_rgb(result.image)))
    return LargeEdit(result, (len(wanted), len(tiles)), time.perf_counter() - begun)


def _from_afar(
    source: GeoSource, window: Window, region: Region | None, ignored: Region | None, bands: Bands
) -> GeoDocument:
    height, width = window.bottom - window.top, window.right - window.left
    shrink = min(1.0, PLAN_SIDE / max(height, width))
    size = (max(1, round(height * shrink)), max(1, round(width * shrink)))

    def reduced(mask: np.ndarray[Any, np.dtype[np.bool_]]) -> Tensor:
        return resize(torch.from_numpy(mask).float()[None], size)[0].clamp(0.0, 1.0)

    part = read_coarse(source, window, size)
    valid = part.valid if ignored is None else part.valid & (reduced(mask_in(ignored, window)) < 0.5).numpy()
    roi = None if region is None else reduced(mask_in(region, window))
    return document_from(source, window, part.stored, valid, roi, bands)


def _cut(values: Tensor, part: Window, whole: Window) -> Tensor:
    """The part of a window of ``values`` [C, h, w] that shows ``whole`` reduced, at full resolution: [C, H, W]."""
    height, width = values.shape[-2:]
    down, across = height / (whole.bottom - whole.top), width / (whole.right - whole.left)
    rows = (torch.arange(part.top, part.bottom) - whole.top + 0.5) * down
    columns = (torch.arange(part.left, part.right) - whole.left + 0.5) * across
    grid = torch.stack(
        [
            (2 * columns / width - 1).expand(len(rows), -1),
            (2 * rows / height - 1)[:, None].expand(-1, len(columns)),
        ],
        -1,
    )
    cut: Tensor = torch.nn.functional.grid_sample(
        values[None].float(), grid[None].float(), mode="bicubic", padding_mode="border", align_corners=False
    )[0]
    return cut.clamp(0.0, 1.0)


def _painted(
    seen: _Seen, tile: Tile, region: Region | None, ignored: Region | None, settings: EditSettings, index: int
) -> np.ndarray[Any, Any]:
    """The stored values [h, w, C] of a tile with its part of the plan, in the order of ``source.bands``."""
    afar, whole = seen.document, seen.document.window
    here = document_of(afar.source, tile.window, region, ignored, afar.bands, afar.stretch)
    planned, before = (_cut(each, tile.window, whole) for each in (seen.result.image, afar.pixels))
    changed = _cut(seen.result.changed[None], tile.window, whole)[0] * here.valid
    if here.roi is not None:
        changed = changed * here.roi
    kept = _cut(_relief(seen.result.image, afar.pixels)[None], tile.window, whole)
    start = (planned + kept * (here.pixels - before)).clamp(0.0, 1.0)
    start = here.pixels + changed * (start - here.pixels)
    painted = _detailed(start, here, changed, seen, tile, settings.seed + index)
    # What still has the scene's own relief needs no other.
    image = torch.where(changed > 0, start + (1.0 - kept) * changed.sqrt() * (painted - start), here.pixels)
    return here.in_file_order(here.restored(image, changed))


def _relief(after: Tensor, before: Tensor) -> Tensor:
    """How much of the scene's own relief an edit leaves, 0…1: ratio of local contrasts, [h, w]."""

    def contrast(image: Tensor) -> Tensor:
        grey = as_rgb(image).mean(0)[None, None]
        mean = torch.nn.functional.avg_pool2d(grey, 9, 1, 4, count_include_pad=False)
        square = torch.nn.functional.avg_pool2d(grey**2, 9, 1, 4, count_include_pad=False)
        return (square - mean**2).clamp(min=0.0).sqrt()[0, 0]

    return (contrast(after) / contrast(before).clamp(min=1e-3)).clamp(0.0, 1.0)


def _detailed(start: Tensor, here: GeoDocument, changed: Tensor, seen: _Seen, tile: Tile, seed: int) -> Tensor:
    """``start`` [C, h, w] with the detail of a picture taken at this resolution where it changed."""
    patches = PatchDenoiser(
        here.pixels * 2.0 - 1.0,
        [PatchSource(part * 2.0 - 1.0, weight, in_place=False) for part, weight in _plan_patches(seen, tile)],
        PatchSettings(anchor=20.0),
        seed,
        prior=(here.valid * (1.0 - 0.98 * changed)).float(),
    )
    size = (int(start.shape[-2]), int(start.shape[-1]))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        sampled = sample(patches, size, generator, plan=DETAIL, start=start * 2.0 - 1.0)
    return (sampled * 0.5 + 0.5).clamp(0.0, 1.0)


def _plan_patches(seen: _Seen, tile: Tile) -> list[tuple[Tensor, Tensor]]:
    """The part of the plan around a tile, and how far it shows the event: [C, s, s] and [s, s]."""
    height, width = seen.result.changed.shape
    whole = seen.document.window
    row = (0.5 * (tile.window.top + tile.window.bottom) - whole.top) / (whole.bottom - whole.top) * height
    column = (0.5 * (tile.window.left + tile.window.right) - whole.left) / (whole.right - whole.left) * width
    top = int(min(max(0, row - PLAN_PATCHES / 2), max(0, height - PLAN_PATCHES)))
    left = int(min(max(0, column - PLAN_PATCHES / 2), max(0, width - PLAN_PATCHES)))
    part = (slice(top, top + PLAN_PATCHES), slice(left, left + PLAN_PATCHES))
    return [(seen.result.image[:, part[0], part[1]], seen.result.changed[part])]
