"""The patches of one or several images at one scale: what they look like (features) and how to paint with them.

Analysis happens in the principal components of large patches, synthesis with the real pixels of small patch centres:
painting from the components themselves would lose the finest texture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.sparse.linalg import eigsh
from torch import Tensor
from torch.nn import functional as F

from ...rasters.memory import in_parts
from ..pyramid import Size, size_of

ANALYSIS = 15
"""Side of the patches that are compared, in pixels."""
SYNTHESIS = 7
"""Side of the patch centres that are painted, in pixels."""
BRUSH = 1.0
"""Standard deviation of a painted centre's Gaussian weight, in pixels: wider ones average the texture away."""
COMPONENTS = 40
"""Principal components kept for comparing."""
_PCA_PATCHES = 20_000
_SOLVED_WHOLE = 1200
"""Side of a covariance matrix up to which all its eigenvectors are found; five bands have 1,125."""
_EXCLUDED = -1e9
_PLACES_AT_ONCE = 16_384


def _pad(image: Tensor, margin: int) -> Tensor:
    """Mirror [C, H, W] outwards, also where the margin is wider than the image; a side of one pixel is repeated."""
    if min(image.shape[-2:]) == 1:
        return F.pad(image[None], (margin,) * 4, mode="replicate")[0]
    while margin > 0:
        step = min(margin, min(image.shape[-2:]) - 1)
        image = F.pad(image[None], (step,) * 4, mode="reflect")[0]
        margin -= step
    return image


def principal_patches(images: Sequence[Tensor], components: int = COMPONENTS) -> Tensor:
    """Orthonormal patch components [K, C, P, P] of the images' patches, strongest first."""
    rows = []
    for image in images:
        stride = max(1, round((image.shape[-1] * image.shape[-2] * len(images) / _PCA_PATCHES) ** 0.5))
        rows.append(F.unfold(_pad(image, ANALYSIS // 2)[None], ANALYSIS, stride=stride)[0].T)
    matrix = torch.cat(rows)
    matrix = matrix - matrix.mean(0)
    covariance = ((matrix.T @ matrix) / matrix.shape[0]).double()
    kept = min(components, len(covariance))
    basis = _strongest(covariance, kept).T.float().contiguous()
    return basis.reshape(kept, images[0].shape[0], ANALYSIS, ANALYSIS)


def _strongest(covariance: Tensor, count: int) -> Tensor:
    """The ``count`` eigenvectors [N, count] with the largest eigenvalues, the largest first."""
    if len(covariance) <= _SOLVED_WHOLE:
        vectors: Tensor = torch.linalg.eigh(covariance).eigenvectors
        return vectors.flip(1)[:, :count]
    # Of many bands only the few that are kept are looked for; a given start makes that repeatable.
    start = np.random.default_rng(0).standard_normal(len(covariance))
    _, found = eigsh(covariance.cpu().numpy(), k=count, which="LA", v0=start)
    return torch.from_numpy(np.ascontiguousarray(found[:, ::-1])).to(covariance.device)


@dataclass(frozen=True)
class PatchSource:
    """An image whose patches a model may paint with.

    image: float [C, H, W] in −1…1. prior: None (1 everywhere) or float [H, W] ≥ 0, how likely each patch is a priori
    (0 excludes it). in_place: the image shows the same place as the model's own, so its patches belong where they lie;
    patches of an image of elsewhere are at home anywhere.
    """

    image: Tensor
    prior: Tensor | None = None
    in_place: bool = True


@dataclass(frozen=True)
class Matches:
    """For each place of a query grid, K clean patches. All int64 [Q, K]; ``stride`` pixels lie between places."""

    image: Tensor
    y: Tensor
    x: Tensor
    grid: Size
    stride: int

    def first(self, count: int) -> Matches:
        """The first ``count`` patches of each place."""
        return replace(self, image=self.image[:, :count], y=self.y[:, :count], x=self.x[:, :count])


class PatchBank:
    """All patches of ``sources`` at one scale.

    A patch's posterior is its prior times the likelihood of its noised version.
    compared: so many leading bands are compared (all by default); the others are carried along with the patches.
    """

    def __init__(
        self, sources: Sequence[PatchSource], components: int = COMPONENTS, compared: int | None = None
    ) -> None:
        images = self.images = tuple(source.image for source in sources)
        self._compared = compared
        self.channels = int(images[0].shape[0])
        device = images[0].device
        self.basis = principal_patches([image[:compared] for image in images], components)
        shapes = [size_of(i) for i in images]
        self.heights = torch.tensor([h for h, _ in shapes], device=device)
        self.widths = torch.tensor([w for _, w in shapes], device=device)
        areas = self.heights * self.widths
        self.row_start = torch.cumsum(areas, 0) - areas
        self.features = torch.cat([self.analyse(image, 1)[0] for image in images])
        self.energy = self.features.square().sum(1)
        priors = [torch.ones(s.image.shape[-2:], device=device) if s.prior is None else s.prior for s in sources]
        self.log_prior = torch.cat([prior.reshape(-1) for prior in priors]).log().clamp_min(_EXCLUDED)
        self.in_place = torch.tensor([source.in_place for source in sources], device=device).float()
        margin = SYNTHESIS // 2
        padded = [_pad(image, margin) for image in images]
        self._padded_widths = self.widths + 2 * margin
        padded_areas = (self.heights + 2 * margin) * self._padded_widths
        self._padded_start = torch.cumsum(padded_areas, 0) - padded_areas
        self._pixels = torch.cat([p.reshape(self.channels, -1).T for p in padded]).contiguous()
        ramp = torch.arange(SYNTHESIS, device=device) - margin
        window = torch.exp(-0.5 * (ramp / BRUSH) ** 2)
        self._window = (window[:, None] * window[None, :]).reshape(-1)
        self._offset_y, self._offset_x = (
            v.reshape(-1) for v in torch.meshgrid(ramp + margin, ramp + margin, indexing="ij")
        )

    def __len__(self) -> int:
        return int(self.features.shape[0])

    def analyse(self, image: Tensor, stride: int) -> tuple[Tensor, Size]:
        """Features float [Q, K] of the patches around every ``stride``-th pixel, row by row, and the grid's size."""
        maps = F.conv2d(_pad(image[: self._compared], ANALYSIS // 2)[None], self.basis, stride=stride)[0]
        return maps.flatten(1).T.contiguous(), (int(maps.shape[1]), int(maps.shape[2]))

    def row(self, image: Tensor, y: Tensor, x: Tensor) -> Tensor:
        """Row of ``features`` that holds the patch of ``image`` centred at (y, x); all int64 of one shape [..]."""
        return self.row_start[image] + y * self.widths[image] + x

    def position(self, row: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Inverse of :meth:`row`: (image, y, x), int64 of the shape [..] of ``row``."""
        image = torch.searchsorted(self.row_start, row, right=True) - 1
        inside = row - self.row_start[image]
        width = self.widths[image]
        return image, inside // width, inside % width

    def paint(self, matches: Matches, weights: Tensor, size: Size) -> Tensor:
        """Overlay the matched patch centres, K at each place mixed by ``weights`` [Q, K], into float [C, *size]."""
        base = self._padded_start[matches.image] + matches.y * self._padded_widths[matches.image] + matches.x
        row_step = self._padded_widths[matches.image]
        columns = torch.empty(base.shape[0], self._window.numel(), self.channels, device=weights.device)

        def mix(part: slice) -> None:
            where = base[part, :, None] + self._offset_y * row_step[part, :, None] + self._offset_x
            columns[part] = torch.einsum("qknc,qk->qnc", self._pixels[where], weights[part])

        in_parts(mix, base.shape[0], _PLACES_AT_ONCE)
        return self._overlay(columns, matches.stride, size)

    def paint_every(self, weights: Tensor, stride: int, size: Size) -> Tensor:
        """As :meth:`paint`, mixing all N patches of the bank at each place: ``weights`` float [Q, N]."""
        image, y, x = self.position(torch.arange(len(self), device=weights.device))
        base = self._padded_start[image] + y * self._padded_widths[image] + x
        where = base[:, None] + self._offset_y * self._padded_widths[image][:, None] + self._offset_x
        columns = weights @ self._pixels[where].flatten(1)
        return self._overlay(columns.reshape(len(columns), -1, self.channels), stride, size)

    def _overlay(self, columns: Tensor, stride: int, size: Size) -> Tensor:
        """Patch centres [Q, P², C] of a grid with ``stride`` → their weighted mean at each pixel, [C, *size]."""
        places = columns.shape[0]
        columns = columns * self._window[None, :, None]
        margin = SYNTHESIS // 2
        height, width = size
        padded = (height + 2 * margin, width + 2 * margin)
        stacked = columns.permute(2, 1, 0).reshape(1, -1, places)
        image = F.fold(stacked, padded, SYNTHESIS, stride=stride)
        ones = self._window[None, :, None].expand(1, -1, places).contiguous()
        total = F.fold(ones, padded, SYNTHESIS, stride=stride)
        return (image / total.clamp_min(1e-6))[0, :, margin : margin + height, margin : margin + width]
