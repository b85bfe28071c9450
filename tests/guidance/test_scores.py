from __future__ import annotations

import pytest
import torch
from comfyui_sinddm_rs.guidance.scores import clip_score


def flat(*colour: float) -> torch.Tensor:
    return torch.tensor(colour)[:, None, None].expand(len(colour), 32, 32)


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
def test_score_is_a_hundred_times_the_cosine(colour_guide, colour, text, score):
    target = colour_guide.embed_texts([text])[0]
    assert clip_score(colour_guide, flat(*colour), target) == pytest.approx(score, abs=1e-4)


def test_a_single_band_counts_as_grey_and_further_bands_not_at_all(colour_guide):
    white, red = colour_guide.embed_texts(["white", "red"])
    assert clip_score(colour_guide, flat(0.9), white) == pytest.approx(100.0, abs=1e-4)
    assert clip_score(colour_guide, flat(1.0, 0.5, 0.5, 0.1, 0.9), red) == pytest.approx(100.0, abs=1e-4)


def test_score_is_a_plain_number_and_takes_no_gradient(colour_guide):
    image = flat(0.9, 0.4, 0.4).clone().requires_grad_(True)
    score = clip_score(colour_guide, image, colour_guide.embed_texts(["red"])[0])
    assert type(score) is float and image.grad is None


def test_the_compact_guide_scores_between_its_ends(compact):
    target = compact.embed_texts(["a fire in the forest"])[0]
    assert -100.0 <= clip_score(compact, torch.rand(3, 32, 32), target) <= 100.0
