"""Paint one tile of a large scene: its part of the plan, with the detail of full resolution."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from ..guidance.regions import Window
from ..guidance.results import EditResult
from ..rasters.layout import Array, as_rgb
from ..sinddm.patches.bank import PatchSource
from ..sinddm.patches.model import PatchDenoiser, PatchSettings
from ..sinddm.pyramid import size_of
from ..sinddm.sampling import Plan, sample
from ..sinddm.value_range import to_pixels, to_signed
from .selection import Selection
from .tiles import Tile
from .window import GeoDocument, document_from, mask_in, read_usable

DETAIL = Plan((0.35, 0.35, 0.4, 0.45))
"""Where a tile begins at each scale: the plan's colours stay, its blur does not."""
PLAN_PATCHES = 192
"""Side of the part of the plan whose patches a tile may use, in pixels."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A window from afar: what an edit sees of it (``document``), and what it made of it."""

    document: GeoDocument
    result: EditResult

    @cached_property
    def relief(self) -> Tensor:
        """How much of the scene's own relief the edit leaves, 0…1: [h, w]."""
        return _relief(self.result.image, self.document.pixels)

    @cached_property
    def roughness(self) -> Tensor:
        """Local contrast of the edit over the scene's own, 0…1: [h, w]."""
        return _roughness(self.result.image, self.document.pixels)


def cut(values: Tensor, part: Window, whole: Window) -> Tensor:
    """The part of a window of ``values`` [C, h, w] that shows ``whole`` reduced, at full resolution: [C, H, W]."""
    height, width = values.shape[-2:]
    down, across = height / whole.height, width / whole.width
    rows = (torch.arange(part.top, part.bottom) - whole.top + 0.5) * down
    columns = (torch.arange(part.left, part.right) - whole.left + 0.5) * across
    grid = torch.stack(
        [
            (2 * columns / width - 1).expand(len(rows), -1),
            (2 * rows / height - 1)[:, None].expand(-1, len(columns)),
        ],
        -1,
    )
    shown: Tensor = F.grid_sample(
        values[None].float(), grid[None].float(), mode="bicubic", padding_mode="border", align_corners=False
    )[0]
    return shown.clamp(0.0, 1.0)


def painted(scene: Selection, seen: Seen, tile: Tile, seed: int) -> Array:
    """The stored values [h, w, C] of a tile with its part of the plan, in the order of ``source.bands``.

    Raises InputError for a damaged source.
    """
    afar, whole = seen.document, scene.window
    part = read_usable(scene.source, tile.window, scene.ignored)
    if not part.valid.any():
        return part.stored
    roi = None if scene.region is None else torch.from_numpy(mask_in(scene.region, tile.window)).float()
    here = document_from(scene.source, tile.window, part.stored, part.valid, roi, scene.bands, afar.stretch)
    planned, before = (cut(each, tile.window, whole) for each in (seen.result.image, afar.pixels))
    changed = cut(seen.result.changed[None], tile.window, whole)[0] * here.valid
    if here.roi is not None:
        changed = changed * here.roi
    kept = cut(seen.relief[None], tile.window, whole)
    start = (planned + kept * (here.pixels - before)).clamp(0.0, 1.0)
    start = here.pixels + changed * (start - here.pixels)
    detailed = _detailed(start, here, changed, seen, tile, seed)
    # What still has the scene's own relief needs no other, and smoke and water have none.
    rough = cut(seen.roughness[None], tile.window, whole)
    image = torch.where(changed > 0, start + (1.0 - kept) * rough**2 * changed.sqrt() * (detailed - start), here.pixels)
    return here.in_file_order(here.restored(image, changed))


def _mean(values: Tensor) -> Tensor:
    return F.avg_pool2d(values, 9, 1, 4, count_include_pad=False)


def _grey(image: Tensor) -> Tensor:
    return as_rgb(image).mean(0)[None, None]


def _roughness(after: Tensor, before: Tensor) -> Tensor:
    """Local contrast of an edit over the scene's own, 0…1: [h, w]."""
    new, old = ((_mean(image**2) - _mean(image) ** 2).clamp(min=0.0).sqrt() for image in map(_grey, (after, before)))
    return (new / old.clamp(min=1e-3)).clamp(0.0, 1.0)[0, 0]


def _relief(after: Tensor, before: Tensor) -> Tensor:
    """How much of the scene's own relief an edit leaves, 0…1: the slope of its detail over the scene's, [h, w].

    Under thin smoke a part of it is left, in flames or on water nothing, whatever their own contrast.
    """
    new, old = map(_grey, (after, before))
    shared = _mean(new * old) - _mean(new) * _mean(old)
    own = (_mean(old * old) - _mean(old) ** 2).clamp(min=1e-5)
    return (shared / own).clamp(0.0, 1.0)[0, 0]


def _detailed(start: Tensor, here: GeoDocument, changed: Tensor, seen: Seen, tile: Tile, seed: int) -> Tensor:
    """``start`` [C, h, w] with the detail of a picture taken at this resolution where it changed."""
    patches = PatchDenoiser(
        to_signed(here.pixels),
        [PatchSource(to_signed(part), weight, in_place=False) for part, weight in _plan_patches(seen, tile)],
        PatchSettings(anchor=8e-5),
        seed,
        prior=(here.valid * (1.0 - 0.98 * changed)).float(),
    )
    size = size_of(start)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        sampled = sample(patches, size, generator, plan=DETAIL, start=to_signed(start))
    return to_pixels(sampled)


def _plan_patches(seen: Seen, tile: Tile) -> list[tuple[Tensor, Tensor]]:
    """The part of the plan around a tile, and how far it shows the event: [C, s, s] and [s, s]."""
    height, width = seen.result.changed.shape
    whole = seen.document.window
    row = (0.5 * (tile.window.top + tile.window.bottom) - whole.top) / whole.height * height
    column = (0.5 * (tile.window.left + tile.window.right) - whole.left) / whole.width * width
    top = int(min(max(0, row - PLAN_PATCHES / 2), max(0, height - PLAN_PATCHES)))
    left = int(min(max(0, column - PLAN_PATCHES / 2), max(0, width - PLAN_PATCHES)))
    part = (slice(top, top + PLAN_PATCHES), slice(left, left + PLAN_PATCHES))
    return [(seen.result.image[:, part[0], part[1]], seen.result.changed[part])]
