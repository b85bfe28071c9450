"""What an edit left as it was: pixels, local statistics and layout, each outside the edited region only.

Nothing that lies inside the region, not even beside a pixel that counts, has any influence on these measures.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..rasters.layout import Array

WINDOW = 7
"""Side of SSIM's window in pixels, as in Wang et al. with uniform weights."""
CELLS = 1024
"""About so many cells describe a picture, however large it is; their similarities are a matrix of its square."""
LEAST_CELL = 8
"""Least side of a cell in pixels, the usual one of histograms of oriented gradients."""
LEAST_CELLS = 3
"""Two cells have one similarity, and one number has no order."""
FLAT = 0.25
"""A cell's gradient, as a share of its picture's mean one, from which the cell has a structure rather than none."""
LEAST_GRADIENT = 1 / 255
"""A band whose mean gradient is below one step of 8 bits holds noise, which is not to be scaled up."""


def psnr_outside(image: Tensor, source: Tensor, region: Tensor) -> float | None:
    """Peak signal-to-noise ratio in dB of two images [C, H, W] in 0…1 where ``region`` [H, W] is 0.

    Infinite where they are equal there, None where nothing lies outside the region.
    """
    from skimage.metrics import peak_signal_noise_ratio  # noqa: PLC0415 (slow to load)

    outside = region <= 0
    if not bool(outside.any()):
        return None
    one, other = (each[:, outside].double() for each in (image, source))
    if torch.equal(one, other):
        return math.inf
    return float(peak_signal_noise_ratio(one.numpy(), other.numpy(), data_range=1.0))  # type: ignore[no-untyped-call]


def ssim_outside(image: Tensor, source: Tensor, region: Tensor) -> float | None:
    """Structural similarity, −1…1 (Wang et al., doi:10.1109/TIP.2003.819861), of two images [C, H, W] in 0…1.

    The mean over bands and over the windows that lie in the picture and keep clear of ``region`` [H, W] > 0; for an
    empty region that of scikit-image. None where there is no such window.
    """
    from skimage.metrics import structural_similarity  # noqa: PLC0415 (slow to load)

    reach = WINDOW // 2
    clear = ~_widened(region > 0, reach)[reach:-reach, reach:-reach]
    if not bool(clear.any()):
        return None
    pair: list[Array] = [each.numpy() for each in (image, source)]
    options: dict[str, Any] = {"win_size": WINDOW, "data_range": 1.0, "channel_axis": 0, "full": True}
    _, full = structural_similarity(*pair, **options)  # type: ignore[no-untyped-call]
    inner = torch.from_numpy(full)[:, reach:-reach, reach:-reach]
    return float(inner[:, clear].double().mean())


def structure_distance_outside(image: Tensor, source: Tensor, region: Tensor) -> float | None:
    """How differently two images [C, H, W] are laid out where ``region`` [H, W] is 0: 0 the same, about 1 unrelated.

    After the self-similarity of Tumanyan et al., arXiv 2201.00424, eq. 1, with oriented gradients in place of DINO's
    keys: what counts is which cells of a picture resemble each other, not what they look like. A picture's structure is
    the matrix of cosine similarities between the descriptors of its cells (``_descriptors``); the distance of two is
    the mean absolute difference of their entries, divided by what it would be if the entries of one were met in random
    order. Gain, offset and sign of a band and the order of the bands do not matter, so that a pure change of colour or
    brightness is nearly 0. Values slightly above 1 can occur. None where fewer than LEAST_CELLS keep clear of the
    region.
    """
    height, width = (int(side) for side in region.shape)
    cell = max(LEAST_CELL, math.sqrt(height * width / CELLS))
    size = (max(1, round(height / cell)), max(1, round(width / cell)))
    # A gradient looks at the two pixels beside its own.
    touched = _widened(region > 0, 1)
    clear = F.adaptive_max_pool2d(touched[None].float(), size)[0].flatten() == 0
    if int(clear.sum()) < LEAST_CELLS:
        return None
    one, other = (_similarities(_descriptors(each, ~touched, size)[clear]) for each in (image, source))
    unrelated = _mean_difference(one, other)
    return 0.0 if unrelated == 0.0 else float((one - other).abs().mean()) / unrelated


def _descriptors(image: Tensor, counted: Tensor, size: tuple[int, int]) -> Tensor:
    """A vector for each of ``size`` even cells of [C, H, W]: float64 [cells, 6].

    The histogram of gradient directions, weighted by the gradient and without its sign (Dalal & Triggs,
    doi:10.1109/CVPR.2005.177), as harmonics in place of bins: its total, and its second and fourth harmonic. Each band
    is measured by its own mean gradient where ``counted`` [H, W], so that all bands weigh the same. The last entry is
    constant: beside it a cell without gradients is flat, instead of noise that was scaled up to a direction.
    """
    padded = F.pad(image[None], (1, 1, 1, 1), mode="replicate")[0]
    across, down = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2], padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    strength = torch.hypot(across, down)
    usual = strength[:, counted].mean(-1).clamp(min=LEAST_GRADIENT)[:, None, None]
    angle = torch.atan2(down, across)
    strength = strength / usual
    waves = [(strength * wave(n * angle)).mean(0) for n in (2, 4) for wave in (torch.cos, torch.sin)]
    cells = F.adaptive_avg_pool2d(torch.stack([strength.mean(0), *waves]).double(), size).flatten(1).T
    return torch.cat([cells, torch.full_like(cells[:, :1], FLAT)], 1)


def _similarities(descriptors: Tensor) -> Tensor:
    """Cosine of each pair of N descriptors: [N · (N − 1) / 2]."""
    unit = F.normalize(descriptors, dim=1)
    above = torch.triu_indices(len(unit), len(unit), 1)
    return (unit @ unit.T)[above[0], above[1]]


def _mean_difference(one: Tensor, other: Tensor) -> float:
    """Mean of |a − b| over every a of ``one`` [N] and every b of ``other`` [N].

    It is the integral of F · (1 − G) + G · (1 − F), F and G being the distribution functions of both.
    """
    ordered, order = torch.cat([one, other]).sort()
    below_one = (order < len(one)).double().cumsum(0)[:-1] / len(one)
    below_other = (order >= len(one)).double().cumsum(0)[:-1] / len(other)
    apart = below_one * (1.0 - below_other) + below_other * (1.0 - below_one)
    return float((ordered.diff() * apart).sum())


def _widened(where: Tensor, reach: int) -> Tensor:
    """Pixels of [H, W] within ``reach`` rows and columns of one that is set."""
    return F.max_pool2d(where[None].float(), 2 * reach + 1, 1, reach)[0] > 0
