from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from comfyui_sinddm_rs.guidance.clip.open_clip_guide import load_file
from comfyui_sinddm_rs.guidance.compact.guide import CompactGuide, ImageTower, TextSide, load_compact_guide
from comfyui_sinddm_rs.guidance.guide import Guide
from comfyui_sinddm_rs.guidance.templates import REMOTE_SENSING
from comfyui_sinddm_rs.guidance.zero_shot import (
    BOUND,
    CAPTIONS,
    DRAWN,
    Named,
    ZeroShot,
    drawn_events_check,
    zero_shot_check,
)
from comfyui_sinddm_rs.rasters.bundled import bundled_scenes, scene_path
from comfyui_sinddm_rs.rasters.files import read_raster
from torch import Tensor

SCENES = tuple(CAPTIONS)


def colours(images: Tensor) -> Tensor:
    """Mean and deviation of red, green and blue: [B, 6]."""
    return torch.cat([images.mean((2, 3)), images.std((2, 3))], 1)


class KnowsColours:
    """A guide that takes a picture for the scene with the most similar colours; ``shift`` makes it call it another."""

    name = "colours"
    view_side = 32
    templates = REMOTE_SENSING

    def __init__(self, shift: int = 0) -> None:
        self.known = torch.cat([colours(read_raster(scene_path(scene)).pixels[None]) for scene in SCENES])
        self.shift = shift

    def embed_images(self, images: Tensor) -> Tensor:
        distances = torch.cdist(colours(images), self.known)
        return F.normalize(torch.softmax(-30.0 * distances, 1), dim=1)

    def truncated(self, text: str) -> bool:  # noqa: ARG002 (of the protocol)
        return False

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        places = [
            next(i for i, scene in enumerate(SCENES) if any(caption in text for caption in CAPTIONS[scene]))
            for text in texts
        ]
        return F.one_hot((torch.tensor(places) + self.shift) % len(SCENES), len(SCENES)).float()


def drawn_at_random(seed: int) -> CompactGuide:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return CompactGuide(ImageTower(), TextSide(), {})


def test_every_scene_has_captions_of_its_own() -> None:
    assert set(CAPTIONS) <= set(bundled_scenes())
    captions = [caption for each in CAPTIONS.values() for caption in each]
    assert len(set(captions)) == len(captions) >= 2 * len(SCENES)


def test_a_guide_that_knows_passes_and_one_that_errs_does_not() -> None:
    guide: Guide = KnowsColours()
    known = zero_shot_check(guide)
    assert known.passed and known.accuracy > 0.8 and known.margin > 0.1
    assert known.summary()["named"] == {scene: scene for scene in SCENES}
    wrong = zero_shot_check(KnowsColours(shift=1))
    assert not wrong.passed and wrong.accuracy < 0.1 and wrong.margin < 0.0
    assert wrong.summary()["named"]["coast"] == SCENES[-1]
    assert known.clearly_better(wrong) and not wrong.clearly_better(known)


def test_random_clips_fail(tiny_clips: Sequence[Guide]) -> None:
    checks = [zero_shot_check(guide) for guide in tiny_clips]
    assert len({check.margin for check in checks}) == len(checks)
    assert max(check.accuracy for check in checks) < BOUND - 0.1


def test_the_compact_guide_knows_events_and_a_random_one_does_not() -> None:
    known = drawn_events_check(load_compact_guide())
    assert [each.expected for each in known.kinds] == list(DRAWN)
    assert known.passed and known.accuracy > 0.85
    assert drawn_events_check(drawn_at_random(0)).accuracy < BOUND - 0.1


def test_a_check_repeats_itself_and_leaves_the_generator_alone() -> None:
    guide, before = load_compact_guide(), torch.get_rng_state()
    assert zero_shot_check(guide) == zero_shot_check(guide)
    assert torch.equal(torch.get_rng_state(), before)


def judged(margins: Sequence[float], right: float) -> ZeroShot:
    return ZeroShot(tuple(Named(scene, scene, right, margin) for scene, margin in zip(SCENES, margins, strict=True)))


@pytest.mark.parametrize(
    ("margins", "right", "clearly"),
    [
        ([0.2] * 6, 1.0, True),
        ([0.2] * 5 + [0.05], 1.0, True),
        ([0.2] * 4 + [0.05] * 2, 1.0, False),  # four of six may be luck
        ([0.11] * 5 + [0.0], 1.0, False),  # more on average counts too
        ([0.2] * 6, 0.8, False),  # right less often
        ([0.1] * 6, 1.0, False),
    ],
)
def test_clearly_better_is_more_than_luck(margins: list[float], right: float, clearly: bool) -> None:
    assert judged(margins, right).clearly_better(judged([0.1] * 6, 0.9)) == clearly


def test_what_fails_is_never_clearly_better() -> None:
    assert not judged([0.2] * 6, BOUND - 0.01).clearly_better(judged([0.1] * 6, 0.2))


def test_the_bound_itself_passes() -> None:
    assert judged([0.1] * 6, BOUND).passed
    assert not judged([0.1] * 6, BOUND - 0.01).passed


@pytest.fixture
def tiny_clips(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> list[Guide]:
    """CLIPs of 32-pixel pictures with random weights, read from files."""
    import open_clip  # noqa: PLC0415 (takes seconds)

    config: dict[str, Any] = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "head_width": 16, "patch_size": 8},
        "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
    }
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "tiny", config)
    guides: list[Guide] = []
    for seed in range(8):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            torch.save(open_clip.CLIP(**config).state_dict(), tmp_path / f"{seed}.pt")
        guides.append(load_file(tmp_path / f"{seed}.pt"))
    return guides


def test_the_other_activation_is_the_one_of_a_file_that_says_so(
    tiny_clips: Sequence[Any], tmp_path: Any, images: Tensor
) -> None:
    plain = tiny_clips[0]
    (tmp_path / "0.pt").rename(tmp_path / "0-quickgelu.pt")
    quick = load_file(tmp_path / "0-quickgelu.pt")
    other = plain.with_other_activation()
    assert (plain.quick_gelu, quick.quick_gelu, other.quick_gelu) == (False, True, True)
    assert not other.with_other_activation().quick_gelu
    torch.testing.assert_close(other.embed_images(images), quick.embed_images(images))
    torch.testing.assert_close(other.embed_texts(["a wood"]), quick.embed_texts(["a wood"]))
    assert float((other.embed_images(images) - plain.embed_images(images)).abs().max()) > 1e-5
    assert all(
        own is its for own, its in zip(plain.model.parameters(), other.model.parameters(), strict=True)
    )  # a second copy of a large CLIP would not fit


@pytest.fixture
def images() -> Tensor:
    return torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
