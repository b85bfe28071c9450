"""What an event happens to: the ships, vehicles, tanks, buildings, bridge or paving that a text names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .covers import (
    LEAST_SHARE,
    names_aircraft,
    names_bridges,
    names_buildings,
    names_cars,
    names_paving,
    names_several,
    names_ships,
    names_tanks,
)
from .events import BURNING, IN_SURFACES, ON_BUILDINGS, ON_SHIPS, ON_TOPS, Event, Scene
from .events.bridges import find_deck
from .events.buildings import Building, find_buildings, roof_likelihood
from .events.noise import smoothstep
from .events.objects import marked_object
from .events.tanks import find_tanks
from .events.vehicles import Vehicle, find_aircraft, find_cars
from .events.vessels import afloat, moored

FloatArray = NDArray[np.float32]

_INSIDE = 0.8
"""Share of a thing that lies in a region which it is in."""
_LOOSE = 0.2
"""A region of which the largest building in it takes less than this was not drawn around one building."""
_PASSABLE = 0.25
"""Likelihood of a roof of what fills a region, from which on the region was drawn around it."""
_AS_GOOD = 0.7
"""Things that stand out less than this, relative to the clearest, are not chosen."""
_AS_GOOD_OF_SEVERAL = 0.35
"""The same where a text speaks of several."""
_SHARE_OF_SEVERAL, _MOST = 0.7, 6
"""Of several things: the share that it happens to at strength 1, and how many at most."""
_ROOM = 0.5
"""How far around a thing its pieces may lie, by its size."""
_UNEVEN = 0.15
"""Spread of the luminance of a tank's top, of which half of such tanks are not meant."""
_FUEL = 0.25
"""Mean suitability of a region below which a fire is not left to its fuel, but burns whatever the user marked."""


@dataclass(frozen=True)
class _Thing:
    """mask: float32 [H, W] in 0…1. clearness: how clearly it is one, more than 0."""

    mask: FloatArray
    clearness: float


def find_subjects(
    scene: Scene,
    event: Event,
    text: str,
    marked: FloatArray | None,
    rng: np.random.Generator,
    valid: FloatArray | None = None,
    strength: float = 1.0,
) -> tuple[FloatArray, ...]:
    """Where the things lie that ``event`` happens to, [H, W] in 0…1 each; none: wherever the event finds its place.

    An event of one object, and a fire of vehicles, gets one of them at random, or several where the text speaks of
    several: the more, the greater the ``strength``. For others all of them are one place; a fire's is else what the
    user marked, unless that can burn by itself. marked: [H, W] in 0…1, the user's region. valid: [H, W], 0 where the
    image has no data.
    """
    things = _inside(_named_things(scene, event, text, marked), valid)
    if things:
        vehicles = names_aircraft(text) or names_cars(text)
        some = _chosen(things, strength if names_several(text) else 0.0, rng) if event.local or vehicles else ()
        if event.local:
            return some
        return (np.asarray(np.maximum.reduce(some or [thing.mask for thing in things]), np.float32),)
    if marked is None or event not in BURNING:
        return ()
    land = marked * (1.0 - scene.water)
    fuel = float((event.suitability(scene) * land).sum()) / max(float(land.sum()), 1e-6)
    return (land.astype(np.float32),) if fuel < _FUEL else ()


def named_objects(scene: Scene, text: str) -> FloatArray | None:
    """All ships, tanks or buildings, whichever a text names, [H, W] in 0…1; None where it names none or none is found.

    Of what could be a building only what more likely is one than not.
    """
    if names_ships(text):
        masks = [ship.mask for ship in _ships(scene, None)]
    elif names_tanks(text):
        masks = [tank.mask for tank in _tanks(scene)]
    elif names_buildings(text):
        bare = 1.0 - scene.vegetation  # crowns overhang
        masks = [each.mask * bare for each in find_buildings(scene) if each.likelihood > 0.5]
    else:
        return None
    return np.asarray(np.maximum.reduce(masks), np.float32) if masks else None


def room_around(subject: FloatArray) -> FloatArray:
    """A thing and the ground beside it, where its pieces may lie: [H, W] in 0…1 → [H, W]."""
    away = ndimage.distance_transform_edt(subject <= 0.5)
    size = float(np.sqrt(np.count_nonzero(subject > 0.5)))
    return smoothstep(np.asarray(away, np.float32), _ROOM * size + 2.0, 0.8 * _ROOM * size)


def _named_things(scene: Scene, event: Event, text: str, marked: FloatArray | None) -> list[_Thing]:
    # In a region the other events find what it was drawn around.
    if names_ships(text) and event in (ON_SHIPS if marked is None else BURNING):
        return _ships(scene, marked)
    if names_aircraft(text) and event in BURNING:
        return _vehicles(find_aircraft(scene), marked)
    if names_cars(text) and event in BURNING:
        return _vehicles(find_cars(scene), marked)
    if names_tanks(text) and event in ON_TOPS and (inside := _inside(_tanks(scene), marked)):
        return inside
    if event in ON_BUILDINGS or (event in ON_TOPS and names_buildings(text)):
        return _buildings(scene, event, marked)
    if event in IN_SURFACES and marked is None:
        return _grounds(scene, text)
    return []


def _grounds(scene: Scene, text: str) -> list[_Thing]:
    """The deck of the bridge, or else the paved ground, that a text speaks of."""
    if names_bridges(text):
        deck = find_deck(scene, np.ones(scene.shape, np.float32))
        u, v = deck.frame(scene.shape)
        on_deck = (np.abs(v) < 0.9 * deck.half_width) & (np.abs(u) < 0.5 * deck.length)
        return [_Thing(on_deck.astype(np.float32), 1.0)] if on_deck.any() else []
    paving = scene.likely_paving if names_paving(text) else None
    return [] if paving is None else [_Thing(paving, 1.0)]


def _vehicles(found: list[Vehicle], marked: FloatArray | None) -> list[_Thing]:
    return _inside([_Thing(vehicle.mask.astype(np.float32), vehicle.clearness) for vehicle in found], marked)


def _tanks(scene: Scene) -> list[_Thing]:
    """The larger a tank and the more even its top, the likelier it is meant: an open one shows its inside."""
    things = []
    for tank in find_tanks(scene):
        mask = tank.mask(scene.shape)
        even = 1.0 / (1.0 + (float(scene.luminance[mask].std()) / _UNEVEN) ** 2)
        things.append(_Thing(mask.astype(np.float32), tank.clearness * tank.radius**0.5 * even))
    return things


def _ships(scene: Scene, marked: FloatArray | None) -> list[_Thing]:
    ships = _within(afloat(scene), marked)
    if not ships.any():
        ships = _within(moored(scene), marked)
    parts, count = ndimage.label(ships > 0.5)
    masks = [np.where(parts == index, ships, 0.0).astype(np.float32) for index in range(1, count + 1)]
    return [_Thing(mask, float(np.sqrt(mask.sum()))) for mask in masks]


def _buildings(scene: Scene, event: Event, marked: FloatArray | None) -> list[_Thing]:
    found = find_buildings(scene)
    things = [_Thing(each.mask.astype(np.float32), _meant(each)) for each in found if each.mask.any()]
    things = _inside(things, marked)
    if not things:
        return []
    if marked is None:
        return _clear(things)
    share = max(float(thing.mask.sum()) for thing in things) / max(float(marked.sum()), 1.0)
    if event in BURNING:
        return _clear(things) if share > LEAST_SHARE else []
    return things if share < _LOOSE and not _around_one(scene, marked) else []


def _around_one(scene: Scene, marked: FloatArray) -> bool:
    """Whether a region was drawn around one roof, though its parts alone look more like roofs than the whole."""
    thing = marked_object(scene, marked)
    large = np.count_nonzero(thing) > _LOOSE * np.count_nonzero(marked > 0.5)
    return bool(large) and roof_likelihood(scene, thing) > _PASSABLE


def _meant(building: Building) -> float:
    """How likely a building is the one that is meant: the larger shows the event better, what the border cuts less."""
    size = float(np.count_nonzero(building.mask))
    return building.likelihood * float(size**0.25) * max(0.3, 1.0 - 2.0 * building.cut)


def _inside(things: Iterable[_Thing], marked: FloatArray | None) -> list[_Thing]:
    if marked is None:
        return list(things)
    return [thing for thing in things if float((thing.mask * marked).sum()) > _INSIDE * float(thing.mask.sum())]


def _within(mask: FloatArray, marked: FloatArray | None) -> FloatArray:
    return mask if marked is None else np.asarray(mask * marked, np.float32)


def _clear(things: list[_Thing], as_good: float = _AS_GOOD) -> list[_Thing]:
    clearest = max(thing.clearness for thing in things)
    return [thing for thing in things if thing.clearness > as_good * clearest]


def _chosen(things: list[_Thing], strength: float, rng: np.random.Generator) -> tuple[FloatArray, ...]:
    """The masks of one thing at strength 0, of more with it."""
    clear = _clear(things) if strength <= 0.0 else _clear(things, _AS_GOOD_OF_SEVERAL)
    odds = np.array([thing.clearness for thing in clear])
    wanted = 1 if strength <= 0.0 else int(np.clip(round(_SHARE_OF_SEVERAL * strength * len(clear)), 2, _MOST))
    order = rng.choice(len(clear), size=min(wanted, len(clear)), replace=False, p=odds / odds.sum())
    return tuple(clear[int(index)].mask for index in order)
