"""Edit a scene too large for one window: one plan of all of it, seen from afar, then tile by tile at full resolution.

The plan fixes what happens where, so tiles agree and nothing is repeated; tiles add the detail, of the scene's own
patches and of the plan's, whose low frequencies they keep. Memory is that of one tile and of the plan.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..guidance.editing import edit_image
from ..guidance.event_lookup import find_events, lookup_guide
from ..guidance.events import Event, Scene
from ..guidance.guide import Guide
from ..guidance.guides import load_guide
from ..guidance.prompts import PromptEnsemble
from ..guidance.regions import Window
from ..guidance.results import EditResult, Progress
from ..guidance.settings import EditSettings
from ..rasters.layout import Array, as_rgb, channels_last
from ..sinddm.bank import PatchSource
from ..sinddm.patches import PatchDenoiser, PatchSettings
from ..sinddm.pyramid import resize
from ..sinddm.sampling import Plan, sample
from .bands import Bands, find_bands
from .regions import Region, find_region
from .source import GeoSource, open_source, read_coarse
from .tiles import Tile, TileStore, feather, laid_over, tiles_of
from .window import GeoDocument, document_from, document_of, mask_in, with_context
from .writing import check_geo_output, edited_copy

PLAN_SIDE = 640
"""Longer side of the plan in pixels."""
AT_ONCE = 1024
"""Longest side of a window that is edited without a plan."""
DETAIL = Plan((0.35, 0.35, 0.4, 0.45))
"""Where a tile begins at each scale: the plan's colours stay, its blur does not."""
PLAN_PATCHES = 192
"""Side of the part of the plan whose patches a tile may use, in pixels."""
PLACE_SIDE = 512
"""Side of the window in which one object is looked for, in pixels."""
PLACES_TRIED = 12


@dataclass(frozen=True, eq=False)
class LargeScene:
    """What of a source is to be edited in tiles: ``window``, where in it (``region``, None: anywhere), where not."""

    source: GeoSource
    window: Window
    region: Region | None
    ignored: Region | None
    bands: Bands


@dataclass(frozen=True, eq=False)
class LargeEdit:
    """plan: the edit seen from afar, or of the one place of it. tiles: how many were painted, of how many."""

    plan: EditResult
    before: Tensor
    tiles: tuple[int, int]
    notes: tuple[str, ...]
    seconds: float

    def summary(self) -> dict[str, Any]:
        """The numbers of the edit, ready for JSON; scores are those of the plan."""
        return self.plan.summary() | {
            "seconds": round(self.seconds, 2),
            "tiles": list(self.tiles),
            "warnings": [*self.notes, *self.plan.warnings],
        }


@dataclass(frozen=True, eq=False)
class _Seen:
    """A window from afar: what an edit sees of it (``document``), and what it made of it."""

    document: GeoDocument
    result: EditResult


def large_scene(path: Path, roi: str | None, ignore: str | None, rgb: Sequence[int] | None) -> LargeScene | None:
    """The part of a raster to edit, where it is too large for ``window.open_window``; else None. Raises InputError."""
    source = open_source(path)
    region = None if roi is None else find_region(roi, source)
    window = Window(0, 0, *source.size) if region is None else with_context(region.window, source.size)
    if max(window.bottom - window.top, window.right - window.left) <= AT_ONCE:
        return None
    ignored = None if ignore is None else find_region(ignore, source)
    return LargeScene(source, window, region, ignored, find_bands(source, rgb))


def edit_large(
    scene: LargeScene,
    text: str,
    output: Path,
    *,
    settings: EditSettings | None = None,
    guide: Guide | None = None,
    prompts: PromptEnsemble | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> LargeEdit:
    """Edit a scene of any size and write its file with the edit to ``output``.

    What happens to one object (cracks, a damaged house) is edited at one place of the scene that has such objects.
    Finished tiles are kept beside the output until it is written: the same call goes on with them.
    Raises InputError, OutputError, ServiceError.
    """
    settings = settings or EditSettings()
    guide = guide or load_guide(settings.guide, settings.device)
    check_geo_output(output, scene.source)
    begun = time.perf_counter()
    tell = progress or (lambda _: None)
    events = find_events(lookup_guide(guide), text) if settings.exemplars == "auto" else ()
    alone = bool(events) and all(event.local for event in events)
    seen = _place(scene, events, settings.seed) if alone else _from_afar(scene)
    result = edit_image(
        seen.pixels,
        text,
        roi=seen.roi,
        settings=settings,
        guide=guide,
        prompts=prompts,
        valid=seen.valid,
        units=seen.units,
        progress=lambda now: tell(replace(now, share=0.1 * now.share, message=f"plan, {now.message}")),
    )
    if alone:
        seen.write(output, result.image, result.changed)
        return LargeEdit(result, seen.pixels, (1, 1), scene.source.notes, time.perf_counter() - begun)
    painted = _write_tiles(scene, _Seen(seen, result), text, settings, output, tell)
    tell(Progress(1.0, "done", as_rgb(result.image)))
    return LargeEdit(result, seen.pixels, painted, scene.source.notes, time.perf_counter() - begun)


def _write_tiles(
    scene: LargeScene,
    seen: _Seen,
    text: str,
    settings: EditSettings,
    output: Path,
    tell: Callable[[Progress], None],
) -> tuple[int, int]:
    """Paint each tile that the plan changes, then lay them all; how many, of how many."""
    plan = seen.result
    tiles = list(tiles_of(scene.window))
    wanted = [tile for tile in tiles if float(_cut(plan.changed[None], tile.window, scene.window).max()) > 0.0]
    stat = scene.source.path.stat()
    store = TileStore(
        output,
        {
            "source": (scene.source.path.name, stat.st_size, stat.st_mtime_ns),
            "text": text,
            "settings": settings,
            "window": scene.window,
            "bands": scene.bands,
            "plan": float(plan.image.double().sum()),
        },
    )
    for i, tile in enumerate(wanted):
        tell(Progress(0.1 + 0.85 * i / len(wanted), f"tile {i + 1} of {len(wanted)}"))
        if store.load(tile) is None:
            store.save(tile, _painted(scene, seen, tile, settings.seed + i))
    with edited_copy(scene.source, output) as copy:
        for tile in wanted:
            values = store.load(tile)
            assert values is not None, f"the tile {tile.name} was saved a moment ago"
            copy.write(tile.window, laid_over(copy.read(tile.window), values, feather(tile)))
    store.clear()
    return len(wanted), len(tiles)


def _place(scene: LargeScene, events: Sequence[Event], seed: int) -> GeoDocument:
    """One window of the scene at full resolution: of several drawn at random, the one that suits the events best."""
    rng = np.random.default_rng(seed)
    window = scene.window
    best: tuple[float, GeoDocument] | None = None
    failure: InputError | None = None
    for _ in range(PLACES_TRIED):
        top, left = (
            int(rng.integers(low, max(low, high - PLACE_SIDE) + 1))
            for low, high in ((window.top, window.bottom), (window.left, window.right))
        )
        part = Window(top, left, min(window.bottom, top + PLACE_SIDE), min(window.right, left + PLACE_SIDE))
        try:
            here = document_of(scene.source, part, scene.region, scene.ignored, scene.bands)
        except InputError as error:  # no data there
            failure = error
            continue
        may = here.valid.float() if here.roi is None else here.valid * here.roi
        look = Scene(channels_last(as_rgb(here.pixels)).numpy())
        suits = min(float((event.suitability(look) * may.numpy()).mean()) for event in events)
        if bool(may.any()) and (best is None or suits > best[0]):
            best = suits, here
    if best is None:
        raise failure or InputError(f"{scene.source.path} has no place for that; give a smaller region.")
    return best[1]


def _from_afar(scene: LargeScene) -> GeoDocument:
    window = scene.window
    height, width = window.bottom - window.top, window.right - window.left
    shrink = min(1.0, PLAN_SIDE / max(height, width))
    size = (max(1, round(height * shrink)), max(1, round(width * shrink)))

    def reduced(mask: np.ndarray[Any, np.dtype[np.bool_]]) -> Tensor:
        return resize(torch.from_numpy(mask).float()[None], size)[0].clamp(0.0, 1.0)

    part = read_coarse(scene.source, window, size)
    valid = part.valid
    if scene.ignored is not None:
        valid = valid & (reduced(mask_in(scene.ignored, window)) < 0.5).numpy()
    roi = None if scene.region is None else reduced(mask_in(scene.region, window))
    return document_from(scene.source, window, part.stored, valid, roi, scene.bands)


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


def _painted(scene: LargeScene, seen: _Seen, tile: Tile, seed: int) -> Array:
    """The stored values [h, w, C] of a tile with its part of the plan, in the order of ``source.bands``."""
    afar, whole = seen.document, scene.window
    here = document_of(scene.source, tile.window, scene.region, scene.ignored, scene.bands, afar.stretch)
    planned, before = (_cut(each, tile.window, whole) for each in (seen.result.image, afar.pixels))
    changed = _cut(seen.result.changed[None], tile.window, whole)[0] * here.valid
    if here.roi is not None:
        changed = changed * here.roi
    kept = _cut(_relief(seen.result.image, afar.pixels)[None], tile.window, whole)
    start = (planned + kept * (here.pixels - before)).clamp(0.0, 1.0)
    start = here.pixels + changed * (start - here.pixels)
    painted = _detailed(start, here, changed, seen, tile, seed)
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
