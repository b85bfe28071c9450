"""Whether a guide knows what it sees: it names pictures of this package, which need nothing from elsewhere.

The rule is the same for every check. What sets a picture apart from others must be nearest to its own caption, for at
least ``BOUND`` of the pictures. There are six kinds of pictures, and in the worst case a guide without knowledge gives
all pictures of a kind the same name; then five of six kinds would have to be right by luck: about once in 720 times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..rasters.bundled import scene_path
from ..rasters.files import read_raster
from ..rasters.layout import as_rgb, channels_first, channels_last
from .events import EVENTS, Scene
from .guide import Guide

BOUND = 0.7
"""Least accuracy of a guide that passes. With random weights (400 small CLIPs, 5 ViT-B-32, 50 compact guides) the best
reached 0.42."""

CAPTIONS: dict[str, tuple[str, ...]] = {
    "coast": ("a sandy coast and the sea", "waves breaking on a beach", "sand spits between the sea and a lagoon"),
    "forest": ("a coniferous forest", "a dense forest beside a road", "the crowns of many trees"),
    "house": ("a large house among lawns and streets", "a building in a city", "a roof between streets and gardens"),
    "meadow": ("a meadow with scattered trees", "grass with dead and fallen trees", "a grassy slope with a few trees"),
    "river": ("a river between farm fields", "a winding river and green fields", "farmland along a blue river"),
    "tanks": ("two round storage tanks", "white oil storage tanks", "cylindrical tanks on an industrial site"),
}
"""Bundled scene → what is true of it and of each of its views. Two of one harbour would be taken for each other."""
DRAWN = ("fire", "smoke", "burn_scar", "flood", "snow", "debris")
"""Events that the compact guide's model card says it tells apart in most pictures, but oil, for want of open water."""
SEVERITY = 0.8
DRAWN_SIDE = 128
CROP = 0.75
"""Side of a crop as a share of the scene's: small enough to differ, large enough for the captions to stay true."""
CLEAR = 5
"""In so many of the six scenes the better of two guides must have the greater margin; by luck once in nine times."""


@dataclass(frozen=True)
class Named:
    """What the pictures of one kind were called. named: the most frequent answer. right: share of right ones.

    margin: similarity to the own caption less that to the best other one, on average.
    """

    expected: str
    named: str
    right: float
    margin: float


@dataclass(frozen=True)
class ZeroShot:
    """How a guide did in a check, one entry for each kind of picture."""

    kinds: tuple[Named, ...]

    @property
    def accuracy(self) -> float:
        """Share of right names, 0…1, mean over the kinds."""
        return mean(each.right for each in self.kinds)

    @property
    def margin(self) -> float:
        """Similarity to the own caption less that to the best other one, mean over the kinds."""
        return mean(each.margin for each in self.kinds)

    @property
    def passed(self) -> bool:
        """Whether the accuracy reaches BOUND."""
        return self.accuracy >= BOUND

    def clearly_better(self, other: ZeroShot) -> bool:
        """Whether this one passed, and is more certain of the right captions than ``other`` in nearly all kinds."""
        wins = sum(own.margin > its.margin for own, its in zip(self.kinds, other.kinds, strict=True))
        return self.passed and wins >= CLEAR and self.accuracy >= other.accuracy and self.margin > other.margin

    def summary(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "passed": self.passed,
            "accuracy": round(self.accuracy, 3),
            "bound": BOUND,
            "margin": round(self.margin, 4),
            "named": {each.expected: each.named for each in self.kinds},
        }


def zero_shot_check(guide: Guide) -> ZeroShot:
    """The guide names ten views of each bundled scene among the captions of all scenes.

    A view counts by its difference from the mean of all scenes, so that no caption wins by being near to everything.
    """
    seen = {scene: _embedded(guide, _views(_pixels(scene))) for scene in CAPTIONS}
    common = torch.stack([vectors.mean(0) for vectors in seen.values()]).mean(0)
    return _judged(guide, {scene: vectors - common for scene, vectors in seen.items()}, CAPTIONS)


def drawn_events_check(guide: Guide) -> ZeroShot:
    """The guide names what events drawn over the bundled scenes have changed in them.

    For the compact guide, whose model card says that it knows events and is a weak classifier of whole pictures.
    """
    changes: dict[str, list[Tensor]] = {name: [] for name in DRAWN}
    for name in CAPTIONS:
        pixels = F.interpolate(_pixels(name)[None], (DRAWN_SIDE, DRAWN_SIDE), mode="area")[0]
        before = _embedded(guide, [_mirrored(pixels[None])])
        for event, drawn in _drawn(pixels):
            changes[event].append(_embedded(guide, [_mirrored(drawn[None])]) - before)
    phrases = {event.name: event.phrases for event in EVENTS if event.name in DRAWN}
    return _judged(guide, {name: torch.cat(vectors) for name, vectors in changes.items()}, phrases)


def _judged(guide: Guide, pictures: Mapping[str, Tensor], captions: Mapping[str, Sequence[str]]) -> ZeroShot:
    """pictures: kind → [N, D], what sets each picture of that kind apart."""
    texts = torch.stack([_caption(guide, captions[kind]) for kind in pictures])
    names = list(pictures)
    kinds = []
    for index, vectors in enumerate(pictures.values()):
        scores = vectors @ texts.T
        others = scores[:, [other for other in range(len(names)) if other != index]]
        answers = Counter(names[answer] for answer in scores.argmax(1).tolist())
        margin = float((scores[:, index] - others.max(1).values).mean())
        kinds.append(Named(names[index], answers.most_common(1)[0][0], answers[names[index]] / len(vectors), margin))
    return ZeroShot(tuple(kinds))


def _caption(guide: Guide, captions: Sequence[str]) -> Tensor:
    """Unit vector [D]: the mean over the captions in all sentences."""
    sentences = [sentence.format(caption) for caption in captions for sentence in guide.templates.fine]
    return F.normalize(guide.embed_texts(sentences).mean(0), dim=0)


def _embedded(guide: Guide, batches: Sequence[Tensor]) -> Tensor:
    with torch.no_grad():
        return torch.cat([guide.embed_images(batch) for batch in batches])


def _pixels(scene: str) -> Tensor:
    return as_rgb(read_raster(scene_path(scene)).pixels)


def _views(pixels: Tensor) -> list[Tensor]:
    """The whole [3, H, W] and its four corners, each as it is and mirrored."""
    height, width = pixels.shape[-2:]
    h, w = int(CROP * height), int(CROP * width)
    corners = [pixels[:, y : y + h, x : x + w] for y in (0, height - h) for x in (0, width - w)]
    return [_mirrored(pixels[None]), _mirrored(torch.stack(corners))]


def _mirrored(pictures: Tensor) -> Tensor:
    return torch.cat([pictures, pictures.flip(-1)])


def _drawn(pixels: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Each of the events drawn over the scene [3, H, W], wherever it can happen there."""
    scene = Scene(np.ascontiguousarray(channels_last(pixels).numpy()))
    for event in EVENTS:
        if event.name in DRAWN:
            drawing = event.draw(scene, event.suitability(scene), SEVERITY, np.random.default_rng(0))
            yield event.name, channels_first(torch.from_numpy(drawing.image))
