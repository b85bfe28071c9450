"""Every value that a user may give: in its range a result of the documented shape, outside it one of our errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import comfyui_sinddm_rs
import pytest
import torch
from comfyui_sinddm_rs import EditSettings, edit_image, edit_sequence
from comfyui_sinddm_rs.batch.jobs import MAX_EDITS, checked_seeds, job_name, read_jobs
from comfyui_sinddm_rs.errors import InputError, SinDDMError
from comfyui_sinddm_rs.geo.bands import parse_rgb
from comfyui_sinddm_rs.geo.regions import find_region
from comfyui_sinddm_rs.geo.source import open_source
from comfyui_sinddm_rs.guidance.guides import load_guide
from comfyui_sinddm_rs.guidance.prompting.llm import MAX_LENGTH, clean_prompts, read_prompts
from comfyui_sinddm_rs.guidance.prompting.prompts import MAX_COUNT, make_ensemble, parse_prompts
from comfyui_sinddm_rs.guidance.scores import score_edit
from comfyui_sinddm_rs.guidance.settings import MAX_CANDIDATES, MAX_STRENGTH, MAX_WORDS, check_prompt
from comfyui_sinddm_rs.rasters.raster import MAX_SIDE, MIN_SIDE, check_size
from comfyui_sinddm_rs.rasters.regions import parse_roi
from comfyui_sinddm_rs.sinddm.new_scene import new_scene
from hypothesis import assume, given, settings
from hypothesis import strategies as st

HUGE = st.integers() | st.sampled_from([2**31, 2**63 - 1, 2**63, 10**400, 10**5000, -(10**5000)])
CHARACTERS = st.characters(exclude_categories=[])
TEXTS = st.text(CHARACTERS) | st.sampled_from(
    ["", " \t\n", "\0", "\ud800", "x" * 100_000, "fire " * 201, "حريق في الغابة", "\u202efire", "🔥", "{}", "a fire"]
)
SCENE = torch.rand(3, 32, 36, generator=torch.Generator().manual_seed(0))


@given(HUGE, st.floats() | HUGE, HUGE)
def test_settings(seed: int, strength: float, candidates: int) -> None:
    fits = 0 <= seed < 2**63 - MAX_CANDIDATES and 0 <= strength <= MAX_STRENGTH and 1 <= candidates <= MAX_CANDIDATES
    if fits:
        assert EditSettings(seed, strength, candidates).seed == seed
    else:
        with pytest.raises(InputError):
            EditSettings(seed, strength, candidates)


@given(st.sampled_from(["exemplars", "prompts", "preset", "guide", "device", "seed", "strength"]), st.data())
def test_settings_of_other_types(name: str, data: st.DataObject) -> None:
    value = data.draw(st.none() | st.binary() | st.lists(st.integers()) | st.complex_numbers())
    with pytest.raises(InputError):
        EditSettings(**{name: value})  # type: ignore[arg-type]


@given(TEXTS)
def test_prompt(text: str) -> None:
    try:
        checked = check_prompt(text)
    except InputError as error:
        assert str(error).isprintable()
        return
    assert checked == " ".join(text.split()) and 0 < len(checked.split()) <= MAX_WORDS


@given(TEXTS, HUGE)
def test_ensemble(text: str, count: int) -> None:
    try:
        ensemble = make_ensemble(text, "offline", count)
    except InputError:
        assert not 1 <= count <= MAX_COUNT or not text.split() or len(text.split()) > MAX_WORDS or max(text) >= "\ud800"
        return
    assert 1 <= len(ensemble.prompts) <= count <= MAX_COUNT and ensemble.prompts[0].text == ensemble.request


@given(st.lists(TEXTS, max_size=4).map("\n".join))
def test_own_prompts(text: str) -> None:
    try:
        ensemble = parse_prompts(text, "a fire")
    except InputError as error:
        assert str(error).isprintable()
        return
    assert all(0 < each.weight <= 100 and each.text.strip() for each in ensemble.prompts)


@given(
    TEXTS
    | st.recursive(st.none() | TEXTS | st.floats(), lambda x: st.lists(x) | st.dictionaries(TEXTS, x)).map(json.dumps)
)
def test_answers_of_language_models(answer: str) -> None:
    found = clean_prompts(read_prompts(answer), "a fire", 5)
    assert len(found) <= 5 and all(0 < len(each) <= MAX_LENGTH and each.isprintable() for each in found)


@given(HUGE, HUGE)
def test_sides(height: int, width: int) -> None:
    assume(abs(height) < 10**4000 and abs(width) < 10**4000)
    if MIN_SIDE <= height <= MAX_SIDE and MIN_SIDE <= width <= MAX_SIDE:
        check_size(height, width, "It")
    else:
        with pytest.raises(InputError):
            check_size(height, width, "It")


@given(st.lists(st.integers(-3, 60), min_size=4, max_size=4))
def test_rectangle(numbers: list[int]) -> None:
    x, y, w, h = numbers
    text = ",".join(map(str, numbers))
    on = x >= 0 and y >= 0 and w > 0 and h > 0 and x + w <= 50 and y + h <= 40 and (w, h) != (50, 40)
    if not on:
        with pytest.raises(InputError):
            parse_roi(text, (40, 50))
        return
    mask = parse_roi(text, (40, 50))
    assert mask.shape == (40, 50) and float(mask.sum()) == w * h and bool((mask[y : y + h, x : x + w] == 1).all())


@given(TEXTS)
def test_texts_that_are_no_region_or_bands(text: str) -> None:
    for parse in (parse_rgb, lambda each: parse_roi(each, (40, 50))):
        with pytest.raises(InputError) as told:
            parse(text)
        assert str(told.value).isprintable() and len(str(told.value)) < 5000


@given(text=TEXTS | st.lists(st.floats(), min_size=4, max_size=4).map(lambda each: "map:" + ",".join(map(str, each))))
def test_region_on_the_earth(placed: Path, text: str) -> None:
    source = open_source(placed)
    try:
        found = find_region(text, source)
    except SinDDMError as error:
        assert str(error).isprintable()
        return
    window = found.window
    assert found.mask.any() and 0 <= window.top < window.bottom <= 48 and 0 <= window.left < window.right <= 48


@given(west=st.floats(0, 479), north=st.floats(0, 479), width=st.floats(10, 400), height=st.floats(10, 400))
def test_map_coordinates_on_the_scene(placed: Path, west: float, north: float, width: float, height: float) -> None:
    left, top = 500_000 + west, 4_100_000 - north
    found = find_region(f"map:{left!r},{top - height!r},{left + width!r},{top!r}", open_source(placed))
    assert found.mask.any() and found.window.top <= north / 10 + 1 and found.window.left <= west / 10 + 1


@given(HUGE, HUGE)
def test_seeds_of_a_job(seed: int, count: int) -> None:
    if 1 <= count <= MAX_EDITS and seed >= 0 and seed + count - 1 < 2**63 - MAX_CANDIDATES:
        assert len(checked_seeds(seed, count)) == count
    else:
        with pytest.raises(InputError):
            checked_seeds(seed, count)


@given(row=st.fixed_dictionaries({"image": TEXTS | st.integers(), "prompt": TEXTS, "roi": TEXTS, "n": HUGE | TEXTS}))
def test_job_list(tmp_path: Path, row: dict[str, Any]) -> None:
    assume(not isinstance(row["n"], int) or abs(row["n"]) < 10**4000)
    path = tmp_path / "jobs.jsonl"
    path.write_text(json.dumps(row))
    with pytest.raises(InputError) as told:  # no such picture is there
        read_jobs(path)
    assert str(told.value).isprintable()


@given(TEXTS)
def test_names_of_jobs_are_plain(image: str) -> None:
    name = job_name("train", 1, image, 2**63)
    assert Path(name).name == name and not set(name) & set('/\\:*?"<>|\0') and len(name.encode()) < 240


@settings(max_examples=12)
@given(
    st.sampled_from([(3, 32, 36), (1, 33, 32), (4, 32, 32), (0, 32, 32), (3, 31, 40), (32, 32), (3, 32, 2049)]),
    st.data(),
)
def test_pictures(shape: tuple[int, ...], data: st.DataObject) -> None:
    value = data.draw(st.sampled_from([None, float("nan"), float("inf"), -0.1, 1.1]))
    image = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    if value is not None and image.numel():
        image.view(-1)[0] = value
    roi = None
    if data.draw(st.booleans()):
        roi = torch.zeros(shape[-2:])
        roi[4:20, 4:20] = 1
    fine = value is None and shape in ((3, 32, 36), (1, 33, 32), (4, 32, 32))
    if not fine:
        with pytest.raises(InputError):
            edit_image(image, "a fire", roi=roi)
        return
    result = edit_image(image, "a fire", roi=roi)
    assert result.image.shape == image.shape and result.changed.shape == image.shape[1:]
    assert float(result.image.min()) >= 0.0 and float(result.image.max()) <= 1.0
    if roi is not None:
        assert torch.equal(result.image[:, roi == 0], image[:, roi == 0])


@settings(max_examples=8)
@given(TEXTS)
def test_texts_of_edits_and_scores(text: str) -> None:
    try:
        scores = score_edit(SCENE, text, guide=load_guide("compact"))
    except InputError:
        with pytest.raises(InputError):
            edit_image(SCENE, text)
        with pytest.raises(InputError):
            edit_sequence(SCENE, [text, "a fire"])
        return
    assert -100 <= scores.clip_score <= 100


@settings(max_examples=6)
@given(st.integers(32, 64), st.integers(32, 64), st.integers(0, 2**63 - 65))
def test_new_scenes(height: int, width: int, seed: int) -> None:
    scene = new_scene(SCENE, (height, width), seed)
    assert scene.shape == (3, height, width) and 0.0 <= float(scene.min()) <= float(scene.max()) <= 1.0


def test_all_that_is_public_is_there() -> None:
    assert all(getattr(comfyui_sinddm_rs, name) is not None for name in comfyui_sinddm_rs.__all__)
