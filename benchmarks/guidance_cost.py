"""What a guidance step costs with a CLIP: one batch of views against the published loop, side by side, same weights.

    python benchmarks/guidance_cost.py [--architecture ViT-B-32] [--embeddings 10] [--rounds 3]

The weights are random: they cost what trained ones cost. The loop is that of the published text guidance: every view
goes through the image tower by itself, and every text embedding is compared by itself; ``loop, texts too`` embeds the
texts at each step as well, as a program does that keeps no target.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import open_clip
import torch
from comfyui_sinddm_rs.guidance.guides import load_guide
from comfyui_sinddm_rs.guidance.prompting.prompts import Prompt, PromptEnsemble, embed_ensemble
from comfyui_sinddm_rs.guidance.steering import Wish, text_gradient
from comfyui_sinddm_rs.guidance.views import Views, random_views
from comfyui_sinddm_rs.sinddm.value_range import to_signed, to_unit
from torch import Tensor
from torch.nn import functional as F

VIEWS = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", default="ViT-B-32")
    parser.add_argument("--embeddings", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"RemoteCLIP-{chosen.architecture}.pt"
        torch.save(open_clip.create_model(chosen.architecture).state_dict(), path)
        guide = load_guide(str(path))
    texts = [f"prompt number {i} of a fire in the forest" for i in range(chosen.embeddings)]
    target = embed_ensemble(PromptEnsemble(texts[0], tuple(map(Prompt, texts)), "list"), guide)
    wish = Wish(guide, target, target)
    embeddings = guide.embed_texts(texts)
    clean = to_signed(torch.rand(3, 128, 128))

    def batched(count: int) -> Callable[[], Tensor]:
        return lambda: text_gradient(wish, clean, 1, torch.Generator().manual_seed(0), Views(count))

    def loop(targets: Callable[[], Tensor]) -> Tensor:
        leaf = clean.clone().requires_grad_(True)
        generator = torch.Generator().manual_seed(0)
        loss = torch.zeros(())
        for _ in range(VIEWS):
            view = random_views(to_unit(leaf[None]), Views(1), guide.view_side, generator)
            embedding = guide.embed_images(view)
            for target in targets():
                loss = loss + 1.0 - F.cosine_similarity(embedding, target[None])[0]
        (gradient,) = torch.autograd.grad(loss, leaf)
        return gradient

    def loop_over_both() -> Tensor:
        leaf = clean.clone().requires_grad_(True)
        generator = torch.Generator().manual_seed(0)
        gradient = torch.zeros_like(leaf)
        for _ in range(VIEWS):
            state = generator.get_state()
            for target in embeddings:
                generator.set_state(state)
                view = random_views(to_unit(leaf[None]), Views(1), guide.view_side, generator)
                loss = 1.0 - F.cosine_similarity(guide.embed_images(view), target[None])[0]
                gradient += torch.autograd.grad(loss, leaf)[0]
        return gradient

    ways: dict[str, Callable[[], Tensor]] = {f"batch of {count}": batched(count) for count in (1, 4, 8, VIEWS)}
    ways["loop over views"] = lambda: loop(lambda: embeddings)
    ways["loop, texts too"] = lambda: loop(lambda: guide.embed_texts(texts))
    ways["loop over views and embeddings"] = loop_over_both
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    batched(1)()
    for _ in range(chosen.rounds):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - begun)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    ours = medians[f"batch of {VIEWS}"]
    print(json.dumps({"threads": torch.get_num_threads(), "embeddings": chosen.embeddings}))
    for name, value in medians.items():
        print(json.dumps({"way": name, "seconds": round(value, 3), "times the batch": round(value / ours, 2)}))


if __name__ == "__main__":
    main()
