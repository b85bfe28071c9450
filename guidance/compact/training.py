"""Train the compact guide: ``python -m comfyui_sinddm_rs.guidance.compact.training DATA OUT``.

DATA holds the UC Merced scenes as one folder a class. Each picture and each of its places is matched with the words
for what is there (cross-entropy over all labels, phrasings sampled anew at every step), on pictures moved by one
step of an L2-bounded attack (Wong et al., arXiv 2001.03994), which makes the gradient perceptually aligned.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..events import EVENTS
from .guide import STRIDE, CompactGuide, ImageTower, TextSide, load_compact_guide, save_compact, word_table
from .pictures import COVERS, PATCHED, SIDE, UNKNOWN_COVER, Pictures, draw_pictures
from .vocabulary import (
    COLOURS,
    COVER_PHRASINGS,
    EVENT_PHRASINGS,
    OTHER_EVENTS_SHOWN,
    PLACES,
    SCENE_PHRASINGS,
    TEMPLATES,
    UNCHANGED,
    UNCHANGED_PHRASINGS,
    split_phrasings,
)


@dataclass(frozen=True)
class Training:
    """Constants of one training run; those that matter are explained."""

    steps: int = 2500
    batch: int = 64
    side: int = 64
    attack: float = 1.3
    """Radius of the attack: L2 over one 64×64 picture in 0…1."""
    rate: float = 1.5e-3
    decay: float = 0.02
    average: float = 0.998
    texts: int = 2
    """Phrasings a label at each step."""
    seed: int = 0


class Labels:
    """All labels with their phrasings, and which labels say nothing about which."""

    def __init__(self, events: Sequence[str], extra: dict[str, Sequence[str]] | None = None) -> None:
        self.events = tuple(events)
        groups: dict[str, Sequence[str]] = {name: EVENT_PHRASINGS.get(name, ()) for name in events}
        for name, phrases in (extra or {}).items():
            groups[name] = tuple(dict.fromkeys((*groups[name], *phrases)))
        groups |= SCENE_PHRASINGS | COVER_PHRASINGS
        groups |= {name: colour.phrasings for name, colour in COLOURS.items()}
        groups[UNCHANGED] = UNCHANGED_PHRASINGS
        self.names = tuple(groups)
        self.index = {name: i for i, name in enumerate(self.names)}
        splits = [split_phrasings(phrasings) for phrasings in groups.values()]
        self.training = [split[0] for split in splits]
        self.held_out = [split[1] for split in splits]
        self.colour_ids = torch.tensor([self.index[name] for name in COLOURS])
        self.colour_values = torch.tensor([colour.rgb for colour in COLOURS.values()])
        self.ground = torch.zeros(len(self.names), dtype=torch.bool)
        """True for scenes, covers and UNCHANGED: what the picture shows anyway."""
        for name in (*SCENE_PHRASINGS, *COVER_PHRASINGS, UNCHANGED):
            self.ground[self.index[name]] = True
        self.silent = torch.zeros(len(self.names), len(self.names), dtype=torch.bool)
        """[label, other]: ``other`` is neither right nor wrong where ``label`` is."""
        for name, others in OTHER_EVENTS_SHOWN.items():
            for other in others:
                if name in self.index and other in self.index:
                    self.silent[self.index[name], self.index[other]] = True
        for name in (*COVER_PHRASINGS, UNCHANGED):
            self.silent[self.index[name]] |= self.ground
            self.silent[:, self.index[name]] |= self.ground
        covers = torch.tensor([self.index[name] for name in COVER_PHRASINGS])
        self.silent[covers[:, None], covers] = False

    def __len__(self) -> int:
        return len(self.names)

    def sample(self, rng: np.random.Generator) -> list[str]:
        """One text a label, an event's or a colour's in a random template."""
        texts = []
        for i, phrasings in enumerate(self.training):
            phrase = phrasings[int(rng.integers(len(phrasings)))]
            template = (
                TEMPLATES[int(rng.integers(len(TEMPLATES)))]
                if not self.ground[i]
                else TEMPLATES[-4 * int(rng.integers(2))]
            )
            texts.append(template.format(phrase, place=PLACES[int(rng.integers(len(PLACES)))]))
        return texts


@dataclass(frozen=True)
class Batch:
    """images [B, 3, S, S] in 0…1; shares [B, h, w] of each place that changed; covers [B, h, w]; kinds, scenes [B]."""

    images: Tensor
    shares: Tensor
    covers: Tensor
    kinds: Tensor
    scenes: Tensor


class Sampler:
    """Draws augmented batches: half events, a fifth colours and patches, the rest unchanged scenes."""

    def __init__(self, pictures: Pictures, labels: Labels, settings: Training, rng: np.random.Generator) -> None:
        self.pictures, self.labels, self.settings, self.rng = pictures, labels, settings, rng
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
        rng, side = self.rng, self.settings.side
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
            rows = [int(self.rng.choice(self.rows[self._kind()])) for _ in range(self.settings.batch)]
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
    weight = changed / changed.sum().clamp(min=1) + 0.8 * untouched / untouched.sum().clamp(min=1)

    any_change = changed.flatten(1).any(1)
    plain = torch.from_numpy(rng.random(len(batch.kinds)) < 0.25)
    picture = torch.where(any_change, batch.kinds, torch.where(plain, index[UNCHANGED], batch.scenes))
    counted = ~labels.silent[picture] & ~(F.one_hot(batch.scenes, len(labels)).bool() & any_change[:, None])
    counted[:, [index[name] for name in COVERS]] = False
    counted = _drop_near_colours(counted, picture, near.flatten(1, 2).any(1), labels)
    clear = any_change | untouched.flatten(1).all(1)
    return Targets(picture, counted, clear / clear.sum().clamp(min=1)), Targets(right, counts, weight)


class Trainer:
    """Both sides, their optimiser and their running average; ``step`` does one update and returns the loss."""

    def __init__(self, labels: Labels, settings: Training, start: CompactGuide | None = None) -> None:
        # Layers start from torch's global generator: seed it for the construction alone.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.image, self.text = ImageTower(), TextSide()
        if start is not None:
            self.image.load_state_dict(start.image.state_dict())
            self.text.load_state_dict(start.text.state_dict())
        self.labels, self.settings = labels, settings
        self.scale = nn.Parameter(torch.tensor(12.0).log())
        self.parameters = [*self.image.parameters(), *self.text.parameters(), self.scale]
        weights = [p for p in self.parameters if p.ndim > 1]
        others = [p for p in self.parameters if p.ndim <= 1]
        groups = [
            {"params": weights, "weight_decay": settings.decay},
            {"params": others, "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=settings.rate, betas=(0.9, 0.98))
        self.mean_image, self.mean_text = ImageTower(), TextSide()
        self.average(0.0)

    def average(self, keep: float) -> None:
        for mean, live in ((self.mean_image, self.image), (self.mean_text, self.text)):
            for a, b in zip(mean.parameters(), live.parameters(), strict=True):
                a.data.lerp_(b.data, 1.0 - keep)

    def texts(self, rng: np.random.Generator) -> Tensor:
        """[K, labels, D]: embeddings of K sampled texts a label, with dropped and blurred words."""
        sampled = [text for _ in range(self.settings.texts) for text in self.labels.sample(rng)]
        words, mask = word_table()(sampled)
        keep = torch.from_numpy(rng.random(mask.shape) > 0.08) | (mask.sum(1, keepdim=True) < 3)
        noise = torch.from_numpy(rng.standard_normal(words.shape).astype(np.float32))
        words = words + 0.15 * noise * words.norm(dim=-1, keepdim=True) / words.shape[-1] ** 0.5
        embedded: Tensor = self.text(words, mask * keep)
        return embedded.reshape(self.settings.texts, len(self.labels), -1)

    def _entropy(self, vectors: Tensor, texts: Tensor, targets: Targets) -> Tensor:
        """Weighted cross-entropy of unit ``vectors`` [..., D] over the labels that count, mean over the K texts."""
        logits = self.scale.exp().clamp(max=25.0) * torch.einsum("...d,kld->...kl", F.normalize(vectors, dim=-1), texts)
        logits = logits.masked_fill(~targets.counts[..., None, :], -30.0)
        loss = -logits.log_softmax(-1).gather(-1, targets.right[..., None, None].expand(*logits.shape[:-1], 1))
        return (loss.squeeze(-1).mean(-1) * targets.weight).sum()

    def _text_entropy(self, texts: Tensor) -> Tensor:
        """Two phrasings of a label find each other among all labels: keeps texts apart before images are understood."""
        labels = self.labels
        logits = self.scale.exp().clamp(max=25.0) * texts[0] @ texts[1].T
        silent = labels.silent & ~torch.eye(len(labels), dtype=torch.bool)
        return F.cross_entropy(logits.masked_fill(silent, -30.0), torch.arange(len(labels)))

    def loss(self, images: Tensor, texts: Tensor, targets: tuple[Targets, Targets]) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            places, pictures = self.image(images.to(memory_format=torch.channels_last))
        return self._entropy(pictures.float(), texts, targets[0]) + self._entropy(
            places.float().permute(0, 2, 3, 1), texts, targets[1]
        )

    def attacked(
        self,
        batch: Batch,
        texts: Tensor,
        targets: tuple[Targets, Targets],
        radius: float,
        rng: np.random.Generator,
    ) -> Tensor:
        """``batch.images`` moved by one step from a random start, each inside the L2 ball of ``radius``."""
        start = torch.from_numpy(rng.standard_normal(batch.images.shape).astype(np.float32))
        start = start / start.flatten(1).norm(dim=1)[:, None, None, None] * 0.5 * radius
        moved = (batch.images + start).requires_grad_()
        (gradient,) = torch.autograd.grad(self.loss(moved, texts.detach(), targets), moved)
        step = gradient / gradient.flatten(1).norm(dim=1).clamp(min=1e-12)[:, None, None, None] * radius
        shift = start + step
        length = shift.flatten(1).norm(dim=1).clamp(min=1e-12)[:, None, None, None]
        images: Tensor = (batch.images + shift * (radius / length).clamp(max=1.0)).clamp(0, 1)
        return images

    def step(self, batch: Batch, done: float, count: int, rng: np.random.Generator) -> float:
        """One update; ``done`` in 0…1 is the share of the training that is over, ``count`` the steps before."""
        settings = self.settings
        rate = settings.rate * min(1.0, (count + 1) / 100) * max(0.02, float(np.cos(0.5 * np.pi * done)))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        targets = targets_of(batch, self.labels, rng)
        texts = self.texts(rng)
        radius = settings.attack * batch.images.shape[-1] / 64 * min(1.0, done / 0.15)
        images = self.attacked(batch, texts, targets, radius, rng) if radius > 0 else batch.images
        loss = self.loss(images, texts, targets) + self._text_entropy(texts)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.average(min(settings.average, (1 + count) / (10 + count)))
        return float(loss.detach())


def train(
    pictures: Pictures,
    labels: Labels,
    settings: Training,
    out: Path,
    seconds: float | None = None,
    start: CompactGuide | None = None,
) -> int:
    """Train on the pictures that are not held out and write ``out``, also every 200 steps. Returns the steps done.

    With ``seconds`` the run ends after that time, whatever the steps (and is then not exactly repeatable). With
    ``start`` it goes on from that guide's weights; a split of scenes depends on the seed, so keep the guide's own.
    """
    rng = np.random.default_rng((settings.seed, 7))
    trainer = Trainer(labels, settings, start)
    batches = iter(Sampler(pictures.subset(~pictures.held_out), labels, settings, rng))
    header = {
        "labels": json.dumps(labels.names),
        "events": json.dumps(labels.events),
        "data": "UC Merced Land Use (public domain)",
    }
    begin, count, done, running = time.monotonic(), 0, 0.0, 0.0
    while done < 1.0:
        loss = trainer.step(next(batches), done, count, rng)
        count += 1
        running = loss if count == 1 else 0.98 * running + 0.02 * loss
        done = count / settings.steps if seconds is None else (time.monotonic() - begin) / seconds
        if count % 50 == 0:
            print(f"step {count}  {min(done, 1):.0%}  loss {running:.3f}", file=sys.stderr, flush=True)
        if count % 200 == 0 or done >= 1.0:
            save_compact(
                out,
                trainer.mean_image,
                trainer.mean_text,
                header | {"steps": str(count), "seed": str(settings.seed)},
            )
    return count


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m comfyui_sinddm_rs.guidance.compact.training", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with one folder of pictures a UC Merced class")
    parser.add_argument("out", type=Path, help="the .safetensors file to write")
    parser.add_argument("--steps", type=int, default=Training.steps, help="updates (repeatable)")
    parser.add_argument("--minutes", type=float, help="train for this time instead of a number of steps")
    parser.add_argument("--batch", type=int, default=Training.batch)
    parser.add_argument("--side", type=int, default=Training.side, help="pixels of a picture: more show smaller things")
    parser.add_argument(
        "--attack", type=float, default=Training.attack, help="radius of the attack; 0 for a guide that only judges"
    )
    parser.add_argument("--rate", type=float, default=Training.rate, help="greatest rate of learning")
    parser.add_argument("--start", type=Path, help="go on from these weights (.safetensors) instead of random ones")
    parser.add_argument("--per-event", type=int, default=400, help="drawings of each event")
    parser.add_argument("--cache", type=Path, help="file to keep the drawn pictures in, read when it exists")
    parser.add_argument("--workers", type=int, default=2, help="processes that draw")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    if chosen.cache is not None and chosen.cache.exists():
        pictures = Pictures.load(chosen.cache)
    else:
        pictures = draw_pictures(chosen.data, EVENTS, chosen.per_event, chosen.seed, chosen.workers)
        if chosen.cache is not None:
            pictures.save(chosen.cache)
    labels = Labels([event.name for event in EVENTS], {event.name: event.phrases for event in EVENTS})
    settings = Training(
        steps=chosen.steps,
        batch=chosen.batch,
        side=chosen.side,
        attack=chosen.attack,
        rate=chosen.rate,
        seed=chosen.seed,
    )
    start = None if chosen.start is None else load_compact_guide(path=chosen.start)
    seconds = None if chosen.minutes is None else 60 * chosen.minutes
    steps = train(pictures, labels, settings, chosen.out, seconds, start)
    print(json.dumps({"output": str(chosen.out), "pictures": len(pictures), "steps": steps}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
