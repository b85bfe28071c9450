"""What an edit promises, whatever it paints."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from comfyui_sinddm_rs import EditSettings, edit_image
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.guidance.results import Progress
from torch import Tensor

TEXT = "The house is damaged"


@pytest.fixture
def region() -> Tensor:
    region = torch.zeros(48, 56)
    region[6:24, 8:32] = 1.0
    return region


@pytest.mark.parametrize("in_region", [False, True])
def test_strength_0_changes_nothing(scenery: Tensor, region: Tensor, in_region: bool) -> None:
    roi = region if in_region else None
    result = edit_image(scenery, "A fire in the forest", roi=roi, settings=EditSettings(strength=0.0))
    assert torch.equal(result.image, scenery)
    assert result.exemplars == ()


def test_outside_the_region_nothing_changes(scenery: Tensor, region: Tensor) -> None:
    result = edit_image(scenery, TEXT, roi=region)
    outside = region == 0
    assert torch.equal(result.image[:, outside], scenery[:, outside])
    assert not torch.equal(result.image, scenery)
    assert float(result.changed[outside].max()) == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_every_seed_shows_the_event(scenery: Tensor, region: Tensor, seed: int) -> None:
    assert edit_image(scenery, TEXT, roi=region, settings=EditSettings(seed=seed)).changed_share > 0.005


@pytest.mark.parametrize("bands", [1, 2, 4, 6])
def test_any_number_of_bands(scenery: Tensor, region: Tensor, bands: int) -> None:
    image = torch.cat([scenery, 1.0 - scenery])[:bands].clone()
    result = edit_image(image, TEXT, roi=region)
    assert result.image.shape == image.shape
    changed = result.changed > 0.9
    assert bool(changed.any())
    for band, source in zip(result.image, image, strict=True):
        assert not torch.equal(band[changed], source[changed])


def test_candidates_keep_the_best(scenery: Tensor, region: Tensor) -> None:
    result = edit_image(scenery, TEXT, roi=region, settings=EditSettings(seed=3, candidates=3))
    assert [each.seed for each in result.candidates] == [3, 4, 5]
    assert result.score_after == max(each.score for each in result.candidates)
    alone = edit_image(scenery, TEXT, roi=region, settings=EditSettings(seed=result.seed))
    assert torch.equal(alone.image, result.image)


def test_progress_rises_to_1_and_may_end_the_edit(scenery: Tensor, region: Tensor) -> None:
    told: list[Progress] = []
    edit_image(scenery, TEXT, roi=region, progress=told.append)
    shares = [each.share for each in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert all(each.preview is not None and each.preview.shape[0] == 3 for each in told)

    def stop(_: Progress) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        edit_image(scenery, TEXT, roi=region, progress=stop)


def test_inference_mode_gives_the_same_edit(scenery: Tensor, region: Tensor) -> None:
    outside = edit_image(scenery, TEXT, roi=region)
    with torch.inference_mode():
        inside = edit_image(scenery.clone(), TEXT, roi=region.clone())
    assert torch.equal(outside.image, inside.image)


def test_inputs_and_global_random_state_stay(scenery: Tensor, region: Tensor) -> None:
    copies = scenery.clone(), region.clone()
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1]
    edit_image(scenery, TEXT, roi=region)
    assert torch.equal(scenery, copies[0])
    assert torch.equal(region, copies[1])
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    np.testing.assert_array_equal(np.random.get_state()[1], states[2])


def test_more_strength_changes_more(scenery: Tensor) -> None:
    shares = [
        np.mean([edit_image(scenery, "snow", settings=EditSettings(strength=s, seed=k)).changed_share for k in (0, 1)])
        for s in (0.3, 1.0, 2.0)
    ]
    assert shares[0] < shares[1] <= shares[2] + 0.02


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": torch.zeros(3, 48, 56)}, "one colour"),
        ({"image": torch.rand(3, 20, 56)}, "32 to"),
        ({"image": torch.rand(3, 48, 56) * 2}, "outside 0…1"),
        ({"image": torch.full((3, 48, 56), torch.nan)}, "NaN"),
        ({"image": torch.ones(3, 48, 56, dtype=torch.uint8)}, "float"),
        ({"text": " "}, "empty"),
        ({"text": "fire " * 201}, "words"),
        ({"roi": torch.zeros(48, 56)}, "selects nothing"),
        ({"roi": torch.ones(48, 56)}, "covers the whole"),
        ({"roi": torch.ones(40, 56)}, "shape"),
    ],
)
def test_bad_input(scenery: Tensor, change: dict[str, object], message: str) -> None:
    arguments = {"image": scenery, "text": TEXT, "roi": None} | change
    with pytest.raises(InputError, match=message):
        edit_image(arguments["image"], arguments["text"], roi=arguments["roi"])  # type: ignore[arg-type]
