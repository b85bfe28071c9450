from __future__ import annotations

from pathlib import Path

import torch
from comfyui_sinddm_rs.guidance.compact.guide import load_compact_guide
from comfyui_sinddm_rs.guidance.compact.labels import Labels
from comfyui_sinddm_rs.guidance.compact.training import Training, train
from comfyui_sinddm_rs.guidance.compact.vocabulary import UNCHANGED


def test_the_same_seed_trains_the_same_guide_and_another_a_different_one(woods, tmp_path: Path):
    pictures = woods(["fire", UNCHANGED, "patched", "red"])
    answers = []
    for name, seed in (("one", 3), ("again", 3), ("other", 4)):
        place = tmp_path / f"{name}.safetensors"
        before = torch.get_rng_state()
        done = train(pictures, Labels(["fire"]), Training(steps=2, batch=4, side=32, seed=seed), place)
        assert done == 2 and torch.equal(torch.get_rng_state(), before)
        answers.append(load_compact_guide(path=place).embed_texts(["a fire"]))
    assert torch.equal(answers[0], answers[1]) and not torch.equal(answers[0], answers[2])
