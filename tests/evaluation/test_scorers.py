"""The guides that judge, and what they say of events."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.evaluation.scorers import event_change, load_scorers
from comfyui_sinddm_rs.guidance.compact.guide import WEIGHTS, CompactGuide, ImageTower, TextSide, save_compact
from comfyui_sinddm_rs.guidance.events import FIRE, Scene
from comfyui_sinddm_rs.guidance.guides import load_guide
from comfyui_sinddm_rs.rasters.bundled import scene_path
from comfyui_sinddm_rs.rasters.files import read_raster
from comfyui_sinddm_rs.rasters.layout import channels_first, channels_last
from torch import Tensor

TEXT = "A fire in the forest"


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """A compact guide in a file of its own, as train_compact writes it."""
    return Path(shutil.copy(WEIGHTS, tmp_path / "second.safetensors"))


def burning() -> tuple[Tensor, Tensor, Tensor]:
    """A wood, the same with a fire drawn in it, and where."""
    wood = read_raster(scene_path("forest")).pixels[:, 64:192, 64:192].contiguous()
    drawing = FIRE.draw(
        Scene(np.ascontiguousarray(channels_last(wood).numpy())),
        np.ones((128, 128), np.float32),
        0.6,
        np.random.default_rng(0),
    )
    return wood, channels_first(torch.from_numpy(drawing.image)), torch.from_numpy(drawing.mask)


def test_a_compact_guide_from_a_file_is_called_as_the_file(second: Path) -> None:
    scorers = load_scorers(["compact", str(second)])
    assert [each.name for each in scorers] == ["compact", "second"] == [each.guide.name for each in scorers]
    names, weights = zip(*(each.identity.split() for each in scorers), strict=True)
    assert names == ("compact", "second") and weights[0] == weights[1]
    assert load_guide("compact").name == "compact" and isinstance(scorers[1].guide, CompactGuide)
    texts = [TEXT, "snow"]
    assert torch.equal(scorers[0].guide.embed_texts(texts), scorers[1].guide.embed_texts(texts))


def test_other_weights_are_another_scorer(second: Path) -> None:
    before = load_scorers([str(second)])[0]
    image, text = ImageTower(), TextSide()
    image.load_state_dict(before.guide.image.state_dict())  # type: ignore[attr-defined]
    text.load_state_dict(before.guide.text.state_dict())  # type: ignore[attr-defined]
    with torch.no_grad():
        image.place.weight *= 2.0
        image.place.bias *= 2.0  # type: ignore[operator]
    save_compact(second, image, text, {})
    after = load_scorers([str(second)])[0]
    assert after.name == before.name and after.identity == before.identity  # unit vectors do not see a gain
    with torch.no_grad():
        image.place.weight[:, :40] *= 1.5
    save_compact(second, image, text, {})
    assert load_scorers([str(second)])[0].identity != before.identity


def test_refused_scorers(second: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    same = shutil.copy(second, tmp_path / "other" / "second.safetensors")
    with pytest.raises(InputError, match="Two scorers are called 'second'; rename"):
        load_scorers([str(second), str(same)])
    with pytest.raises(InputError, match="no guide 'nobody'"):
        load_guide("nobody")
    (tmp_path / "broken.safetensors").write_bytes(b"no weights")
    with pytest.raises(InputError, match=r"broken.safetensors"):
        load_guide(str(tmp_path / "broken.safetensors"))


def test_a_drawn_fire_makes_fire_likelier_than_any_other_event() -> None:
    wood, fire, region = burning()
    change = event_change(load_guide("compact"), TEXT, fire, wood, region)
    assert change is not None and change.event == "fire" != change.other
    assert change.before < 0.1 and change.after > 0.6 and change.rise > change.other_rise
    assert list(change.summary()) == ["event", "other", "before", "after", "other_rise"]
    reverse = event_change(load_guide("compact"), TEXT, wood, fire, region)
    assert reverse is not None and (reverse.before, reverse.after) == (change.after, change.before)


def test_an_event_is_looked_for_where_the_edit_was() -> None:
    wood, fire, region = burning()
    there = event_change(load_guide("compact"), TEXT, fire, wood, region)
    everywhere = event_change(load_guide("compact"), TEXT, fire, wood, torch.zeros_like(region))
    assert there is not None and everywhere is not None and there.after > everywhere.after > 0


def test_no_event_in_the_text_or_in_the_guide() -> None:
    wood, fire, region = burning()
    for text in ("covered with purple flowers", "bomb craters in the field"):
        assert event_change(load_guide("compact"), text, fire, wood, region) is None

    class Other:
        name = "other"

    assert event_change(Other(), TEXT, fire, wood, region) is None  # type: ignore[arg-type]
