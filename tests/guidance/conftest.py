from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from comfyui_sinddm_rs.guidance.compact.guide import CompactGuide, load_compact_guide
from comfyui_sinddm_rs.guidance.templates import AS_WRITTEN
from torch import Tensor
from torch.nn import functional as F


@pytest.fixture(scope="session")
def compact() -> CompactGuide:
    return load_compact_guide()


class ColourGuide:
    """A guide that one can compute by hand: an image is its mean colour less grey, a text one of six colours."""

    name = "colour"
    view_side = 32
    templates = AS_WRITTEN
    colours = {  # noqa: RUF012
        "red": (1.0, 0.0, 0.0),
        "green": (0.0, 1.0, 0.0),
        "blue": (0.0, 0.0, 1.0),
        "cyan": (-1.0, 0.0, 0.0),
        "white": (1.0, 1.0, 1.0),
        "black": (-1.0, -1.0, -1.0),
    }

    def truncated(self, text: str) -> bool:  # noqa: ARG002
        return False

    def embed_images(self, images: Tensor) -> Tensor:
        return F.normalize(images.mean((-2, -1)) - 0.5, dim=1)

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        return F.normalize(torch.tensor([self.colours[text] for text in texts]), dim=1)


@pytest.fixture
def colour_guide() -> ColourGuide:
    return ColourGuide()


def _house(bands: int = 3, height: int = 32, width: int = 32, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A grainy meadow with one gabled roof, [bands, height, width], and the roof's rectangle, [height, width].

    Bands beyond the third follow red, so they have something to follow in an edit.
    """
    generator = torch.Generator().manual_seed(seed)
    region = torch.zeros(height, width)
    top, left, bottom, right = height // 4, width // 4, height - height // 4, width - width // 4
    region[top:bottom, left:right] = 1.0
    meadow = torch.tensor([0.40, 0.47, 0.26])[:, None, None].expand(3, height, width)
    roof = torch.tensor([0.68, 0.42, 0.34])[:, None, None].expand(3, height, width).clone()
    roof[:, (top + bottom) // 2 :] *= 0.8
    rgb = torch.where(region > 0, roof, meadow)
    grain = F.avg_pool2d(torch.randn(1, 3, height, width, generator=generator), 3, 1, 1)[0]
    rgb = (rgb + 0.05 * grain + 0.02 * torch.randn(1, height, width, generator=generator)).clamp(0.0, 1.0)
    further = [0.2 + 0.6 * rgb[:1] / (i + 1) for i in range(max(0, bands - 3))]
    return torch.cat([rgb, *further])[:bands].contiguous(), region


@pytest.fixture
def house() -> Callable[..., tuple[Tensor, Tensor]]:
    return _house


@pytest.fixture
def scenery() -> Tensor:
    """A grainy meadow of 48×56 pixels with one roof in the upper left."""
    image, _ = _house(height=48, width=56)
    meadow = image[:, :, :12].repeat(1, 1, 5)[:, :, :56].clone()
    meadow[:, 8:22, 10:30] = image[:, 14:28, 16:36]
    return meadow
