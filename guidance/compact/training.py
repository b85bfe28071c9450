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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..events import EVENTS
from .batches import Batch, Sampler, Targets, targets_of
from .guide import CompactGuide, ImageTower, TextSide, load_compact_guide, save_compact, word_table
from .labels import Labels
from .pictures import Pictures, draw_pictures


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


class Trainer:
    """Both sides, their optimiser and their running average; ``step`` does one update and returns the loss."""

    def __init__(self, labels: Labels, settings: Training, start: CompactGuide | None = None) -> None:
        # Layers start from torch's global generator: seed it for the construction alone.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.image, self.text = ImageTower(), TextSide()
            self.mean_image, self.mean_text = ImageTower(), TextSide()
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
    batches = iter(Sampler(pictures.subset(~pictures.held_out), labels, settings.batch, settings.side, rng))
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
                header | {"steps": str(count), "seed": str(settings.seed), "side": str(settings.side)},
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
