"""Small CLIPs of random weights, and one ViT-B-32 as RemoteCLIP's authors save theirs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from torch import Tensor, nn

TINY: dict[str, Any] = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 12, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}
TEXTS = ["a large fire in the forest", "a meadow"]


def seeded(build: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return build().eval()


def own_embeddings(model: Any, tokenizer: Any, images: Tensor) -> tuple[Tensor, Tensor]:
    """What open_clip itself makes of pictures [B, 3, H, W] in 0…1 at the model's size, and of TEXTS."""
    mean, std = (torch.tensor(values)[:, None, None] for values in (model.visual.image_mean, model.visual.image_std))
    with torch.no_grad():
        pictures = model.encode_image((images - mean) / std, normalize=True)
        return pictures, model.encode_text(tokenizer(TEXTS), normalize=True)


@pytest.fixture
def tiny_config() -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(TINY))
    return copy


@pytest.fixture
def tiny() -> Any:
    """An open_clip model of 32-pixel pictures."""
    return seeded(lambda: open_clip.CLIP(**json.loads(json.dumps(TINY))))


@pytest.fixture
def tiny_known(monkeypatch: pytest.MonkeyPatch) -> str:
    """Name under which open_clip knows the tiny model during a test."""
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "tiny", json.loads(json.dumps(TINY)))
    return "tiny"


@pytest.fixture
def tiny_file(tmp_path: Path, tiny: nn.Module) -> Path:
    path = tmp_path / "weights.pt"
    torch.save(tiny.state_dict(), path)
    return path


@pytest.fixture
def images() -> Tensor:
    return torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@dataclass(frozen=True)
class Large:
    """A file RemoteCLIP-ViT-B-32.pt of random weights, and what open_clip makes of it with either activation."""

    path: Path
    images: Tensor
    texts: list[str]
    gelu: tuple[Tensor, Tensor]
    quick_gelu: tuple[Tensor, Tensor]


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Large]:
    folder = tmp_path_factory.mktemp("remoteclip")
    yield made_large(folder / "RemoteCLIP-ViT-B-32.pt")
    shutil.rmtree(folder)  # 1.2 GB, which pytest would keep


def made_large(path: Path) -> Large:
    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    model: Any = seeded(lambda: open_clip.create_model("ViT-B-32"))
    tokenizer = open_clip.get_tokenizer("ViT-B-32")
    torch.save(model.state_dict(), path)
    gelu = own_embeddings(model, tokenizer, images)
    with torch.device("meta"):
        quick: Any = open_clip.create_model("ViT-B-32", force_quick_gelu=True, device="meta")
    quick.load_state_dict(model.state_dict(), assign=True)
    quick.attn_mask = model.attn_mask
    quick.eval()
    return Large(path, images, TEXTS, gelu, own_embeddings(quick, tokenizer, images))
