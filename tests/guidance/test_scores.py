"""How well an image fits a text, and what an edit changed and kept."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.guidance.compact.guide import CompactGuide
from comfyui_sinddm_rs.guidance.editing import edit_image
from comfyui_sinddm_rs.guidance.guide import Guide
from comfyui_sinddm_rs.guidance.job import PLAIN_TEXT
from comfyui_sinddm_rs.guidance.prompting.prompts import Prompt, PromptEnsemble
from comfyui_sinddm_rs.guidance.regions import window_around
from comfyui_sinddm_rs.guidance.scores import EditScores, clip_score, guide_warning, mean_scores, score_edit
from comfyui_sinddm_rs.guidance.settings import EditSettings
from comfyui_sinddm_rs.rasters.bundled import scene_path
from comfyui_sinddm_rs.rasters.files import read_raster
from comfyui_sinddm_rs.sinddm.patch_swd import patch_swd
from torch import Tensor
from torch.nn import functional as F

TEXT = "A fire in the forest"
Pair = tuple[Tensor, Tensor, Tensor]


def flat(*colour: float) -> Tensor:
    return torch.tensor(colour)[:, None, None].expand(len(colour), 32, 32)


def grainy(*colour: float, side: int = 32) -> Tensor:
    """A colour of which two opposite corners differ, by nothing on the mean, so that it is an image."""
    image = torch.tensor(colour)[:, None, None].repeat(1, side, side)
    image[:, 0, 0] += 0.01
    image[:, -1, -1] -= 0.01
    return image


@pytest.fixture
def pair() -> Pair:
    """A forest, the same with a red rectangle in it, and the rectangle."""
    source = read_raster(scene_path("forest")).pixels[:, :160, :192].contiguous()
    mask = torch.zeros(160, 192)
    mask[30:70, 40:100] = 1.0
    return torch.where(mask > 0, torch.tensor([0.8, 0.2, 0.1])[:, None, None], source), source, mask


@pytest.mark.parametrize(
    ("colour", "text", "score"),
    [
        ((1.0, 0.5, 0.5), "red", 100.0),
        ((0.0, 0.5, 0.5), "red", -100.0),
        ((0.5, 1.0, 0.5), "red", 0.0),
        ((1.0, 1.0, 0.5), "red", 100 / 2**0.5),
        ((0.9, 0.9, 0.9), "white", 100.0),
    ],
)
def test_score_is_a_hundred_times_the_cosine(
    colour_guide: Guide, colour: tuple[float, ...], text: str, score: float
) -> None:
    target = colour_guide.embed_texts([text])[0]
    assert clip_score(colour_guide, flat(*colour), target) == pytest.approx(score, abs=1e-4)


def test_a_single_band_counts_as_grey_and_further_bands_not_at_all(colour_guide: Guide) -> None:
    white, red = colour_guide.embed_texts(["white", "red"])
    assert clip_score(colour_guide, flat(0.9), white) == pytest.approx(100.0, abs=1e-4)
    assert clip_score(colour_guide, flat(1.0, 0.5, 0.5, 0.1, 0.9), red) == pytest.approx(100.0, abs=1e-4)


def test_score_is_a_plain_number_and_takes_no_gradient(colour_guide: Guide) -> None:
    image = flat(0.9, 0.4, 0.4).clone().requires_grad_(True)
    score = clip_score(colour_guide, image, colour_guide.embed_texts(["red"])[0])
    assert type(score) is float and image.grad is None


def test_the_compact_guide_scores_between_its_ends(compact: CompactGuide) -> None:
    target = compact.embed_texts(["a fire in the forest"])[0]
    image = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert -100.0 <= clip_score(compact, image, target) <= 100.0


def test_an_image_alone_has_the_score_of_the_text_as_written(compact: CompactGuide, pair: Pair) -> None:
    edited, _, _ = pair
    scores = score_edit(edited, f"  {TEXT}\n", guide=compact)
    assert scores.clip_score == clip_score(compact, edited, compact.embed_texts([TEXT])[0])
    assert scores.request == TEXT and scores.seconds > 0
    assert scores == EditScores(TEXT, "compact", scores.clip_score, warnings=scores.warnings, seconds=scores.seconds)
    assert scores.text().splitlines()[1:] == [f"CLIP score: {scores.clip_score:.2f}", *scores.warnings]


def test_the_region_is_scored_with_its_surroundings(compact: CompactGuide, pair: Pair) -> None:
    edited, _, mask = pair
    target = compact.embed_texts([TEXT])[0]
    scores = score_edit(edited, TEXT, guide=compact, mask=mask)
    assert scores.clip_score_region == clip_score(compact, window_around(mask).cut(edited), target)
    assert scores.clip_score_region not in (scores.clip_score, None)
    assert scores.patch_swd is None and scores.exact_outside is None and scores.changed_share is None


def test_an_edit_within_its_mask_is_exact_outside(compact: CompactGuide, pair: Pair) -> None:
    edited, source, mask = pair
    scores = score_edit(edited, TEXT, guide=compact, source=source, mask=mask)
    assert (scores.psnr_outside, scores.exact_outside) == (math.inf, True)
    assert (scores.ssim_outside, scores.structure_distance_outside) == (pytest.approx(1.0), 0.0)
    assert scores.changed_share == pytest.approx(40 * 60 / (160 * 192))
    assert scores.patch_swd == patch_swd(edited, source, torch.Generator().manual_seed(0))
    assert scores.clip_score_source == clip_score(compact, source, compact.embed_texts([TEXT])[0])
    summary = json.loads(json.dumps(scores.summary(), allow_nan=False))
    assert summary["psnr_outside"] is None and summary["exact_outside"] is True
    assert "PSNR outside, dB: exact" in scores.text().splitlines()


def test_a_spill_beyond_the_mask_is_found_and_without_a_mask_said_to_be_unknown(
    compact: CompactGuide, pair: Pair
) -> None:
    edited, source, mask = pair
    spilt = edited.clone()
    spilt[:, 100:120, 100:120] = 0.5
    scores = score_edit(spilt, TEXT, guide=compact, source=source, mask=mask)
    assert scores.exact_outside is False
    assert scores.psnr_outside is not None and 10 < scores.psnr_outside < 40
    assert scores.ssim_outside is not None and scores.ssim_outside < 0.99
    assert scores.structure_distance_outside is not None and scores.structure_distance_outside > 0.01
    assert not any("Without a mask" in warning for warning in scores.warnings)
    unmasked = score_edit(spilt, TEXT, guide=compact, source=source)
    assert unmasked.exact_outside is True and "Without a mask" in unmasked.warnings[-1]
    assert unmasked.changed_share == scores.changed_share


def test_a_change_of_a_band_that_the_guide_does_not_see_counts_as_one(compact: CompactGuide, pair: Pair) -> None:
    edited, source, mask = pair
    infrared = torch.rand(1, 160, 192, generator=torch.Generator().manual_seed(0))
    more = [torch.cat([each, infrared]) for each in (edited, source)]
    more[0][3, 150, 150] = 1.0 - more[0][3, 150, 150].round()
    scores = score_edit(more[0], TEXT, guide=compact, source=more[1], mask=mask)
    assert scores.exact_outside is False
    assert scores.clip_score == score_edit(edited, TEXT, guide=compact).clip_score


def test_nothing_outside_and_nothing_changed(compact: CompactGuide, pair: Pair) -> None:
    edited, source, mask = pair
    everywhere = score_edit(edited, TEXT, guide=compact, source=source, mask=torch.ones_like(mask))
    assert everywhere.clip_score_region == everywhere.clip_score
    for name in ("psnr_outside", "ssim_outside", "structure_distance_outside", "exact_outside"):
        assert everywhere.summary()[name] is None
    same = score_edit(source, TEXT, guide=compact, source=source)
    assert (same.clip_score_region, same.directional, same.changed_share) == (None, None, 0.0)
    assert (same.patch_swd, same.exact_outside, same.clip_score) == (
        pytest.approx(0.0, abs=0.01),
        True,
        same.clip_score_source,
    )


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((0.3, 0.5, 0.5), (0.5, 0.7, 0.5), 1.0),  # from cyan to green, as the texts
        ((0.5, 0.7, 0.5), (0.3, 0.5, 0.5), -1.0),
        ((0.5, 0.5, 0.7), (0.3, 0.5, 0.5), -0.5),
    ],
)
def test_directional_similarity_is_that_of_the_two_ways(
    colour_guide: Guide, before: tuple[float, ...], after: tuple[float, ...], expected: float
) -> None:
    scores = score_edit(
        grainy(*after), "green", guide=colour_guide, source=grainy(*before), source_text="cyan", guided_by="compact"
    )
    assert scores.directional == pytest.approx(expected, abs=1e-4)
    assert score_edit(grainy(*after), "green", guide=colour_guide).directional is None


def test_the_source_is_described_plainly_unless_told_otherwise(compact: CompactGuide, pair: Pair) -> None:
    edited, source, _ = pair
    way = F.normalize(compact.embed_images(edited[None]) - compact.embed_images(source[None]), dim=1)[0]
    for given, text in (({}, PLAIN_TEXT), ({"source_text": "a dense forest"}, "a dense forest")):
        to, origin = compact.embed_texts([TEXT, text])
        scores = score_edit(edited, TEXT, guide=compact, source=source, **given)  # type: ignore[arg-type]
        assert scores.directional == pytest.approx(float(way @ F.normalize(to - origin, dim=0)), abs=1e-5)


def test_prompts_take_the_place_of_the_text(colour_guide: Guide) -> None:
    prompts = PromptEnsemble("red", (Prompt("red"), Prompt("green")), "list", warnings=("Few prompts.",))
    image = grainy(0.7, 0.7, 0.5)
    assert score_edit(image, "red", guide=colour_guide).clip_score == pytest.approx(100 / 2**0.5, abs=0.01)
    scores = score_edit(image, "red", guide=colour_guide, prompts=prompts)
    assert scores.clip_score == pytest.approx(100.0, abs=0.01)
    assert scores.warnings == ("Few prompts.",)


def test_an_edits_own_score_is_the_same(compact: CompactGuide, scenery: Tensor) -> None:
    result = edit_image(scenery, TEXT, guide=compact)
    scores = score_edit(result.image, TEXT, guide=compact, source=scenery)
    assert scores.clip_score == pytest.approx(result.score_after, abs=1e-4)
    assert scores.clip_score_source == pytest.approx(result.score_before, abs=1e-4)


@pytest.mark.parametrize(
    ("scoring", "guided_by", "words"),
    [
        ("compact", None, "that edits are guided by unless told otherwise; a score by another guide says more."),
        ("compact", "compact", "also guided the edit"),
        ("remoteclip-ViT-B-32", "remoteclip-ViT-B-32", "also guided the edit"),
        ("mine", "models/mine.pt", "also guided the edit"),
        ("my.clip", "models/my.clip", "also guided the edit"),
        ("remoteclip-ViT-B-32", None, None),
        ("compact", "remoteclip-ViT-B-32", None),
        ("remoteclip-ViT-B-32", "compact", None),
    ],
)
def test_a_guide_that_judges_its_own_work_is_named(scoring: str, guided_by: str | None, words: str | None) -> None:
    warning = guide_warning(scoring, guided_by)
    if words is None:
        assert warning is None
    else:
        assert warning is not None and words in warning and f"guide {scoring} " in warning


def test_the_warnings_are_in_the_scores(compact: CompactGuide, pair: Pair) -> None:
    assert score_edit(pair[0], TEXT, guide=compact).warnings == (guide_warning("compact", None),)
    assert score_edit(pair[0], TEXT, guide=compact, guided_by="other").warnings == ()
    assert EditSettings().guide == compact.name


def test_what_the_guide_does_not_read_is_said(colour_guide: Any) -> None:
    colour_guide.truncated = lambda text: text == "red"
    scores = [score_edit(grainy(0.7, 0.5, 0.5), text, guide=colour_guide) for text in ("red", "green")]
    assert [len(each.warnings) for each in scores] == [1, 0]
    assert "its end does not count" in scores[0].warnings[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image": torch.full((3, 32, 32), 0.5)}, "The image has one colour"),
        ({"source": grainy(0.5, 0.5, 0.5, side=40)}, "40×40 px; give the source"),
        ({"source": grainy(0.5)}, "1 bands"),
        ({"source": 2 * grainy(0.6, 0.6, 0.6)}, "The source has values outside"),
        ({"mask": torch.ones(32, 40)}, "The region has the shape"),
        ({"mask": torch.zeros(32, 32)}, "selects nothing"),
        ({"mask": torch.full((32, 32), math.nan)}, "finite"),
        ({"text": " "}, "The prompt is empty"),
        ({"source": grainy(0.5, 0.6, 0.5), "source_text": " "}, "The prompt is empty"),
    ],
)
def test_what_cannot_be_is_refused(colour_guide: Guide, change: dict[str, Any], words: str) -> None:
    given: dict[str, Any] = {"image": grainy(0.7, 0.5, 0.5), "text": "red", "guide": colour_guide, **change}
    with pytest.raises(InputError, match=words):
        score_edit(given.pop("image"), given.pop("text"), **given)


def test_inputs_stay_as_they_are_also_in_inference_mode(compact: CompactGuide, pair: Pair) -> None:
    copies = [each.clone() for each in pair]
    with torch.inference_mode():
        inside = score_edit(pair[0], TEXT, guide=compact, source=pair[1], mask=pair[2])
    outside = score_edit(pair[0], TEXT, guide=compact, source=pair[1], mask=pair[2])
    assert replace(inside, seconds=0.0) == replace(outside, seconds=0.0)
    assert all(torch.equal(each, copy) for each, copy in zip(pair, copies, strict=True))


def test_mean_over_those_that_have_a_score() -> None:
    first = EditScores(
        "red", "colour", 10.0, clip_score_region=4.0, psnr_outside=math.inf, warnings=("a",), seconds=1.0
    )
    second = EditScores("red", "colour", 20.0, psnr_outside=30.0, warnings=("a", "b"), seconds=2.0)
    mean = mean_scores([first, second])
    assert mean == EditScores("red", "colour", 15.0, 4.0, psnr_outside=30.0, warnings=("a", "b"), seconds=3.0)
    assert mean.exact_outside is False
    assert mean_scores([first, first]).exact_outside is True
    assert mean_scores([second]) == second
