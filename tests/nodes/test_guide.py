"""The guide as a node."""

from __future__ import annotations

from pathlib import Path

import open_clip
import pytest
import torch
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.guidance.guides import guide_names
from comfyui_sinddm_rs.nodes.guide import SinDDMGuide

from .conftest import Host

WIDTH = 64


@pytest.fixture
def weights(host: Host) -> Path:
    """A file of random CLIP weights in models/remoteclip."""
    path = host.models / "remoteclip" / "mine.pt"
    path.parent.mkdir(parents=True)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.save(open_clip.create_model("RN50").half().state_dict(), path)
    return path


@pytest.mark.usefixtures("host")
def test_the_shipped_guide_is_there() -> None:
    (guide,) = SinDDMGuide().load(guide="compact")
    assert guide.name == "compact"
    assert SinDDMGuide.INPUT_TYPES()["required"]["guide"][0] == list(guide_names())


@pytest.mark.usefixtures("weights")
def test_a_file_in_the_models_folder_is_offered_and_loaded(host: Host) -> None:
    offered = SinDDMGuide.INPUT_TYPES()["required"]["guide"][0]
    assert offered == [*guide_names(), "mine.pt"]
    (guide,) = SinDDMGuide().load(guide="mine.pt")
    assert guide.embed_images(torch.rand(1, 3, 64, 64)).shape == (1, 1024)
    assert host.patched == [guide.model]


@pytest.mark.parametrize("name", ["../mine.pt", "/etc/passwd", "other.pt", ""])
def test_no_name_leads_out_of_the_folders(host: Host, weights: Path, name: str) -> None:
    (host.models / "mine.pt").write_bytes(weights.read_bytes())
    with pytest.raises(InputError, match="There is no guide"):
        SinDDMGuide().load(guide=name)


def test_missing_weights_are_named_and_not_fetched(host: Host) -> None:
    with pytest.raises(InputError, match=r"RemoteCLIP-RN50\.pt.*models/remoteclip"):
        SinDDMGuide().load(guide="remoteclip-RN50")
    assert not (host.models / "remoteclip").exists()
