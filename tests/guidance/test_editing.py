"""What an edit promises, whatever it paints."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from comfyui_sinddm_rs import EditSettings, edit_image
from comfyui_sinddm_rs.cli.measures import gradient_energy
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.guidance.compact.guide import CompactGuide
from comfyui_sinddm_rs.guidance.events.regions import largest_part
from comfyui_sinddm_rs.guidance.prompting.prompts import parse_prompts
from comfyui_sinddm_rs.guidance.results import Progress
from comfyui_sinddm_rs.guidance.templates import Templates
from comfyui_sinddm_rs.rasters.bundled import scene_path
from comfyui_sinddm_rs.rasters.files import read_raster
from comfyui_sinddm_rs.sinddm.training.loop import Training, TrainSettings
from scipy import ndimage
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


class Counting:
    """A guide that counts how often it is asked, and lends all else from the compact one."""

    name = "counting"
    view_side = 64
    templates = Templates(("a small {}",), ("a large {}",))

    def __init__(self, compact: CompactGuide) -> None:
        self.compact, self.texts, self.pictures = compact, [0], [0]

    def truncated(self, text: str) -> bool:
        return len(text) > 30

    def embed_images(self, images: Tensor) -> Tensor:
        self.pictures.append(len(images))
        return self.compact.embed_images(images)

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        self.texts.append(len(texts))
        return self.compact.embed_texts(texts)


def test_any_guide_may_steer_and_texts_are_embedded_once(
    compact: CompactGuide, scenery: Tensor, region: Tensor
) -> None:
    guide = Counting(compact)
    once = edit_image(scenery, TEXT, roi=region, guide=guide)
    asked = len(guide.texts)
    edit_image(scenery, TEXT, roi=region, guide=guide, settings=EditSettings(candidates=3))
    assert once.guide == "counting"
    assert len(guide.texts) - asked == asked - 1
    assert max(guide.pictures) > 1


def test_a_prompt_longer_than_the_guide_reads_is_said(compact: CompactGuide, scenery: Tensor, region: Tensor) -> None:
    said = edit_image(scenery, f"{TEXT} by a storm in the night", roi=region, guide=Counting(compact)).warnings
    assert any("longer than what the guide reads" in warning for warning in said)


def test_the_users_prompts_steer_and_the_text_scores(scenery: Tensor, region: Tensor, compact: CompactGuide) -> None:
    ensemble = parse_prompts("a ruined roof:2 | rubble", TEXT)
    result = edit_image(scenery, TEXT, roi=region, prompts=ensemble)
    assert result.ensemble == ensemble
    assert result.summary()["prompts"] == ["a ruined roof", "rubble"]
    shown = compact.embed_images(result.image[None])[0]
    assert result.score_after == pytest.approx(100 * float(shown @ compact.embed_texts([TEXT])[0]), abs=1e-3)


def test_prompts_change_the_edit(scenery: Tensor, region: Tensor) -> None:
    alone = edit_image(scenery, TEXT, roi=region, settings=EditSettings(prompts="none"))
    several = edit_image(scenery, TEXT, roi=region)
    assert len(alone.ensemble.prompts) == 1 < len(several.ensemble.prompts)
    assert not torch.equal(alone.image, several.image)


def test_the_papers_preset_draws_nothing(scenery: Tensor) -> None:
    result = edit_image(scenery, "A fire in the forest", settings=EditSettings(preset="paper"))
    assert (result.exemplars, result.painted) == ((), None)
    assert not torch.equal(result.image, scenery)


@pytest.fixture(scope="module")
def meadow() -> Tensor:
    return read_raster(scene_path("meadow")).pixels[:, :96, :96].contiguous()


def test_an_event_without_a_place_is_said() -> None:
    forest = read_raster(scene_path("forest")).pixels
    result = edit_image(forest, "The bridge is collapsed")
    assert result.exemplars == ()
    assert any("no place for 'collapsed_bridge'" in warning for warning in result.warnings)


def test_what_is_not_to_be_seen_is_not_painted_either(scenery):
    result = edit_image(scenery, "no fire")
    assert torch.equal(result.image, scenery) and "what is not to be seen" in result.warnings[0]


UNKNOWN = "covered with purple flowers"


def purple(image: Tensor) -> Tensor:
    """How much red and blue stand above green, [H, W]."""
    return torch.minimum(image[0], image[2]) - image[1]


@pytest.mark.parametrize("seed", [0, 1])
def test_an_event_that_no_renderer_knows_is_painted_sharply(meadow: Tensor, seed: int) -> None:
    result = edit_image(meadow, UNKNOWN, settings=EditSettings(seed=seed))
    assert result.exemplars == () and result.painted is not None
    assert result.score_after > result.score_before + 10.0
    changed = result.changed > 0.5
    assert 0.1 < result.changed_share < 0.9
    assert float((purple(result.image) - purple(meadow))[changed].mean()) > 0.1
    assert gradient_energy(result.image) > 0.6 * gradient_energy(meadow)


def test_a_network_paints_an_unknown_event_too(meadow: Tensor) -> None:
    training = Training(meadow * 2.0 - 1.0, TrainSettings(iterations=3))
    for _ in training.run():
        pass
    result = edit_image(meadow, UNKNOWN, model=training.model())
    assert result.model == "network" and result.exemplars == ()
    assert result.score_after > result.score_before + 10.0
    assert float((purple(result.image) - purple(meadow))[result.changed > 0.5].mean()) > 0.1


def test_an_unknown_event_stays_in_its_region(meadow: Tensor) -> None:
    region = torch.zeros(96, 96)
    region[30:70, 20:80] = 1.0
    result = edit_image(meadow, UNKNOWN, roi=region)
    assert torch.equal(result.image[:, region == 0], meadow[:, region == 0])
    assert float(result.changed[region > 0].mean()) > 0.2


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


def test_pixels_without_data_are_neither_learnt_from_nor_painted(scenery: Tensor) -> None:
    valid = torch.ones(48, 56, dtype=torch.bool)
    valid[:, 30:] = False
    loud, quiet = scenery.clone(), scenery.clone()
    loud[:, ~valid] = torch.rand(3, int((~valid).sum()), generator=torch.Generator().manual_seed(0))
    quiet[:, ~valid] = 0.0
    one, other = (edit_image(each, "A fire in the forest", valid=valid) for each in (loud, quiet))
    assert torch.equal(one.image[:, ~valid], loud[:, ~valid])
    assert torch.equal(one.image[:, valid], other.image[:, valid])
    assert float(one.changed[~valid].max()) == 0.0 and one.changed_share > 0.02


def test_a_region_without_data_is_refused(scenery: Tensor, region: Tensor) -> None:
    with pytest.raises(InputError, match="selects nothing"):
        edit_image(scenery, TEXT, roi=region, valid=region == 0)
    with pytest.raises(InputError, match="no valid pixel"):
        edit_image(scenery, TEXT, valid=torch.zeros(48, 56, dtype=torch.bool))


def test_a_road_is_there_as_a_whole() -> None:
    """A model of patches would else show some pieces of it and not others."""
    rough = ndimage.gaussian_filter(np.random.default_rng(3).standard_normal((128, 128, 1)), (1.2, 1.2, 0.0))
    green = np.array([0.25, 0.36, 0.2]) * (1.0 + 0.3 * rough / rough.std())
    image = torch.from_numpy(green.clip(0.0, 1.0).astype(np.float32)).permute(2, 0, 1)
    for seed in range(4):
        changed = edit_image(image, "A new road", settings=EditSettings(seed=seed)).changed.numpy() > 0.5
        road = largest_part(changed)
        ends = [side for side in (road[0], road[-1], road[:, 0], road[:, -1]) if side.any()]
        assert len(ends) >= 2


def test_rows_of_a_field_stay_in_line() -> None:
    """They are finer than the coarsest scale shows, so that nothing but their own place tells where they run."""
    rng = np.random.default_rng(5)
    rows = 0.5 + 0.5 * np.sin(2 * np.pi * np.arange(192) / 9.0)[:, None, None] * np.ones((192, 192, 1))
    green = np.array([0.35, 0.5, 0.28]) + np.array([0.3, 0.2, 0.25]) * rows + rng.normal(0.0, 0.02, (192, 192, 3))
    image = torch.from_numpy(green.clip(0.0, 1.0).astype(np.float32)).permute(2, 0, 1)
    dry = edit_image(image, "A severe drought").image.mean(0).numpy()
    waves = dry - ndimage.uniform_filter1d(dry, 9, axis=0)
    wave = rows[..., 0] - 0.5
    in_line = ndimage.uniform_filter(waves * wave, 27) / np.sqrt(
        ndimage.uniform_filter(waves**2, 27) * ndimage.uniform_filter(wave**2, 27)
    )
    assert float(in_line[16:-16, 16:-16].min()) > 0.6
