"""What the compact guide is taught: all labels with their phrasings, and which say nothing about which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

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
