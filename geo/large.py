"""Edit a scene too large for one window: one plan of all of it, seen from afar, then tile by tile at full resolution.

The plan fixes what happens where, so tiles agree and nothing is repeated; tiles add the detail, of the scene's own
patches and of the plan's, whose low frequencies they keep. Memory is that of one tile and of the plan.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError
from ..guidance.editing import edit_image
from ..guidance.event_lookup import find_events, lookup_guide
from ..guidance.events import Event, Scene
from ..guidance.guide import Guide
from ..guidance.guides import load_guide
from ..guidance.prompting.prompts import PromptEnsemble
from ..guidance.regions import Window
from ..guidance.results import EditResult, Progress
from ..guidance.settings import EditSettings
from ..rasters.layout import as_rgb, channels_last
from ..rasters.locks import alone
from ..rasters.raster import MAX_SIDE, MIN_SIDE
from ..sinddm.pyramid import resize
from .painting import Seen, cut, painted
from .regions import Region
from .selection import Selection
from .source import GeoSource, read_coarse
from .tiles import TileStore, feather, laid_over, tiles_of
from .window import GeoDocument, document_from, document_of, mask_in
from .writing import check_geo_output, edited_copy

PLAN_SIDE = 640
"""Longer side of the plan in pixels."""
AT_ONCE = 1024
"""Longest side of a window that is edited without a plan."""
PLACE_SIDE = 512
"""Side of the window in which one object is looked for, in pixels."""
PLACES_TRIED = 12


@dataclass(frozen=True, eq=False)
class LargeEdit:
    """plan: the edit seen from afar, or of the one place of it. tiles: how many were painted, of how many.

    before: what the plan's picture was. measured: as of ``documents.Document``.
    """

    plan: EditResult
    before: Tensor
    measured: dict[str, Any]
    tiles: tuple[int, int]
    notes: tuple[str, ...]
    seconds: float

    def summary(self) -> dict[str, Any]:
        """The numbers of the edit, ready for JSON; scores are those of the plan."""
        return (
            self.plan.summary()
            | self.measured
            | {
                "seconds": round(self.seconds, 2),
                "tiles": list(self.tiles),
                "warnings": [*self.notes, *self.plan.warnings],
            }
        )


def needs_tiles(selection: Selection) -> bool:
    """Whether a selection is too large to be opened and edited at once."""
    return max(selection.window.size) > AT_ONCE


def check_sides(window: Window, source: GeoSource) -> None:
    """Raise InputError for a window that no plan can show: too narrow, or too narrow for its length."""
    short, long = sorted(window.size)
    if short < MIN_SIDE or long / short > MAX_SIDE / MIN_SIDE:
        raise InputError(
            f"The part of {source.path} to edit is {window.width}×{window.height} px, "
            "too narrow to be edited; give another region."
        )


def edit_large(
    scene: Selection,
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
    Raises InputError (also for a window that no plan can show), OutputError (also where another process is writing this
    output), ServiceError.
    """
    check_sides(scene.window, scene.source)
    settings = settings or EditSettings()
    guide = guide or load_guide(settings.guide, settings.device)
    check_geo_output(output, scene.source, scene.inputs)
    busy = f"Another edit is writing {output}; wait until it has ended, or give this one another name."
    with alone(output, busy):
        return _edit_large(scene, text, output, settings, guide, prompts, progress or (lambda _: None))


def _edit_large(
    scene: Selection,
    text: str,
    output: Path,
    settings: EditSettings,
    guide: Guide,
    prompts: PromptEnsemble | None,
    tell: Callable[[Progress], None],
) -> LargeEdit:
    begun = time.perf_counter()
    events = find_events(lookup_guide(guide), text) if settings.exemplars == "auto" else ()
    at_one_place = bool(events) and all(event.local for event in events)
    seen = _place(scene, events, settings.seed) if at_one_place else _from_afar(scene)
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
    measured = seen.measured(result.image, result.changed)
    if at_one_place:
        seen.write(output, result.image, result.changed)
        return LargeEdit(result, seen.pixels, measured, (1, 1), scene.source.notes, time.perf_counter() - begun)
    tiles = _write_tiles(scene, Seen(seen, result), text, settings, output, tell)
    tell(Progress(1.0, "done", as_rgb(result.image)))
    return LargeEdit(result, seen.pixels, measured, tiles, scene.source.notes, time.perf_counter() - begun)


def _write_tiles(
    scene: Selection,
    seen: Seen,
    text: str,
    settings: EditSettings,
    output: Path,
    tell: Callable[[Progress], None],
) -> tuple[int, int]:
    """Paint each tile that the plan changes, then lay them all; how many, of how many."""
    plan = seen.result
    tiles = list(tiles_of(scene.window))
    wanted = [tile for tile in tiles if float(cut(plan.changed[None], tile.window, scene.window).max()) > 0.0]
    stat = scene.source.path.stat()
    store = TileStore(
        output,
        {
            "source": (scene.source.path.name, stat.st_size, stat.st_mtime_ns),
            "text": text,
            "settings": settings,
            "window": scene.window,
            "region": _digest(scene.region),
            "ignored": _digest(scene.ignored),
            "bands": scene.bands,
            "plan": hashlib.sha256(plan.image.numpy().tobytes() + plan.changed.numpy().tobytes()).hexdigest(),
        },
    )
    for i, tile in enumerate(wanted):
        tell(Progress(0.1 + 0.85 * i / len(wanted), f"tile {i + 1} of {len(wanted)}"))
        if store.load(tile) is None:
            store.save(tile, painted(scene, seen, tile, settings.seed + i))
    nodata = tuple(scene.source.nodata[band] for band in scene.source.bands)
    with edited_copy(scene.source, output) as copy:
        for tile in wanted:
            values = store.load(tile)
            assert values is not None, f"the tile {tile.name} was saved a moment ago"
            copy.write(tile.window, laid_over(copy.read(tile.window), values, feather(tile), nodata))
    store.clear()
    return len(wanted), len(tiles)


def _digest(region: Region | None) -> Any:
    return region and (region.window, hashlib.sha256(region.mask.tobytes()).hexdigest())


def _place(scene: Selection, events: Sequence[Event], seed: int) -> GeoDocument:
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


def _from_afar(scene: Selection) -> GeoDocument:
    window = scene.window
    height, width = window.size
    # A narrow scene keeps the least side that an edit needs.
    shrink = min(1.0, max(PLAN_SIDE / max(height, width), MIN_SIDE / min(height, width)))
    size = (max(MIN_SIDE, round(height * shrink)), max(MIN_SIDE, round(width * shrink)))

    def reduced(mask: NDArray[np.bool_]) -> Tensor:
        return resize(torch.from_numpy(mask).float()[None], size)[0].clamp(0.0, 1.0)

    part = read_coarse(scene.source, window, size)
    valid = part.valid
    if scene.ignored is not None:
        # A pixel of the plan, whose overview may look one further, must not show any of what is ignored.
        ignored = torch.from_numpy(mask_in(scene.ignored, window)).float()[None]
        touched = F.max_pool2d(F.adaptive_max_pool2d(ignored, size), 3, 1, 1)
        valid = valid & (touched[0] == 0).numpy()
    roi = None if scene.region is None else reduced(mask_in(scene.region, window))
    return document_from(scene.source, window, part.stored, valid, roi, scene.bands)
