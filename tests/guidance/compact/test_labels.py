from __future__ import annotations

import numpy as np
from comfyui_sinddm_rs.guidance.compact.labels import Labels
from comfyui_sinddm_rs.guidance.compact.vocabulary import COLOURS, COVER_PHRASINGS, SCENE_PHRASINGS, UNCHANGED

LABELS = Labels(["fire", "flood"], {"fire": ["the trees are alight"]})


def test_events_scenes_covers_and_colours_are_labels():
    assert set(LABELS.names) == {"fire", "flood", UNCHANGED, *SCENE_PHRASINGS, *COVER_PHRASINGS, *COLOURS}
    assert LABELS.ground.sum() == len(SCENE_PHRASINGS) + len(COVER_PHRASINGS) + 1


def test_held_out_phrasings_are_never_sampled():
    rng = np.random.default_rng(0)
    for training, held_out in zip(LABELS.training, LABELS.held_out, strict=True):
        assert training and not set(training) & set(held_out)
    assert all(len(LABELS.sample(rng)) == len(LABELS) for _ in range(3))


def test_covers_are_told_from_each_other_and_say_nothing_about_scenes():
    trees, grass, forest = (LABELS.index[name] for name in ("trees", "grass", "forest"))
    assert not LABELS.silent[trees, grass] and LABELS.silent[trees, forest] and LABELS.silent[forest, trees]
