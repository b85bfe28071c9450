"""What an event happens to."""

from __future__ import annotations

import numpy as np
import pytest
from comfyui_sinddm_rs.guidance.events import EVENTS, Scene
from comfyui_sinddm_rs.guidance.events.buildings import find_buildings
from comfyui_sinddm_rs.guidance.events.tanks import find_tanks
from comfyui_sinddm_rs.guidance.subjects import find_subjects, named_objects, room_around
from comfyui_sinddm_rs.rasters.bundled import scene_path
from PIL import Image

BY_NAME = {event.name: event for event in EVENTS}


@pytest.fixture(scope="module")
def village() -> Scene:
    """Four light roofs on a lawn."""
    picture = lawn()
    for row, column in ((30, 30), (30, 160), (160, 40), (170, 170)):
        picture[row + 8 : row + 46, column + 8 : column + 56] = 0.06  # its shadow
        picture[row : row + 40, column : column + 50] = np.array([0.75, 0.6, 0.5], np.float32)
    return Scene(picture)


def lawn() -> np.ndarray:
    grain = np.random.default_rng(0).normal(0.0, 0.02, (240, 240, 1))
    return (np.array([0.3, 0.42, 0.25]) + grain).astype(np.float32)


def tanks() -> Scene:
    with Image.open(scene_path("tanks")) as picture:
        return Scene(np.asarray(picture.convert("RGB"), np.float32) / 255)


def subject(scene: Scene, event: str, text: str, marked: np.ndarray | None = None, seed: int = 0) -> np.ndarray | None:
    found = find_subjects(scene, BY_NAME[event], text, marked, np.random.default_rng(seed))
    assert len(found) < 2
    return found[0] if found else None


def marked_at(rows: slice, columns: slice) -> np.ndarray:
    region = np.zeros((240, 240), np.float32)
    region[rows, columns] = 1.0
    return region


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ("damaged_building", "Storm damage"),
        ("removed_buildings", "It was torn down"),
        ("holes", "Holes in the roof"),
        ("cracks", "A cracked building"),
    ],
)
def test_an_event_of_one_object_gets_one_building(village, event, text):
    roofs = [building.mask for building in find_buildings(village)]
    assert len(roofs) == 4
    chosen = {
        next(i for i, roof in enumerate(roofs) if np.array_equal(roof, found > 0.5))
        for found in (subject(village, event, text, seed=seed) for seed in range(12))
    }
    assert len(chosen) > 1  # another seed, another house


def test_a_building_that_the_border_cuts_is_chosen_less_often_than_a_whole_one():
    picture = lawn()
    for row in (0, 130):
        picture[row + 8 : row + 46, 98:156] = 0.06
        picture[row : row + 40, 90:140] = np.array([0.75, 0.6, 0.5], np.float32)
    scene = Scene(picture)
    roofs = find_buildings(scene)
    assert len(roofs) == 2
    chosen = [subject(scene, "damaged_building", "The house is damaged", seed=seed) for seed in range(8)]
    assert all(found is not None and found[130:170].sum() > found[:46].sum() for found in chosen)


@pytest.mark.parametrize("seed", range(6))
def test_a_building_without_data_is_not_chosen(village, seed):
    valid = marked_at(slice(0, 240), slice(120, 240))
    (found,) = find_subjects(village, BY_NAME["holes"], "Holes in a roof", None, np.random.default_rng(seed), valid)
    assert (valid[found > 0.5] > 0.0).mean() > 0.8


def test_all_buildings_may_burn(village):
    found = subject(village, "fire", "The houses are burning")
    assert np.array_equal(found > 0.5, np.any([building.mask for building in find_buildings(village)], axis=0))


@pytest.mark.parametrize(
    ("event", "text"),
    [("damaged_building", "The houses were destroyed"), ("holes", "Holes in the roofs"), ("cracks", "Cracked houses")],
)
def test_several_buildings_are_several_the_more_the_stronger(village, event, text):
    roofs = [building.mask for building in find_buildings(village)]
    counts = []
    for strength in (0.3, 1.0, 2.0):
        found = find_subjects(village, BY_NAME[event], text, None, np.random.default_rng(0), strength=strength)
        own = {next(i for i, roof in enumerate(roofs) if np.array_equal(roof, mask > 0.5)) for mask in found}
        assert len(own) == len(found)  # each once
        counts.append(len(found))
    assert counts[0] == 2 and sorted(counts) == counts and counts[-1] == 4


@pytest.mark.parametrize("seed", range(4))
def test_paved_ground_that_a_text_names_is_found(seed):
    rng = np.random.default_rng(seed)
    picture = lawn()
    runway = marked_at(slice(0, 240), slice(80 + 10 * seed, 150 + 10 * seed)) > 0.0
    picture[runway] = np.array([0.42, 0.42, 0.41]) + rng.normal(0.0, 0.01, (np.count_nonzero(runway), 1))
    picture[100:130, 112 + 10 * seed : 118 + 10 * seed] = 0.9  # a painted line
    found = subject(Scene(picture), "craters", "Bomb craters on the runway", seed=seed) > 0.5
    assert (found & runway).sum() > 0.85 * runway.sum() and (found & ~runway).sum() < 0.05 * runway.sum()
    assert subject(Scene(picture), "craters", "Bomb craters", seed=seed) is None


def test_a_lawn_is_not_paved():
    assert subject(Scene(lawn()), "cracks", "Cracks in the road") is None


def test_the_deck_of_a_bridge_that_a_text_names_is_found():
    picture = lawn()
    picture[:, 60:200] = np.array([0.1, 0.2, 0.3]) + np.random.default_rng(1).normal(0.0, 0.004, (240, 140, 1))
    picture[105:130] = np.array([0.6, 0.6, 0.58])
    found = subject(Scene(picture), "cracks", "Cracks in the bridge") > 0.5
    assert found[108:127, 90:170].mean() > 0.9 and found[:95].mean() < 0.02 and found[140:].mean() < 0.02


def test_what_a_text_names_is_painted_and_not_the_crown_beside_it(village):
    roofs = np.any([building.mask for building in find_buildings(village)], axis=0)
    painted = named_objects(village, "Blue roofs")
    assert painted is not None and painted[roofs].mean() > 0.8 and painted[~roofs].max() == 0.0
    assert named_objects(village, "A blue meadow") is None


@pytest.mark.parametrize(
    ("event", "text"), [("cracks", "Cracks in the road"), ("fire", "A fire"), ("flood", "The houses are flooded")]
)
def test_what_names_no_building_happens_anywhere(village, event, text):
    assert subject(village, event, text) is None


def test_in_a_region_around_several_houses_it_is_one_of_them(village):
    region = marked_at(slice(120, 240), slice(0, 240))
    found = subject(village, "damaged_building", "The house is damaged", region)
    assert 500 < np.count_nonzero(found) < 3000
    assert (region[found > 0.5] > 0.0).all()


def test_in_a_region_around_one_house_it_is_what_the_region_is_around(village):
    assert subject(village, "damaged_building", "The house is damaged", marked_at(slice(20, 80), slice(20, 90))) is None


def test_what_is_marked_burns_where_there_is_no_fuel(village):
    roof = marked_at(slice(30, 70), slice(30, 80))
    assert np.count_nonzero(subject(village, "fire", "A fire", roof)) > 0.5 * np.count_nonzero(roof)


@pytest.mark.parametrize(("event", "text"), [("cracks", "Cracks on the storage"), ("holes", "A hole in the tank")])
def test_a_tank_is_meant_where_the_text_names_one(event, text):
    scene = tanks()
    discs = [tank.mask(scene.shape) for tank in find_tanks(scene)]
    found = subject(scene, event, text)
    assert any(np.array_equal(found > 0.5, disc) for disc in discs)


def test_only_a_tank_in_the_region_is_meant():
    scene = tanks()
    discs = [tank.mask(scene.shape) for tank in find_tanks(scene)]
    for disc in discs:
        around = (room_around(disc.astype(np.float32)) > 0.0).astype(np.float32)
        found = subject(scene, "cracks", "Cracks on the storage", around)
        assert np.array_equal(found > 0.5, disc)


@pytest.mark.parametrize("seed", range(4))
def test_of_two_tanks_the_one_with_an_even_top_is_meant(seed):
    picture, (rows, columns) = lawn(), np.indices((240, 240))
    for column in (70, 170):
        picture[np.hypot(rows - 120, columns - column) < 30] = 0.85
    picture[(np.hypot(rows - 120, columns - 170) < 24) & (columns > 165)] = 0.08
    scene = Scene(picture)
    assert len(find_tanks(scene)) == 2
    found = subject(scene, "cracks", "Cracks on the storage", seed=seed)
    assert found[120, 60] == 1.0 and found[120, 160] == 0.0


def test_the_room_around_a_thing_reaches_half_of_its_size():
    thing = np.zeros((100, 100), np.float32)
    thing[40:60, 40:60] = 1.0
    room = room_around(thing)
    assert (room[40:60, 40:60] == 1.0).all()
    assert room[33, 50] == 1.0 and room[24, 50] == 0.0


@pytest.mark.parametrize(("text", "count"), [("A car is on fire", 1), ("Burning cars", 2)])
def test_one_car_burns_or_several(text, count):
    picture = np.array([0.42, 0.41, 0.40]) + np.random.default_rng(0).normal(0.0, 0.012, (240, 240, 1))
    cars = [marked_at(slice(row, row + 16), slice(row + 20, row + 28)) > 0.0 for row in (40, 120)]
    for car in cars:
        picture[car] = 0.9
    found = subject(Scene(picture.astype(np.float32)), "fire", text)
    assert sum(bool((found[car] > 0.5).mean() > 0.7) for car in cars) == count
