"""From an event to exemplars: where it would happen, and drawings of it over the scene.

A drawing only lends its patches to the model of the image; the sampler decides what of them appears.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..rasters.layout import as_rgb, channels_first, channels_last
from ..sinddm.pyramid import Size, resize
from .bands import BandUnits, with_event
from .covers import names_water
from .events import AT_WATER, DRAWN_ONCE, ENDS_BY_ITSELF, Drawing, Event, Scene
from .events.noise import organic_place, smoothstep
from .guide import Guide
from .subjects import find_subjects, room_around

FloatArray = NDArray[np.float32]

WHOLE_SCENE_SHARE = 0.3
"""An event that typically changes more than this finds its own extent; a smaller one is given a place."""
SHARE_OF_REGION = 0.5
"""Share of a user's region that an event of strength 1 changes, where it is not tied to one object."""
_PLACES_TRIED = 8
_SKETCH_SIDE = 128
_HALVINGS = 4
_POSSIBLE = 0.05
"""Suitability that some place must have for the event to be possible at all."""


@dataclass(frozen=True)
class DrawnExemplar:
    """One drawing of an event as the sampler sees it: image [C, H, W] and mask [H, W] of what was drawn, in 0…1."""

    image: Tensor
    mask: Tensor


@dataclass(frozen=True)
class Canvas:
    """What is drawn over, and what for.

    image: float [C, H, W] in 0…1. guide, target: what chooses places, and the embedding [D] of what is asked for in
    ``text``.
    region: [H, W] in 0…1, where the user wants it; without it the place comes from the event's suitability.
    strength: 1 is the event's typical extent. valid: float [H, W], 0 where the image has no data and nothing may
    happen. units: what the bands are.
    """

    image: Tensor
    guide: Guide
    target: Tensor
    text: str = ""
    region: Tensor | None = None
    strength: float = 1.0
    valid: Tensor | None = None
    units: BandUnits | None = None


def draw_exemplars(canvas: Canvas, event: Event, rng: np.random.Generator, count: int) -> list[DrawnExemplar]:
    """At most ``count`` drawings of ``event``, at one place that the guide chose; none where it cannot happen.

    The same strength changes the same share of every image, as far as it has room for the event: severities are tried
    on small sketches until it does.
    """
    image, strength = canvas.image.cpu(), canvas.strength
    # One wind for all drawings, since their patches meet in one picture.
    wind, has_water = float(rng.spawn(1)[0].uniform(-np.pi, np.pi)), event in AT_WATER and names_water(canvas.text)
    scene = Scene(_to_numpy(as_rgb(image)), wind, has_water=has_water)
    sketch = Scene(_to_numpy(resize(as_rgb(image), _sketch_size(scene.shape))), has_water=has_water)
    marked, valid = (
        None if each is None else each.cpu().numpy().astype(np.float32) for each in (canvas.region, canvas.valid)
    )
    subjects = find_subjects(scene, event, canvas.text, marked, rng, valid, strength)
    count = 1 if event in DRAWN_ONCE else count
    if len(subjects) > 1:
        allowed = np.prod([each for each in (marked, valid) if each is not None], axis=0, dtype=np.float32)
        drawings = [_of_several(scene, subjects, event, _usual_severity(strength), allowed, rng) for _ in range(count)]
        return _as_exemplars(image, drawings, event, canvas.units)
    for subject in subjects:
        scene, sketch = replace(scene, subject=subject), replace(sketch, subject=_reduced(subject, sketch.shape))
    place = (
        _place_in_scene(canvas, scene, sketch, event, rng, valid)
        if marked is None
        else _place_in_region(event, marked, strength, rng)
    )
    if place is None:
        return []
    area, share = place
    placed = not event.local and event.typical_share <= WHOLE_SCENE_SHARE
    severity = _severity_for(event, sketch, area, share, rng) if placed else _usual_severity(strength)
    drawings = [event.draw(scene, area.astype(np.float32), severity, rng) for _ in range(count)]
    return _as_exemplars(image, drawings, event, canvas.units)


def _of_several(
    scene: Scene,
    subjects: Sequence[FloatArray],
    event: Event,
    severity: float,
    allowed: FloatArray,
    rng: np.random.Generator,
) -> Drawing:
    """One drawing in which ``event`` happens to each subject [H, W]. allowed: 0…1, where, [H, W] or all alike."""
    image, mask = scene.rgb, np.zeros(scene.shape, np.float32)
    for subject in subjects:
        drawing = event.draw(replace(scene, subject=subject), room_around(subject) * allowed, severity, rng)
        above = drawing.mask > mask
        image = np.where(above[..., None], drawing.image, image)
        mask = np.maximum(mask, drawing.mask)
    return Drawing(image, mask)


def _place_in_region(
    event: Event, marked: FloatArray, strength: float, rng: np.random.Generator
) -> tuple[FloatArray, float]:
    """Where the event may act in the user's region, [H, W] in 0…1, and the share of the image that it is to change."""
    share = SHARE_OF_REGION * strength * float(marked.mean())
    # Room to be ragged in, and no more: in all of the region even a faint event would reach its border.
    return (marked if event.local else organic_place(marked, 1.5 * share, rng, 0.7, softness=0.3)), share


def _place_in_scene(
    canvas: Canvas, scene: Scene, sketch: Scene, event: Event, rng: np.random.Generator, valid: FloatArray | None
) -> tuple[FloatArray, float] | None:
    """The same where the user gave no region; None: nowhere. valid: [H, W], 0 where the image has no data."""
    share = event.typical_share * canvas.strength
    seen = np.ones(scene.shape, np.float32) if valid is None else valid
    if scene.subject is not None and event.local:
        return room_around(scene.subject) * seen, share
    suitable = event.suitability(scene) * seen
    if float(suitable.max()) < _POSSIBLE:
        return None
    area = _possible(suitable)
    if event.typical_share <= WHOLE_SCENE_SHARE:
        reach = 2.0 if event in ENDS_BY_ITSELF else 1.0
        area = area * _window(_favourite(canvas, sketch, event, rng), scene.shape, reach)
    return area, share


def _possible(suitability: FloatArray) -> FloatArray:
    """Where an event may act, 0…1: all places but those much less suitable than the scene's best. [H, W] → [H, W]."""
    return np.asarray(np.minimum(suitability / max(0.3 * float(suitability.max()), 1e-6), 1.0), np.float32)


def _favourite(canvas: Canvas, sketch: Scene, event: Event, rng: np.random.Generator) -> FloatArray:
    """Draw the event small at several places and take one that the guide recognises well: its mask [h, w]."""
    area = _possible(event.suitability(sketch))
    drawings = [event.draw(sketch, area, _usual_severity(canvas.strength), rng) for _ in range(_PLACES_TRIED)]
    batch = torch.stack([channels_first(torch.from_numpy(drawing.image)) for drawing in drawings])
    with torch.no_grad():
        scores = (canvas.guide.embed_images(batch) @ canvas.target).double().cpu().numpy()
    odds = np.exp((scores - scores.max()) / max(float(scores.std()), 1e-6))
    # What the picture's border cuts shows little of itself: unlikely, unless all of them are cut.
    cores = np.stack([drawing.mask for drawing in drawings]) > 0.5
    on_border = cores[:, [0, -1], :].sum((1, 2)) + cores[:, :, [0, -1]].sum((1, 2))
    odds *= np.exp(-8.0 * on_border / np.sqrt(4.0 * np.pi * np.maximum(cores.sum((1, 2)), 1)))
    if event.local:
        # Of objects the larger is the likelier meant, and shows the event better.
        odds *= 1.0 + cores.sum((1, 2))
    return drawings[int(rng.choice(len(drawings), p=odds / odds.sum()))].mask


def _severity_for(event: Event, sketch: Scene, area: FloatArray, share: float, rng: np.random.Generator) -> float:
    """The severity 0…1 at which a drawing inside ``area`` [H, W] changes ``share`` of the image, about."""
    small = _reduced(area, sketch.shape)
    seed = int(rng.integers(2**62))
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        drawing = event.draw(sketch, small, middle, np.random.default_rng(seed))
        low, high = (middle, high) if float(drawing.mask.mean()) < share else (low, middle)
    return 0.5 * (low + high)


def _window(mask: FloatArray, shape: tuple[int, ...], reach: float) -> FloatArray:
    """A soft disc [H, W] with room around the core of ``mask`` [h, w]: what it hardly changes counts little.

    reach: 1 for a disc about as wide as the core, 2 for one twice as wide.
    """
    rows, columns = np.indices(mask.shape, dtype=np.float64)
    mask = mask**3
    weight = float(mask.sum()) + 1e-9
    centre_y, centre_x = float((rows * mask).sum()) / weight, float((columns * mask).sum()) / weight
    spread = np.sqrt(float((((rows - centre_y) ** 2 + (columns - centre_x) ** 2) * mask).sum()) / weight)
    scale_y, scale_x = shape[0] / mask.shape[0], shape[1] / mask.shape[1]
    y, x = np.indices(shape, dtype=np.float32)
    distance = np.hypot((y / scale_y - centre_y), (x / scale_x - centre_x)) / max(spread, 2.0)
    return smoothstep(distance, 2.4 * reach, 1.4 * reach)


def _usual_severity(strength: float) -> float:
    return float(np.clip(0.5 * strength, 0.02, 1.0))


def _reduced(values: FloatArray, size: Size) -> FloatArray:
    small = resize(torch.from_numpy(np.ascontiguousarray(values))[None], size)[0]
    return np.asarray(small.clamp(0.0, 1.0).numpy(), np.float32)


def _sketch_size(size: Size) -> Size:
    shrink = min(1.0, _SKETCH_SIDE / min(size))
    return max(32, round(size[0] * shrink)), max(32, round(size[1] * shrink))


def _as_exemplars(
    image: Tensor, drawings: Sequence[Drawing], event: Event, units: BandUnits | None
) -> list[DrawnExemplar]:
    """The drawings in which anything is drawn, in the bands of the image."""
    exemplars = []
    for drawing in drawings:
        if drawing.mask.any():
            drawn, mask = channels_first(torch.from_numpy(drawing.image)), torch.from_numpy(drawing.mask)
            exemplars.append(DrawnExemplar(with_event(image, drawn, mask, event.name, units).clamp(0.0, 1.0), mask))
    return exemplars


def _to_numpy(image: Tensor) -> FloatArray:
    return channels_last(image).numpy().astype(np.float32)
