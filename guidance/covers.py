"""Which ground cover a text speaks of, and where in a picture that cover lies."""

from __future__ import annotations

import re

import numpy as np
import torch
from torch import Tensor

from ..rasters.layout import as_rgb, channels_last
from .events.scene import Scene

_LISTS = {
    "water": "water lake river sea pond bay ocean lagoon reservoir canal stream creek harbour harbor estuary marsh",
    "trees": "tree forest wood woodland leaf leaves foliage canopy jungle orchard crown",
    "grass": "grass grassland meadow field crop pasture lawn farmland cropland prairie",
    "bare": "sand soil desert ground beach earth dune land bank rock gravel field crop farmland cropland",
    "built": "roof rooftop building house tank storage deck ship vessel barn hangar bridge",
}
NOUNS: dict[str, frozenset[str]] = {cover: frozenset(nouns.split()) for cover, nouns in _LISTS.items()}
"""Cover → the nouns, in the singular, that people name it by."""

LEAST_SHARE = 0.02
"""A cover on less of the picture than this counts as absent."""


def named_covers(text: str) -> tuple[str, ...]:
    """The covers that ``text`` names, in the order of ``NOUNS``."""
    words = re.findall(r"[a-z]+", text.lower())
    singular = {re.sub(r"(?<=[^s])s$", "", word) for word in words} | set(words)
    return tuple(cover for cover, nouns in NOUNS.items() if singular & nouns)


def cover_maps(image: Tensor) -> dict[str, Tensor]:
    """Where each cover lies in ``image`` (float [C, H, W] in 0…1): [H, W] in 0…1 each, drawn to its edges."""
    rgb = as_rgb(image).cpu()
    scene = _scene(rgb)
    trees = scene.trees
    maps = {
        "water": scene.water,
        "trees": trees,
        "grass": scene.vegetation * (1.0 - trees),
        "bare": scene.bare,
        "built": scene.roofs,
    }
    return {cover: along_edges(torch.from_numpy(np.ascontiguousarray(values)), rgb) for cover, values in maps.items()}


def low_ground(image: Tensor) -> Tensor:
    """Where water would gather in ``image`` (float [C, H, W] in 0…1): [H, W] in 0…1."""
    return torch.from_numpy(_scene(as_rgb(image).cpu()).low)


def _scene(rgb: Tensor) -> Scene:
    return Scene(channels_last(rgb).numpy().astype(np.float32))


def along_edges(mask: Tensor, rgb: Tensor, radius: int = 4, smoothness: float = 4e-4) -> Tensor:
    """A soft mask [H, W] drawn to the edges of a picture [3, H, W] in 0…1.

    The guided filter (He, Sun and Tang, doi:10.1109/TPAMI.2012.213), with the luminance to guide it.
    """
    light = rgb.mean(0)

    def mean(values: Tensor) -> Tensor:
        padded = torch.nn.functional.pad(values[None, None], [radius] * 4, mode="replicate")
        return torch.nn.functional.avg_pool2d(padded, 2 * radius + 1, 1)[0, 0]

    slope = (mean(light * mask) - mean(light) * mean(mask)) / (mean(light * light) - mean(light) ** 2 + smoothness)
    offset = mean(mask) - slope * mean(light)
    return (mean(slope) * light + mean(offset)).clamp(0.0, 1.0)
