"""Which model should lay out a new scene, and which should paint it?

    python benchmarks/hybrid_orders.py OUT IMAGE… [--iterations 800] [--size 250x200]

Trains the fast recipe on the upper left corner of every image, samples with patches alone, the network alone and both
orders of the hybrid, prints the patch-SWD to the source and the gradient energy relative to it (mean of three seeds),
and writes a sheet of each first sample beside the source.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from comfyui_sinddm_rs.cli.measures import gradient_energy
from comfyui_sinddm_rs.cli.sample import parse_size
from comfyui_sinddm_rs.rasters.files import make_folder, read_raster, write_rgb
from comfyui_sinddm_rs.sinddm.denoiser import Denoiser
from comfyui_sinddm_rs.sinddm.hybrid import NEW_SCENE, HybridDenoiser, Shares
from comfyui_sinddm_rs.sinddm.network.model import NetworkDenoiser, SinDDMModel
from comfyui_sinddm_rs.sinddm.new_scene import scene_from
from comfyui_sinddm_rs.sinddm.patch_swd import patch_swd
from comfyui_sinddm_rs.sinddm.patches.model import PatchDenoiser
from comfyui_sinddm_rs.sinddm.training.loop import Training, TrainSettings
from comfyui_sinddm_rs.sinddm.value_range import to_signed

SEEDS = (0, 1, 2)


def orders(model: SinDDMModel) -> dict[str, Callable[[], Denoiser]]:
    def patches() -> PatchDenoiser:
        return PatchDenoiser(model.image)

    network = NetworkDenoiser(model)
    return {
        "patches": patches,
        "network": lambda: network,
        "patches to 0.6, network (default)": lambda: HybridDenoiser(patches(), network, NEW_SCENE),
        "patches to 0.35, network": lambda: HybridDenoiser(patches(), network, Shares(0.35, 0.35)),
        "network to 0.45, patches": lambda: HybridDenoiser(network, patches(), Shares(0.45, 0.45)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("images", nargs="+", type=Path)
    parser.add_argument("--iterations", type=int, default=800)
    parser.add_argument("--size", default="250x200")
    chosen = parser.parse_args()
    folder = make_folder(chosen.out)
    height, width = parse_size(chosen.size)
    for path in chosen.images:
        image = read_raster(path).pixels[:, :height, :width].contiguous()
        training = Training(to_signed(image), TrainSettings(iterations=chosen.iterations))
        for _ in training.run():
            pass
        model, panels = training.model(), [image]
        print(f"{path.stem}: {training.step} steps in {training.seconds:.0f} s", flush=True)
        for name, build in orders(model).items():
            drawn = [scene_from(build(), model.size, seed) for seed in SEEDS]
            distance = sum(patch_swd(each, image, torch.Generator().manual_seed(0)) for each in drawn) / len(SEEDS)
            energy = sum(map(gradient_energy, drawn)) / len(SEEDS) / gradient_energy(image)
            print(f"  {name:36s} patch-SWD {distance:.4f}  gradient energy {energy:.2f}", flush=True)
            panels.append(drawn[0])
        write_rgb(folder / f"{path.stem}.png", torch.cat([torch.cat(panels[:3], 2), torch.cat(panels[3:], 2)], 1))


if __name__ == "__main__":
    main()
