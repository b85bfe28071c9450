"""Scores as a node."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.guidance.compact.guide import CompactGuide, load_compact_guide
from comfyui_sinddm_rs.guidance.guides import load_guide
from comfyui_sinddm_rs.guidance.prompting.prompts import parse_prompts
from comfyui_sinddm_rs.guidance.scores import score_edit
from comfyui_sinddm_rs.nodes.score import SinDDMScore
from comfyui_sinddm_rs.rasters.layout import channels_first
from torch import Tensor

pytestmark = pytest.mark.usefixtures("host")
TEXT = "A fire in the forest"
SIZE = (40, 50)


@pytest.fixture(scope="module")
def guide() -> CompactGuide:
    """The shipped guide under another name, as one that did not guide the edit."""
    other = load_compact_guide()
    other.name = "other"
    return other


@pytest.fixture
def images() -> Tensor:
    return torch.rand(2, *SIZE, 3, generator=torch.Generator().manual_seed(0))


def run(image: object, text: str = TEXT, **inputs: Any) -> tuple[float, str]:
    with torch.inference_mode():  # as ComfyUI does
        return SinDDMScore().score(image=image, text=text, **inputs)  # type: ignore[arg-type]


def test_the_shipped_guide_scores_and_says_that_it_guides(images: Tensor, caplog: pytest.LogCaptureFixture) -> None:
    score, text = run(images[:1])
    expected = score_edit(channels_first(images[0]), TEXT, guide=load_guide("compact"))
    assert (score, text) == (expected.clip_score, expected.text())
    assert expected.warnings and text.endswith(expected.warnings[-1]) and expected.warnings[-1] in caplog.text
    # A guide that was loaded in inference mode could not be asked for a gradient.
    picture = torch.rand(1, 3, *SIZE, generator=torch.Generator().manual_seed(0)).requires_grad_()
    load_guide("compact").embed_images(picture).sum().backward()
    assert picture.grad is not None


def test_a_batch_has_the_means_of_its_images(
    images: Tensor, guide: CompactGuide, caplog: pytest.LogCaptureFixture
) -> None:
    mask = torch.zeros(2, *SIZE)
    mask[0, :20], mask[1, :, :10] = 1.0, 1.0
    source = torch.where(mask[..., None] > 0, images.flip(0), images)
    with caplog.at_level(logging.WARNING):
        score, text = run(images, guide=guide, source=source, mask=mask)
    each = [
        score_edit(
            channels_first(images[i]), TEXT, guide=guide, source=channels_first(source[i]), mask=mask[i], guided_by="x"
        )
        for i in range(2)
    ]
    assert score == pytest.approx(sum(scores.clip_score for scores in each) / 2)
    lines = dict(line.split(": ") for line in text.splitlines()[1:])
    assert len(lines) == 9 and caplog.text == ""
    assert lines["PSNR outside, dB"] == "exact" and lines["SSIM outside"] == "1.0000"
    assert float(lines["Changed share"]) == pytest.approx((0.5 + 0.2) / 2)
    for label, name in (("Patch-SWD", "patch_swd"), ("Directional similarity", "directional")):
        assert float(lines[label]) == pytest.approx(sum(getattr(scores, name) for scores in each) / 2, abs=1e-3)


def test_one_source_and_one_mask_serve_all_and_an_empty_mask_is_none(images: Tensor, guide: CompactGuide) -> None:
    two = run(images, guide=guide, source=images[:1])
    assert two == run(images, guide=guide, source=images[[0, 0]], mask=torch.zeros(1, 64, 64))
    assert float(two[1].split("Changed share: ")[1].split()[0]) == 0.5


def test_prompts_take_the_place_of_the_text(images: Tensor, guide: CompactGuide) -> None:
    prompts = parse_prompts("burning trees\nflames and smoke", TEXT)
    score, text = run(images[:1], "A flood", guide=guide, prompts=prompts)
    expected = score_edit(channels_first(images[0]), TEXT, guide=guide, prompts=prompts)
    assert (score, text) == (expected.clip_score, expected.text())
    assert text.startswith(f"'{TEXT}', scored by other\n") and score != run(images[:1], guide=guide)[0]


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"guide": {"name": "compact"}}, r"^The input 'guide' is a dict; connect .* SinDDM Guide\.$"),
        ({"prompts": [TEXT]}, r"^The input 'prompts' is a list; connect .* SinDDM Prompts\.$"),
        ({"source": "scene"}, r"^The input 'source' is a str; connect"),
        ({"source": torch.rand(3, *SIZE, 3, generator=torch.Generator().manual_seed(1))}, "a batch of 3 for 2 edited"),
        ({"source": torch.rand(1, 40, 40, 3, generator=torch.Generator().manual_seed(1))}, "40×40 px; give the source"),
        ({"mask": "circle"}, "^The input 'mask' is a str"),
    ],
)
def test_what_is_on_a_wrong_socket_is_named(images: Tensor, inputs: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        run(images, **inputs)
