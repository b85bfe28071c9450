"""A small picture with smooth ground, hard edges and fine grain."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F


@pytest.fixture(scope="session")
def picture() -> Callable[..., Tensor]:
    """picture(channels, height, width, seed=0): float [C, H, W] in −1…1."""

    def draw(channels: int, height: int, width: int, seed: int = 0) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        ground = torch.randn(1, channels, 4, 5, generator=generator)
        image = 0.4 * F.interpolate(ground, (height, width), mode="bicubic")[0]
        for _ in range(6):
            y, x = (int(torch.randint(0, side * 3 // 4, (), generator=generator)) for side in (height, width))
            roof = torch.randn(channels, 1, 1, generator=generator)
            image[:, y : y + height // 5, x : x + width // 4] = 0.5 * roof
        image += 0.08 * torch.randn(image.shape, generator=generator)
        return image.clamp(-1.0, 1.0)

    return draw
