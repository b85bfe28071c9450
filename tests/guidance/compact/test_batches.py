from __future__ import annotations

import numpy as np
import pytest
import torch
from comfyui_sinddm_rs.guidance.compact.batches import Sampler, targets_of
from comfyui_sinddm_rs.guidance.compact.guide import STRIDE
from comfyui_sinddm_rs.guidance.compact.labels import Labels
from comfyui_sinddm_rs.guidance.compact.vocabulary import UNCHANGED

LABELS = Labels(["fire"])


@pytest.fixture
def batch(woods):
    pictures = woods(["fire", UNCHANGED, "patched", "red"])
    return next(iter(Sampler(pictures, LABELS, count=12, side=48, rng=np.random.default_rng(0))))


def test_shapes_and_ranges(batch):
    assert batch.images.shape == (12, 3, 48, 48) and 0.0 <= batch.images.min() <= batch.images.max() <= 1.0
    assert batch.shares.shape == batch.covers.shape == (12, 48 // STRIDE, 48 // STRIDE)
    assert {LABELS.names[i] for i in batch.kinds.tolist()} <= {"fire", "red", UNCHANGED}


def test_a_changed_place_is_called_as_what_changed_it_and_any_other_as_the_ground(batch):
    _, places = targets_of(batch, LABELS, np.random.default_rng(0))
    changed, untouched = batch.shares > 0.1, batch.shares < 0.02
    assert torch.equal(places.right[changed], batch.kinds[:, None, None].expand(batch.shares.shape)[changed])
    ground = {LABELS.names[i] for i in places.right[untouched].tolist()}
    assert ground <= {"forest", "trees", UNCHANGED}
    between = ~(changed | untouched)
    assert not places.weight[between].any() and float(places.weight.sum()) == pytest.approx(1.8, abs=1e-5)
    assert places.counts.gather(-1, places.right[..., None]).all()


def test_a_picture_counts_the_same_however_little_of_it_changed(batch):
    _, places = targets_of(batch, LABELS, np.random.default_rng(0))
    changed = batch.shares > 0.1
    each = torch.stack([places.weight[i][changed[i]].sum() for i in range(len(changed)) if changed[i].any()])
    assert len(each) > 2 and torch.allclose(each, each[0]) and float(each.sum()) == pytest.approx(1.0, abs=1e-5)
