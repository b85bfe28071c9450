"""What the guide paints where no patch can: a new look for a surface, its texture and its shadows kept.

A model of one image can only paint what that image holds: guidance toward "purple flowers" over a green meadow is
projected away again. So where no event is drawn, the chain of x̂_0 goes on in the image's own colours, while the guide
is shown x̂_0 through an :class:`Appearance`, a change of colour on one ground cover, which is laid over the result too.
The guide chooses the colour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..rasters.layout import as_rgb
from ..sinddm.pyramid import resize, size_of
from ..sinddm.value_range import to_signed, to_unit
from .bands import with_visible
from .covers import LEAST_SHARE, along_edges, cover_maps, low_ground, named_covers, scene_of
from .events.noise import fractal_noise, organic_place
from .guide import Guide
from .masks import blur
from .prompting.lexicon import wanted_colour
from .subjects import named_objects

LEVELS = (0.06, 0.28, 0.5, 0.72, 0.94)
"""Of red, green and blue: every combination is tried."""
DULLNESS, BRIGHTNESS = (0.25, 0.5), (0.6, 0.8, 1.0)
"""Shades of a colour that a text names: how far towards grey, and how light."""
MOST_SATURATED = 0.6
"""Range of the bands from which a colour is rarer on the ground than a guide thinks."""
ENOUGH = 0.85
"""Of the colours that reach this share of the best one's gain, the nearest to the surface's own is taken."""
SEARCH_SIDE = 96
"""Short side of the picture on which colours are tried."""
BATCH = 25
"""Colours that are tried at once."""
TEXTURE = 0.18
"""How much of a surface's own variation of hue stays under the new colour."""
NEW_SURFACE_SHARE = 0.25
"""Share of a picture that is painted where it has no surface that the text names."""
NEW_SURFACE_RELIEF = 0.35
"""How much of the light and dark of what was there before stays on a new surface."""
ENOUGH_GROUND = 0.15
"""Where the text names no place, grass takes the colour; where it is less, trees too, and bare ground last."""
GROWING = ("grass", "trees")
"""What grows takes on a colour in clumps, not evenly."""
CLUMPS, SHEETS = (0.06, 0.4), (0.25, 0.9)
"""Size of a patch as a share of the short side, and how far it reaches per strength: at 1 sheets have joined."""
GAPS, GAP_SIZE = (0.75, 1.05), 0.03
"""Light relative to what is around, within this share of the short side: darker is a gap that takes no colour."""
IN_GAPS = 0.6
"""How much of the colour a gap between leaves or flowers takes."""
_LUMINANCE = torch.tensor([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class Appearance:
    """A new colour [3] in 0…1 on a surface of mean luminance ``light``, to the degree ``amount`` [H, W] in 0…1.

    relief: how much of the surface's own light and dark stays, 0…1.
    """

    colour: Tensor
    light: float
    amount: Tensor
    relief: float = 1.0

    def hex(self) -> str:
        """The colour as sRGB, for example ``#7a4c9e``."""
        return "#" + "".join(f"{round(255 * float(value)):02x}" for value in self.colour)

    def __call__(self, image: Tensor) -> Tensor:
        """An image [C, h, w] in −1…1 of any size with this look; differentiable; further bands follow the visible."""
        size = size_of(image)
        amount = resize(self.amount[None], size).clamp(0.0, 1.0)
        rgb = to_unit(as_rgb(image))
        painted = rgb + (_coloured(rgb, self.colour, self.light, self.relief) - rgb) * amount
        return with_visible(image, to_signed(painted.clamp(0.0, 1.0)))


@dataclass(frozen=True)
class Surface:
    """What may take on a colour: [H, W] in 0…1; whether in clumps; how much relief of what is there stays, 0…1."""

    amount: Tensor
    clumped: bool = False
    relief: float = 1.0


@dataclass(frozen=True)
class Paint:
    """A surface, its mean luminance, and the colour [3] in 0…1 that the guide gives it."""

    surface: Surface
    light: float
    colour: Tensor

    def look(self, strength: float, rng: np.random.Generator) -> Appearance:
        """The surface in its colour. strength: 1 covers what the text names, or most of what grows."""
        amount = _spread(self.surface, strength, rng).to(self.colour)
        return Appearance(self.colour, self.light, amount, self.surface.relief)


def found_surface(image: Tensor, text: str, region: Tensor | None) -> Surface | None:
    """What the text names of ``image`` (float [C, H, W] in 0…1), or else the region [H, W], or else its ground.

    None where the text names something that the image does not show.
    """
    wanted = named_covers(text)
    maps = cover_maps(image, sought=wanted)
    if "built" in wanted and (objects := named_objects(scene_of(image), text)) is not None:
        maps["built"] = along_edges(torch.from_numpy(objects), as_rgb(image).cpu())
    allowed = torch.ones_like(image[0]).cpu() if region is None else region.cpu()
    named = [cover for cover in wanted if _share(maps[cover] * allowed, allowed) > LEAST_SHARE]
    if named:
        where = torch.stack([maps[cover] for cover in named]).amax(0)
        return Surface(where * allowed, clumped=named[0] in GROWING)
    if region is not None:
        return Surface(allowed)
    if wanted:
        return None
    ground = maps["grass"]
    for further in ("trees", "bare"):
        if _share(ground, allowed) < ENOUGH_GROUND:
            ground = torch.maximum(ground, maps[further])
    return Surface(((ground - 0.1) / 0.3).clamp(0.0, 1.0), clumped=True)


def new_surface(image: Tensor, rng: np.random.Generator) -> Surface:
    """A place on the low ground of ``image`` (float [C, H, W] in 0…1) for what it does not show."""
    free = low_ground(image).numpy().astype(np.float32)
    where = torch.from_numpy(organic_place(free, NEW_SURFACE_SHARE, rng, 0.7, softness=0.1))
    return Surface(where, relief=NEW_SURFACE_RELIEF)


def find_paint(image: Tensor, surface: Surface, guide: Guide, target: Tensor, text: str = "") -> Paint:
    """The colour that brings ``image`` (float [C, H, W] in 0…1) near to ``target`` for little change of the surface.

    Where ``text`` asks for a colour by name, it is a shade of that.
    """
    surface = replace(surface, amount=surface.amount * _leaves(image)) if surface.clumped else surface
    light = _mean_light(image, surface.amount)
    return Paint(surface, light, _fitting_colour(image, surface, light, guide, target, palette(text)))


def palette(text: str) -> Tensor:
    """The colours [N, 3] in 0…1 that a text may mean: shades of the one that it asks for, else all."""
    wanted = wanted_colour(text)
    if wanted is None:
        levels = torch.tensor(LEVELS)
        colours = torch.cartesian_prod(levels, levels, levels)
        return colours[colours.amax(1) - colours.amin(1) < MOST_SATURATED]
    pure = torch.tensor(wanted)
    grey = (_LUMINANCE @ pure).expand(3)
    return torch.stack([(pure + (grey - pure) * dull) * bright for dull in DULLNESS for bright in BRIGHTNESS]).clamp(
        0, 1
    )


def _luminance(image: Tensor) -> Tensor:
    return torch.einsum("c,chw->hw", _LUMINANCE.to(image), as_rgb(image))


def _leaves(image: Tensor) -> Tensor:
    """0…1 [H, W]: what grows shows its colour where light falls on it, and less in the gaps between."""
    light = _luminance(image).cpu()
    relative = light / blur(light, max(1.0, GAP_SIZE * min(light.shape))).clamp(min=0.02)
    lit = ((relative - GAPS[0]) / (GAPS[1] - GAPS[0])).clamp(0.0, 1.0)
    return IN_GAPS + (1.0 - IN_GAPS) * lit


def _share(part: Tensor, whole: Tensor) -> float:
    return float(part.sum() / whole.sum().clamp(min=1e-6))


def _spread(surface: Surface, strength: float, rng: np.random.Generator) -> Tensor:
    """The surface at ``strength``: patches that spread and join as it grows, [H, W] in 0…1."""
    size = size_of(surface.amount)
    patch, reach = CLUMPS if surface.clumped else SHEETS
    noise = torch.from_numpy(fractal_noise(size, patch * min(size), rng))
    return surface.amount * ((noise - 0.7 + reach * strength) / 0.35).clamp(0.0, 1.0)


def _mean_light(image: Tensor, amount: Tensor) -> float:
    light = _luminance(image)
    weight = amount.to(image)
    return float((light * weight).sum() / weight.sum().clamp(min=1e-6))


def _coloured(rgb: Tensor, colour: Tensor, light: float, relief: float) -> Tensor:
    """[..., 3, H, W] in a new colour [..., 3]: its relative light and dark stay, highlights are compressed."""
    own = torch.einsum("c,...chw->...hw", _LUMINANCE.to(rgb), rgb)[..., None, :, :]
    relative = ((own + 0.05) / (light + 0.05)).clamp(min=1e-3) ** relief
    relative = torch.where(relative > 1.0, 1.0 + 0.6 * (1.0 - torch.exp(1.0 - relative)), relative)
    hue = rgb - own
    return colour[..., None, None].to(rgb) * relative + TEXTURE * relief * (hue - hue.mean((-2, -1), keepdim=True))


def _fitting_colour(
    image: Tensor, surface: Surface, light: float, guide: Guide, target: Tensor, colours: Tensor
) -> Tensor:
    """The one of ``colours`` [N, 3] for ``surface`` that fits the text well and departs least from what is there."""
    shrink = min(1.0, SEARCH_SIDE / min(image.shape[-2:]))
    size = (round(image.shape[-2] * shrink), round(image.shape[-1] * shrink))
    rgb = resize(as_rgb(image), size)
    weight = resize(surface.amount.to(image)[None], size).clamp(0.0, 1.0)
    own = (rgb * weight).sum((-2, -1)) / weight.sum().clamp(min=1e-6)

    def fit(colours: Tensor) -> Tensor:
        looks = _coloured(rgb.expand(len(colours), -1, -1, -1), colours, light, surface.relief)
        return (guide.embed_images((rgb + (looks - rgb) * weight).clamp(0.0, 1.0)) @ target).to(rgb.device)

    tried = colours.to(image.device)
    fits = torch.cat([fit(part) for part in torch.split(tried, BATCH)])
    before = (guide.embed_images(rgb[None])[0] @ target).to(rgb.device)
    good = tried[fits >= before + ENOUGH * (fits.max() - before)]
    return good[(good - own).square().sum(-1).argmin()]
