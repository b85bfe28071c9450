"""What a training step of the compact guide sees: augmented pictures, and the label that is right at each place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .guide import STRIDE
from .labels import Labels
from .pictures import COVERS, PATCHED, SIDE, UNKNOWN_COVER, Pictures
from .vocabulary import COLOURS, UNCHANGED


@dataclass(frozen=True)
class Batch:
    """images [B, 3, S, S] in 0…1; shares [B, h, w] of each place that changed; covers [B, h, w]; kinds, scenes [B]."""

    images: Tensor
    shares: Tensor
    covers: Tensor
    kinds: Tensor
    scenes: Tensor


class Sampler:
    """Batches of ``count`` augmented pictures: half events, a fifth colours and patches, the rest unchanged scenes."""

    def __init__(self, pictures: Pictures, labels: Labels, count: int, side: int, rng: np.random.Generator) -> None:
        self.pictures, self.labels, self.rng = pictures, labels, rng
        self.count, self.side = count, side
        self.rows = {kind: np.flatnonzero(pictures.kinds == kind) for kind in np.unique(pictures.kinds).tolist()}
        self.events = [kind for kind in labels.events if kind in self.rows]
        self.colours = [kind for kind in COLOURS if kind in self.rows]

    def _kind(self) -> str:
        draw = self.rng.random()
        pool = (
            self.events if draw < 0.55 else self.colours if draw < 0.68 else [PATCHED] if draw < 0.74 else [UNCHANGED]
        )
        return pool[int(self.rng.integers(len(pool)))]

    def _crop(self, row: int) -> tuple[Tensor, Tensor, Tensor]:
        """One picture at another scale, turned: [3, S, S], and its places' changed share and cover, [h, w] each."""
        rng, side = self.rng, self.side
        length = int(rng.integers(44, SIDE + 1))
        top, left = (int(rng.integers(0, SIDE - length + 1)) for _ in range(2))
        window = (slice(top, top + length), slice(left, left + length))
        image = torch.from_numpy(self.pictures.images[row][window]).permute(2, 0, 1)[None].float() / 255
        mask = torch.from_numpy(self.pictures.masks[row][window])[None, None].float() / 255
        image = F.interpolate(image, (side, side), mode="bilinear", antialias=True)
        share = F.adaptive_avg_pool2d(mask, side // STRIDE)
        cover_rows = self.pictures.covers[row].shape[0] / SIDE
        grid = [
            ((start + (np.arange(side // STRIDE) + 0.5) * length * STRIDE / side) * cover_rows).astype(int)
            for start in (top, left)
        ]
        cover = torch.from_numpy(self.pictures.covers[row][np.ix_(*grid)])[None, None]
        turns = int(rng.integers(4))
        turned = [torch.rot90(values, turns, (2, 3)) for values in (image, share, cover)]
        if rng.random() < 0.5:
            turned = [t.flip(3) for t in turned]
        return turned[0][0], turned[1][0, 0], turned[2][0, 0]

    def _sensor(self, images: Tensor) -> Tensor:
        """Another camera, haze and focus: random gain, contrast, saturation, gamma, blur and noise for each picture."""
        rng, n = self.rng, len(images)

        def uniform(low: float, high: float, *shape: int) -> Tensor:
            return torch.from_numpy(rng.uniform(low, high, (n, *(shape or (1, 1, 1)))).astype(np.float32))

        grey = images.mean(1, keepdim=True)
        images = grey + (images - grey) * uniform(0.65, 1.35)
        mean = images.mean((1, 2, 3), keepdim=True)
        images = mean + (images - mean) * uniform(0.75, 1.25) + uniform(-0.08, 0.08)
        images = (images * uniform(0.92, 1.08, 3, 1, 1) * uniform(0.85, 1.15)).clamp(0.002, 1) ** uniform(0.85, 1.2)
        coarse = F.interpolate(F.avg_pool2d(images, 2), scale_factor=2.0, mode="bilinear")
        images = torch.lerp(images, coarse, uniform(0, 1) * (uniform(0, 1) < 0.35))
        noise = torch.from_numpy(rng.standard_normal(images.shape).astype(np.float32))
        return (images + noise * uniform(0, 0.03) * (uniform(0, 1) < 0.5)).clamp(0, 1)

    def __iter__(self) -> Iterator[Batch]:
        index = self.labels.index
        while True:
            rows = [int(self.rng.choice(self.rows[self._kind()])) for _ in range(self.count)]
            crops = [self._crop(row) for row in rows]
            images, shares, covers = (torch.stack([crop[i] for crop in crops]) for i in range(3))
            kinds = torch.tensor([index.get(str(self.pictures.kinds[row]), index[UNCHANGED]) for row in rows])
            scenes = torch.tensor([index[str(self.pictures.scenes[row])] for row in rows])
            yield Batch(self._sensor(images), shares, covers.long(), kinds, scenes)


@dataclass(frozen=True)
class Targets:
    """For each picture or place: the label that is right, the labels that count at all, and a weight."""

    right: Tensor
    counts: Tensor
    weight: Tensor


def _drop_near_colours(counts: Tensor, right: Tensor, near: Tensor, labels: Labels) -> Tensor:
    """A colour word is no mistake where the pixels have about that colour; ``near`` [..., colours]."""
    counts = counts.clone()
    counts[..., labels.colour_ids] &= ~near
    return counts.scatter(-1, right[..., None], True)


def _shared(places: Tensor) -> Tensor:
    """Weights of ``places`` (bool [B, h, w]): every picture that has any gets as much, and all sum to 1."""
    each = places / places.sum((1, 2), keepdim=True).clamp(min=1)
    return each / each.sum().clamp(min=1e-6)


def targets_of(batch: Batch, labels: Labels, rng: np.random.Generator) -> tuple[Targets, Targets]:
    """(of pictures [B], of places [B, h, w]).

    A place counts as changed from a tenth of its area on and as unchanged below a fiftieth; between them it has
    no weight. An unchanged place is described by its scene, its cover or UNCHANGED, one of them at random.
    """
    index = labels.index
    shape = batch.shares.shape
    changed, untouched = batch.shares > 0.1, batch.shares < 0.02
    kinds, scenes = (values[:, None, None].expand(shape) for values in (batch.kinds, batch.scenes))
    draw = torch.from_numpy(rng.random(shape))
    cover = torch.tensor([index[name] for name in COVERS])[batch.covers.clamp(max=len(COVERS) - 1)]
    ground = torch.where((draw < 0.4) & (batch.covers != UNKNOWN_COVER), cover, scenes)
    ground = torch.where(draw > 0.8, index[UNCHANGED], ground)
    right = torch.where(changed, kinds, ground)
    counts = ~labels.silent[right]
    # An event hides neither its scene nor the ground entirely: those words are no mistakes at a changed place.
    own = F.one_hot(scenes, len(labels)).bool() | labels.ground * F.one_hot(cover, len(labels)).bool()
    counts &= ~(own & (changed | (right == index[UNCHANGED]))[..., None])
    colours = F.adaptive_avg_pool2d(batch.images, (shape[1], shape[2])).permute(0, 2, 3, 1)
    near = (colours[..., None, :] - labels.colour_values).norm(dim=-1) < 0.3
    counts = _drop_near_colours(counts, right, near, labels)
    # Each picture counts once, however little of it changed: cracks have a tenth of the places of snow.
    weight = _shared(changed) + 0.8 * _shared(untouched)

    any_change = changed.flatten(1).any(1)
    plain = torch.from_numpy(rng.random(len(batch.kinds)) < 0.25)
    picture = torch.where(any_change, batch.kinds, torch.where(plain, index[UNCHANGED], batch.scenes))
    counted = ~labels.silent[picture] & ~(F.one_hot(batch.scenes, len(labels)).bool() & any_change[:, None])
    counted[:, [index[name] for name in COVERS]] = False
    counted = _drop_near_colours(counted, picture, near.flatten(1, 2).any(1), labels)
    clear = any_change | untouched.flatten(1).all(1)
    return Targets(picture, counted, clear / clear.sum().clamp(min=1)), Targets(right, counts, weight)
