"""Which ground cover a text speaks of, and where in a picture that cover lies."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from ..rasters.layout import as_rgb, channels_last
from .events.noise import blur, smoothstep
from .events.scene import Scene

_WORD = re.compile(r"[a-z]+")
_LISTS = {
    "water": "water lake river sea pond bay ocean lagoon reservoir canal stream creek harbour harbor estuary marsh",
    "trees": "tree forest wood woodland leaf leaves foliage canopy jungle orchard crown",
    "grass": "grass grassland meadow field crop pasture lawn farmland cropland prairie desert ground soil earth land",
    "bare": "sand soil desert ground beach earth dune land bank rock gravel field crop farmland cropland",
    "built": "roof rooftop building house home tank storage silo barn hangar shed factory warehouse church "
    "school hospital deck ship vessel bridge",
}
NOUNS: dict[str, frozenset[str]] = {cover: frozenset(nouns.split()) for cover, nouns in _LISTS.items()}
"""Cover → the nouns, in the singular, that people name it by."""

_NO_ROOF = frozenset(("deck", "ship", "vessel", "bridge"))
_SHIPS = frozenset(
    [
        "ship",
        "vessel",
        "boat",
        "tanker",
        "barge",
        "ferry",
        "freighter",
        "frigate",
        "trawler",
        "yacht",
        "warship",
        "deck",
        "hull",
    ]
)
_TANKS = frozenset(("tank", "storage", "silo", "gasometer"))

_AIRCRAFT = frozenset(("airplane", "aeroplane", "plane", "aircraft", "airliner", "jet", "helicopter"))
_CARS = frozenset(("car", "truck", "lorry", "bus", "van", "vehicle", "automobile"))
_BRIDGES = frozenset(("bridge", "overpass", "viaduct", "flyover"))
_PAVED = (
    "runway taxiway tarmac asphalt pavement paving concrete road street highway motorway freeway lane crossing "
    "intersection crossroads roundabout parking apron square plaza playground"
)
_PAVING = frozenset(_PAVED.split())
_SHORES = frozenset(("coast", "coastline", "shore", "shoreline", "beach", "port", "marina", "quay", "pier"))
_SETTLEMENTS = frozenset(("village", "town", "city", "suburb", "neighbourhood", "neighborhood", "settlement"))
_UNLIKE_PLURALS = dict(
    factories="factory", churches="church", ferries="ferry", cities="city", lorries="lorry", buses="bus"
)
_COUNTED = NOUNS["built"] | _SHIPS | _TANKS | _AIRCRAFT | _CARS

LAWN = 0.05
"""Least width of grass, as a share of the short side."""
LEAST_GUESS = 0.06
"""Share of a picture below which what looks most like water is none, though a text names some."""
LEAST_SHARE = 0.02
"""A cover on less of the picture than this counts as absent."""


def named_covers(text: str) -> tuple[str, ...]:
    """The covers that ``text`` names, in the order of ``NOUNS``."""
    said = _words(text)
    return tuple(cover for cover, nouns in NOUNS.items() if said & nouns)


def names_buildings(text: str) -> bool:
    """Whether ``text`` speaks of something with a roof."""
    return bool(_words(text) & (NOUNS["built"] - _NO_ROOF))


def names_ships(text: str) -> bool:
    """Whether ``text`` speaks of something that floats; the deck of a bridge does not."""
    said = _words(text) & _SHIPS
    return bool(said - {"deck"}) or (bool(said) and not names_bridges(text))


def names_water(text: str) -> bool:
    """Whether ``text`` speaks of water, its shore, or something that floats on it."""
    return bool(_words(text) & (NOUNS["water"] | _SHORES)) or names_ships(text)


def names_tanks(text: str) -> bool:
    """Whether ``text`` speaks of a round storage."""
    return bool(_words(text) & _TANKS)


def names_aircraft(text: str) -> bool:
    """Whether ``text`` speaks of something that flies."""
    return bool(_words(text) & _AIRCRAFT)


def names_cars(text: str) -> bool:
    """Whether ``text`` speaks of a road vehicle; a car park is none."""
    return bool(_words(re.sub(r"\bcar (?=park|deck)", "", text.lower())) & _CARS)


def names_bridges(text: str) -> bool:
    """Whether ``text`` speaks of a bridge."""
    return bool(_words(text) & _BRIDGES)


def names_paving(text: str) -> bool:
    """Whether ``text`` speaks of paved ground."""
    return bool(_words(text) & _PAVING)


def names_several(text: str) -> bool:
    """Whether ``text`` speaks of more than one building, tank, ship or vehicle, or of a settlement."""
    words = set(_WORD.findall(text.lower()))
    plurals = {singular for word in words if (singular := _singular(word)) != word}
    return bool(plurals & _COUNTED) or bool((words | plurals) & _SETTLEMENTS)


def _words(text: str) -> set[str]:
    """The words of a text, and their singulars."""
    words = _WORD.findall(text.lower())
    return {_singular(word) for word in words} | set(words)


def _singular(word: str) -> str:
    return _UNLIKE_PLURALS.get(word) or re.sub(r"(?<=[^s])s$", "", word)


def cover_maps(image: Tensor, sought: Sequence[str] = ()) -> dict[str, Tensor]:
    """Where each cover lies in ``image`` (float [C, H, W] in 0…1): [H, W] in 0…1 each, drawn to its edges.

    sought: covers of which a text says that they are there; of water then counts what looks most like it.
    """
    rgb = as_rgb(image).cpu()
    scene = scene_of(image)
    grass = _grass(scene)
    maps = {
        "water": _sought_water(scene) if "water" in sought else scene.water,
        "trees": np.maximum(scene.vegetation, scene.trees) * (1.0 - grass) * _lit(scene),
        "grass": grass,
        "bare": scene.bare * _lit(scene),
        "built": scene.roofs,
    }
    return {cover: along_edges(torch.from_numpy(np.ascontiguousarray(values)), rgb) for cover, values in maps.items()}


def low_ground(image: Tensor) -> Tensor:
    """Where water would gather in ``image`` (float [C, H, W] in 0…1): [H, W] in 0…1."""
    return torch.from_numpy(scene_of(image).low)


def _lit(scene: Scene) -> NDArray[np.float32]:
    """0…1: 0 in deep shadow, whose ground cannot be told."""
    return smoothstep(_light(scene), 0.4, 0.7)


def _light(scene: Scene) -> NDArray[np.float32]:
    return blur(scene.luminance, 2.0) / max(float(scene.luminance.mean()), 0.05)


def _grass(scene: Scene) -> NDArray[np.float32]:
    """0…1: vegetation that is smooth for its light and not dark: crowns are rough, and have their shadows with them."""
    smooth = smoothstep(blur(scene.roughness, 2.0) / np.maximum(_light(scene), 0.1), 0.32, 0.18)
    grass = scene.vegetation * smooth * _lit(scene)
    # A lit crown is smooth too; a lawn is wider.
    return np.asarray(ndimage.grey_opening(grass, max(3, round(LAWN * scene.short_side))), np.float32)


def scene_of(image: Tensor) -> Scene:
    """What can be read from a picture, float [C, H, W] in 0…1."""
    return Scene(channels_last(as_rgb(image).cpu()).numpy().astype(np.float32))


def _sought_water(scene: Scene) -> NDArray[np.float32]:
    found = scene.named_water
    return found if float(found.mean()) > LEAST_GUESS else scene.water


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
