"""Learn the shipped start: one network for crops of thousands of aerial scenes at all scales.

    python -m comfyui_sinddm_rs.sinddm.training.pretrain FOLDER [--steps 40000] [--width 96] [--resume]

FOLDER: pictures in sub-folders, such as those of UC Merced Land Use (public domain). Every twentieth scene is held
out. Prints the held-out loss as it goes, and writes sinddm/network/weights/start.safetensors (half precision) and,
beside it while it runs, a checkpoint.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ...rasters.files import read_raster
from ..network.architecture import SinDDMNet, new_network
from ..network.diffusion import Diffusion
from ..network.pretrained import WEIGHTS
from ..network.weights_state import load_network, load_optimiser, network_tensors, optimiser_tensors
from ..pyramid import build_pyramid, resize, size_of
from ..scales import FACTOR, detail, enlarge, scaled_sizes
from ..schedule import noise_schedule
from ..value_range import to_signed
from .batches import Batch, below, noise_losses
from .loop import reduced_precision_pays
from .muon import Muon

SIDE = 256
LEVELS = 6
COARSEST_LEVELS = (0, 0, 0, 1, 1, 2)
"""Levels whose crops stand for scale 0, as often as named: its short side is 42 to 55 or, in small images, more."""
FINEST_SCALE = 8
SCALE_0_SHARE = 1 / 6
BATCH, CROP = 16, 48
HELD_OUT_EVERY = 20
FILTER_RATE, OTHER_RATE = 0.03, 2e-3
WARM_UP = 200
LEAST_RATE = 0.01
REPORT_EVERY = 2_000


@dataclass(frozen=True)
class Level:
    """All scenes at one resolution: sharp and blurred uint8 [N, 3, side, side], and the detail of each, [N]."""

    sharp: Tensor
    blurred: Tensor
    details: Tensor

    def part(self, chosen: Tensor) -> Level:
        """The scenes that are ``chosen``: bool or int64 [N]."""
        return Level(self.sharp[chosen], self.blurred[chosen], self.details[chosen])


def load_levels(folder: Path) -> list[Level]:
    """The scenes of a folder at LEVELS resolutions, coarsest first."""
    pyramids = []
    for path in sorted(path for path in folder.rglob("*") if path.suffix in (".jpg", ".png")):
        scene = resize(to_signed(read_raster(path).pixels[:, :SIDE, :SIDE]), (SIDE, SIDE))
        pyramids.append(build_pyramid(scene, scaled_sizes((SIDE, SIDE), LEVELS, FACTOR)))
    levels = []
    for index in range(LEVELS):
        sharp = torch.stack([pyramid[index] for pyramid in pyramids])
        size = size_of(sharp)
        blurred = sharp if index == 0 else torch.stack([enlarge(pyramid[index - 1], size) for pyramid in pyramids])
        details = torch.tensor([detail(*pair) for pair in zip(sharp, blurred, strict=True)])
        levels.append(Level(_bytes(sharp), _bytes(blurred), details))
    return levels


class SceneCrops:
    """Crops of random scenes. A crop of any resolution may stand for any scale above 0, since images have any size."""

    def __init__(self, levels: Sequence[Level], diffusion: Diffusion) -> None:
        self._levels, self._diffusion = levels, diffusion
        self._ratio = torch.from_numpy(diffusion.schedule.noise_ratio).float()

    def draw(self, generator: torch.Generator, count: int = BATCH) -> Batch:
        """A batch of ``count`` random crops, [count, 3, CROP, CROP]; all randomness is the generator's."""
        steps = len(self._diffusion.schedule)
        within = torch.rand(count, generator=generator)
        t = ((torch.randperm(count, generator=generator) + within) * (steps / count)).long().clamp_max(steps - 1)
        s = torch.randint(1, FINEST_SCALE + 1, (count,), generator=generator)
        s[torch.rand(count, generator=generator) < SCALE_0_SHARE] = 0
        crops = [self._crop(int(scale), generator) for scale in s]
        sharps, blurs, details = zip(*crops, strict=True)
        sharp, blurred = (torch.stack(each).float() / 127.5 - 1.0 for each in (sharps, blurs))
        gamma = torch.where(s == 0, 0.0, (self._ratio[t] / torch.tensor(details)).clamp_max(1.0))
        return Batch(sharp, blurred, t, s, gamma)

    def _crop(self, scale: int, generator: torch.Generator) -> tuple[Tensor, Tensor, float]:
        """A crop sharp and blurred, [3, CROP, CROP] uint8 each, and its scene's detail."""
        if scale == 0:
            level = self._levels[COARSEST_LEVELS[below(len(COARSEST_LEVELS), generator)]]
        else:
            level = self._levels[1 + below(LEVELS - 1, generator)]
        scene, side = below(len(level.sharp), generator), int(level.sharp.shape[-1])
        top, left = (below(max(1, side - CROP + 1), generator) for _ in range(2))
        sharp, blurred = (
            each[scene, :, top : top + CROP, left : left + CROP] if side > CROP else _grown(each[scene])
            for each in (level.sharp, level.blurred)
        )
        # Seen from above there is no up: turned and mirrored scenes are as likely.
        flips = [dimension for dimension in (-1, -2) if below(2, generator)]
        sharp, blurred = sharp.flip(flips), blurred.flip(flips)
        if below(2, generator):
            sharp, blurred = sharp.transpose(-1, -2), blurred.transpose(-1, -2)
        return sharp, blurred, float(level.details[scene])


def _grown(picture: Tensor) -> Tensor:
    missing = CROP - int(picture.shape[-1])
    return torch.nn.functional.pad(picture[None].float(), (0, missing, 0, missing), mode="reflect")[0].to(torch.uint8)


def _bytes(pictures: Tensor) -> Tensor:
    return ((pictures + 1.0) * 127.5).round().clamp(0, 255).to(torch.uint8)


def crops_loss(network: SinDDMNet, crops: SceneCrops, diffusion: Diffusion) -> float:
    """Mean |ε − ε̂| of 512 crops, always the same."""
    generator = torch.Generator().manual_seed(9)
    with torch.no_grad():
        losses = [noise_losses(network, diffusion, crops.draw(generator, 32), generator) for _ in range(16)]
    return float(torch.cat(losses).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=40_000)
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("-o", "--output", type=Path, default=WEIGHTS)
    parser.add_argument("--resume", action="store_true")
    chosen = parser.parse_args()
    diffusion = Diffusion(noise_schedule(), ())
    levels = load_levels(chosen.folder)
    outside = torch.arange(len(levels[0].sharp)) % HELD_OUT_EVERY == 0
    crops = SceneCrops([level.part(~outside) for level in levels], diffusion)
    others = SceneCrops([level.part(outside) for level in levels], diffusion)
    learn(crops, others, diffusion, chosen.output, chosen.steps, chosen.width, chosen.resume)


def learn(
    crops: SceneCrops,
    others: SceneCrops,
    diffusion: Diffusion,
    output: Path,
    steps: int,
    width: int,
    resume: bool,
) -> None:
    """Train for ``steps`` steps on ``crops`` and write the weights to ``output``; ``others`` are the held-out scenes.

    resume: go on from the checkpoint beside ``output``.
    """
    generator = torch.Generator().manual_seed(0)
    network = new_network(width, 3, generator).to(memory_format=torch.channels_last)
    optimiser = Muon(network, FILTER_RATE, OTHER_RATE)
    rates = [group["lr"] for group in optimiser.param_groups]
    aside = output.with_suffix(".checkpoint.safetensors")
    begin = _restore(aside, network, optimiser, generator) if resume else 0
    reduced = reduced_precision_pays("cpu")
    begun = time.monotonic()
    for step in range(begin, steps):
        # Linear decay to almost nothing: the last weights are the ones that are kept.
        rate = min(1.0, (step + 1) / WARM_UP) * max(LEAST_RATE, 1.0 - step / steps)
        for group, own in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = own * rate
        loss = noise_losses(network, diffusion, crops.draw(generator), generator, reduced).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if (step + 1) % REPORT_EVERY == 0 or step + 1 == steps:
            held_out = crops_loss(network, others, diffusion)
            passed = time.monotonic() - begun
            print(f"step {step + 1} held-out {held_out:.4f} {passed:.0f} s", file=sys.stderr, flush=True)
            _put_aside(aside, network, optimiser, generator, step + 1)
    output.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: each.half().contiguous() for name, each in network.state_dict().items()}, output)
    aside.unlink(missing_ok=True)


def _put_aside(path: Path, network: SinDDMNet, optimiser: Muon, generator: torch.Generator, step: int) -> None:
    tensors = network_tensors(network, "network") | optimiser_tensors(optimiser)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors | {"generator": generator.get_state(), "step": torch.tensor(step)}, path)


def _restore(path: Path, network: SinDDMNet, optimiser: Muon, generator: torch.Generator) -> int:
    saved = load_file(path)
    load_network(network, saved, "network")
    load_optimiser(optimiser, saved)
    generator.set_state(saved["generator"])
    return int(saved["step"])


if __name__ == "__main__":
    main()
