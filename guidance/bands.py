"""How bands that no eye sees follow a change of those that it sees."""

from __future__ import annotations

import torch
from torch import Tensor

from ..rasters.layout import as_rgb


def with_visible(image: Tensor, rgb: Tensor) -> Tensor:
    """``image`` [C, H, W] with ``rgb`` [3, H, W] for its visible bands; the further ones follow as in the scene.

    One or two bands change by the mean of the visible change. Values of any range, not clamped.
    """
    delta = rgb - as_rgb(image)
    if len(image) < 3:
        return image + delta.mean(0, keepdim=True)
    if len(image) == 3:
        return rgb
    return torch.cat([rgb, image[3:] + torch.einsum("kc,chw->khw", _response(image.detach()), delta)])


def _response(image: Tensor) -> Tensor:
    """How the further bands follow the visible ones in this scene: ridge regression, [C − 3, 3]."""
    visible = image[:3].flatten(1)
    further = image[3:].flatten(1)
    visible = visible - visible.mean(1, keepdim=True)
    further = further - further.mean(1, keepdim=True)
    gram = visible @ visible.T
    ridge = 0.01 * gram.diagonal().mean() * torch.eye(3, device=image.device)
    response: Tensor = torch.linalg.solve(gram + ridge, visible @ further.T)
    return response.T
