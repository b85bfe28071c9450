"""Which cover a text names, and where it is."""

from __future__ import annotations

import pytest
import torch
from comfyui_sinddm_rs.guidance.covers import (
    NOUNS,
    along_edges,
    cover_maps,
    low_ground,
    named_covers,
    names_aircraft,
    names_bridges,
    names_buildings,
    names_cars,
    names_paving,
    names_several,
    names_ships,
    names_tanks,
    names_water,
)
from comfyui_sinddm_rs.rasters.bundled import scene_path
from comfyui_sinddm_rs.rasters.files import read_raster


@pytest.mark.parametrize(
    ("text", "covers"),
    [
        ("a frozen lake", ("water",)),
        ("The Lakes are frozen", ("water",)),
        ("trees beside the river", ("water", "trees")),
        ("the grasses are brown", ()),
        ("grass", ("grass",)),
        ("red roofs", ("built",)),
        ("the field is yellow", ("grass", "bare")),
        ("covered with purple flowers", ()),
        ("icebergs", ()),
    ],
)
def test_named_covers(text: str, covers: tuple[str, ...]) -> None:
    assert named_covers(text) == covers


@pytest.mark.parametrize(
    ("text", "roofed"),
    [("The houses are burning", True), ("Two storage tanks", True), ("Large fire on a ship", False), ("A fire", False)],
)
def test_what_has_a_roof(text: str, roofed: bool) -> None:
    assert names_buildings(text) == roofed


@pytest.mark.parametrize(
    ("text", "floats"),
    [
        ("Large fire on a ship", True),
        ("Big holes on deck", True),
        ("Burning boats", True),
        ("A worship house", False),
        ("Cracks in the deck of the bridge", False),
        ("A ship burns under the bridge", True),
    ],
)
def test_what_floats(text: str, floats: bool) -> None:
    assert names_ships(text) == floats


@pytest.mark.parametrize(
    ("text", "round_top"),
    [("Cracks on the storage", True), ("Two silos burn", True), ("A burning tanker", False), ("A house", False)],
)
def test_what_has_a_round_top(text: str, round_top: bool) -> None:
    assert names_tanks(text) == round_top


@pytest.mark.parametrize(
    ("text", "several"),
    [
        ("The homes were destroyed", True),
        ("A tornado tore off the roofs", True),
        ("The factories are in ruins", True),
        ("The village was hit by an earthquake", True),
        ("The house is damaged", False),
        ("Cracks on the storage", False),
        ("Cracks on the storage tanks", True),
        ("Big holes on deck", False),
        ("The house's roof has holes", False),
    ],
)
def test_what_is_more_than_one_thing(text: str, several: bool) -> None:
    assert names_several(text) == several


@pytest.mark.parametrize(
    ("text", "paved", "bridge", "water"),
    [
        ("Bomb craters on the runway", True, False, False),
        ("Cracks in the roads", True, False, False),
        ("Holes in the overpass", False, True, False),
        ("A tsunami hit the beach", False, False, True),
        ("A tanker is losing oil", False, False, True),
        ("The field is burnt", False, False, False),
    ],
)
def test_pavement_bridges_and_water_are_named(text: str, paved: bool, bridge: bool, water: bool) -> None:
    assert (names_paving(text), names_bridges(text), names_water(text)) == (paved, bridge, water)


@pytest.mark.parametrize(
    ("text", "aircraft", "cars"),
    [
        ("A burning airplane", True, False),
        ("Burning cars", False, True),
        ("A lorry on fire", False, True),
        ("A fire in the car park", False, False),
        ("A plain field burns", False, False),
    ],
)
def test_aircraft_and_cars_are_named(text: str, aircraft: bool, cars: bool) -> None:
    assert (names_aircraft(text), names_cars(text)) == (aircraft, cars)


def test_water_that_a_text_names_is_sought_and_a_small_guess_is_none() -> None:
    for name in ("meadow", "forest"):
        image = read_raster(scene_path(name)).pixels
        assert torch.equal(cover_maps(image, sought=("water",))["water"], cover_maps(image)["water"])
    coast = read_raster(scene_path("coast")).pixels
    assert float(cover_maps(coast, sought=("water",))["water"].mean()) > 0.9 * float(cover_maps(coast)["water"].mean())


def test_the_bundled_scenes_are_read_as_a_person_reads_them() -> None:
    river = cover_maps(read_raster(scene_path("river")).pixels)
    meadow = cover_maps(read_raster(scene_path("meadow")).pixels)
    forest = cover_maps(read_raster(scene_path("forest")).pixels)
    assert set(river) == set(NOUNS)
    assert all(float(each.min()) >= 0.0 and float(each.max()) <= 1.0 for each in river.values())
    assert 0.05 < float(river["water"].mean()) < 0.8
    assert float(forest["trees"].mean()) > 0.4
    assert float(meadow["grass"].mean()) > float(forest["grass"].mean())
    house = cover_maps(read_raster(scene_path("house")).pixels)
    lawn, roof = (slice(None, 70), slice(130, 190)), (slice(120, 150), slice(115, 155))
    assert float(house["grass"][lawn].mean()) > 0.6
    assert float(house["grass"][roof].mean()) < 0.2
    assert float(house["built"][roof].mean()) > 0.5


def test_a_mask_is_drawn_to_the_edge_that_is_near() -> None:
    picture = torch.zeros(3, 32, 32)
    picture[:, :, 16:] = 0.8
    blurred = ((torch.arange(32) - 12.0) / 10.0).clamp(0.0, 1.0).expand(32, 32)
    drawn = along_edges(blurred, picture)
    step, before = (float(each[16, 16] - each[16, 15]) for each in (drawn, blurred))
    assert step > 3.0 * before


def test_low_ground_is_where_the_water_is() -> None:
    river = read_raster(scene_path("river")).pixels
    water = cover_maps(river)["water"] > 0.9
    low = low_ground(river)
    assert float(low[water].mean()) > float(low[~water].mean()) + 0.1
