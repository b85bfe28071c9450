"""Training pictures of the compact guide: real scenes, and the events, colours and plain patches drawn over them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from ...errors import InputError
from ..events.base import Drawing, Event
from ..events.scene import Scene
from ..subjects import find_subjects, room_around
from .vocabulary import COLOURS, COVER_PHRASINGS, COVERS_BY_SCENE, EVENT_SCENES, SCENE_PHRASINGS, UNCHANGED

FloatArray = NDArray[np.float32]

SIDE = 128
COVER_SIDE = 32
COVERS = tuple(COVER_PHRASINGS)
UNKNOWN_COVER = 255
HELD_OUT_SHARE = 0.1
CLOSE_UPS = 0.6
"""Share of the drawn events that are shown from near: else a guide hardly sees small ones."""
LEAST_CLOSE_UP = 64
"""Pixels: least side of a part that shows a drawing from near."""
LOCAL_FACTOR = 2
"""Drawings of an event that happens to one object for each of another event: what is small is hard to learn."""
PATCHED = "patched"
"""What is drawn where another scene, another brightness or a blur fills a patch: a change, but no event."""


@dataclass(frozen=True)
class Pictures:
    """N pictures with what is known about them. ``kinds`` holds an event's or a colour's name, PATCHED or UNCHANGED."""

    images: NDArray[np.uint8]  # [N, 128, 128, 3]
    masks: NDArray[np.uint8]  # [N, 128, 128], 255 = fully changed
    covers: NDArray[np.uint8]  # [N, 32, 32], index into COVERS or UNKNOWN_COVER, before the drawing
    scenes: NDArray[np.str_]  # [N]
    kinds: NDArray[np.str_]  # [N]
    held_out: NDArray[np.bool_]  # [N], from a scene that no training picture shows

    def __len__(self) -> int:
        return len(self.images)

    def subset(self, chosen: NDArray[np.bool_]) -> Pictures:
        return Pictures(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})

    def save(self, path: Path) -> None:
        np.savez(path, **{field.name: getattr(self, field.name) for field in fields(self)})

    @staticmethod
    def load(path: Path) -> Pictures:
        with np.load(path, allow_pickle=False) as file:
            return Pictures(**{field.name: file[field.name] for field in fields(Pictures)})


@dataclass(frozen=True)
class _Job:
    """Draw one kind over scenes taken at random from ``paths`` (each path once where the kind is UNCHANGED)."""

    kind: str
    event: Event | None
    paths: tuple[Path, ...]
    count: int
    held_out: bool
    seed: tuple[int, ...]


def _resized(values: FloatArray, side: int) -> FloatArray:
    channels = values[..., None] if values.ndim == 2 else values
    planes = [
        Image.fromarray(channels[..., c]).resize((side, side), Image.Resampling.BOX) for c in range(channels.shape[-1])
    ]
    return np.stack([np.asarray(plane, np.float32) for plane in planes], -1).reshape((side, side, *values.shape[2:]))


def random_view(rgb: FloatArray, rng: np.random.Generator, reduced: float = 0.8) -> FloatArray:
    """A square part of a scene, turned and mirrored, in ``reduced`` of all cases at SIDE, as by a coarser sensor."""
    side = int(rng.integers(112, min(rgb.shape[:2]) + 1))
    row, column = (int(rng.integers(0, length - side + 1)) for length in rgb.shape[:2])
    view = np.rot90(rgb[row : row + side, column : column + side], int(rng.integers(4)))
    view = view[:, ::-1] if rng.random() < 0.5 else view
    view = np.ascontiguousarray(view)
    return _resized(view, SIDE) if rng.random() < reduced or side < SIDE else view


def random_patch(weights: FloatArray, rng: np.random.Generator) -> FloatArray:
    """A soft, irregular patch around a point drawn by ``weights`` [H, W]; float32 [H, W] in 0…1."""
    height, width = weights.shape
    flat = (weights.astype(np.float64) ** 2).ravel() + 1e-9
    row, column = divmod(int(rng.choice(flat.size, p=flat / flat.sum())), width)
    radius = float(rng.uniform(0.12, 0.5)) * min(height, width)
    rows, columns = np.indices(weights.shape, dtype=np.float32)
    distance = np.hypot((rows - row) * float(rng.uniform(0.7, 1.4)), (columns - column) * float(rng.uniform(0.7, 1.4)))
    ragged = ndimage.gaussian_filter(rng.standard_normal(weights.shape), 0.25 * radius)
    ragged *= 0.5 * radius / max(float(ragged.std()), 1e-9)
    soft: NDArray[np.float64] = (radius + ragged - distance) / float(rng.uniform(1.0, 6.0))
    return np.clip(0.5 + soft, 0.0, 1.0).astype(np.float32)


def draw_colour(scene: Scene, rgb: tuple[float, float, float], rng: np.random.Generator) -> Drawing:
    """A patch of the scene in another colour, its texture kept in part, or under dots as of flowers."""
    mask = random_patch(np.ones(scene.shape, np.float32), rng)
    if rng.random() < 0.25:
        dots = ndimage.gaussian_filter(rng.standard_normal(scene.shape), float(rng.uniform(0.7, 2.0)))
        mask = mask * (dots > float(rng.uniform(-0.5, 0.4)) * dots.std()).astype(np.float32)
    colour = np.clip(np.array(rgb, np.float32) * float(rng.uniform(0.8, 1.15)) + rng.normal(0, 0.03, 3), 0, 1)
    detail = scene.luminance - ndimage.gaussian_filter(scene.luminance, 0.15 * scene.short_side)
    textured = (
        colour * (1.0 + float(rng.uniform(0.0, 2.0)) * detail[..., None])
        + float(rng.uniform(0, 0.5)) * detail[..., None]
    )
    image = np.clip(scene.rgb + mask[..., None] * (textured - scene.rgb), 0, 1)
    return Drawing(image.astype(np.float32), mask.astype(np.float32))


def draw_patch(scene: Scene, other: FloatArray, rng: np.random.Generator) -> Drawing:
    """A patch that is changed but shows no event: another scene, another brightness, or a blur."""
    mask = random_patch(np.ones(scene.shape, np.float32), rng)
    choice = rng.integers(3)
    if choice == 0:
        filled = _resized(other, scene.shape[0])
    elif choice == 1:
        filled = scene.rgb * float(rng.uniform(0.6, 1.4)) + float(rng.uniform(-0.08, 0.08))
    else:
        filled = ndimage.gaussian_filter(scene.rgb, (2.0, 2.0, 0.0))
    image = np.clip(scene.rgb + mask[..., None] * (filled - scene.rgb), 0, 1)
    return Drawing(image.astype(np.float32), mask)


def close_up(mask: FloatArray, rng: np.random.Generator) -> tuple[slice, slice]:
    """Rows and columns of a square part around what ``mask`` [H, W] shows, as an edit's window is around a region.

    The drawing takes up a third of its side or more, where the part would not be below LEAST_CLOSE_UP pixels.
    """
    rows, columns = (np.flatnonzero((mask > 0.3).any(axis)) for axis in (1, 0))
    extent = max(int(rows[-1] - rows[0]), int(columns[-1] - columns[0])) + 1
    side = min(max(LEAST_CLOSE_UP, round(extent * float(rng.uniform(1.1, 3.0)))), *mask.shape)
    starts = []
    for drawn, length in zip((rows, columns), mask.shape, strict=True):
        low, high = int(drawn[-1]) + 1 - side, int(drawn[0])
        start = int(rng.integers(min(low, high), max(low, high) + 1))
        starts.append(min(max(0, start), length - side))
    return slice(starts[0], starts[0] + side), slice(starts[1], starts[1] + side)


def draw_event(scene: Scene, event: Event, rng: np.random.Generator) -> Drawing | None:
    """The event at a fitting place of the scene, or None where it cannot happen or came out invisible.

    What happens to one object happens to one that a phrase of the event speaks of, where the scene shows it.
    """
    phrase = event.phrases[int(rng.integers(len(event.phrases)))]
    if event.local and (subjects := find_subjects(scene, event, phrase, None, rng)):
        scene, area = replace(scene, subject=subjects[0]), room_around(subjects[0])
    else:
        fitting = event.suitability(scene)
        if float(fitting.max()) < 0.3 or float(fitting.mean()) < (0.01 if event.local else 0.12):
            return None
        area = np.ones(scene.shape, np.float32) if rng.random() < 0.4 else random_patch(fitting, rng)
    drawing = event.draw(scene, area, float(rng.uniform(0.3, 1.0)), rng)
    return drawing if float((drawing.mask > 0.3).mean()) > (0.004 if event.local else 0.02) else None


def cover_map(scene: Scene, scene_class: str, part: tuple[slice, slice]) -> NDArray[np.uint8]:
    """Ground cover [32, 32] of a part of the scene, as index into COVERS where the colour heuristics are sure of it."""
    grass = np.clip(scene.vegetation - scene.trees, 0, 1).astype(np.float32)
    maps = {
        "trees": scene.trees,
        "grass": grass,
        "water": scene.water,
        "bare": scene.bare,
        "built": scene.built,
    }
    allowed = COVERS_BY_SCENE.get(scene_class, ())
    stack = np.stack(
        [_resized(maps[name][part], COVER_SIDE) if name in allowed else np.zeros((COVER_SIDE,) * 2) for name in COVERS]
    )
    best = stack.argmax(0).astype(np.uint8)
    return np.where(stack.max(0) > 0.6, best, np.uint8(UNKNOWN_COVER)).astype(np.uint8)


def read_picture(path: Path) -> FloatArray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), np.float32) / np.float32(255)


def _work(job: _Job) -> Pictures:
    rng = np.random.default_rng(job.seed)
    rows: list[tuple[FloatArray, FloatArray, NDArray[np.uint8], str]] = []
    preferred = [path for path in job.paths if path.parent.name in EVENT_SCENES.get(job.kind, ())] or job.paths
    # An event that fits few scenes gets several attempts a picture, and fewer pictures when they all fail.
    for attempt in range(job.count * (1 if job.kind == UNCHANGED else 6)):
        if len(rows) == job.count:
            break
        paths = preferred if rng.random() < 0.75 else job.paths
        path = job.paths[attempt] if job.kind == UNCHANGED else paths[int(rng.integers(len(paths)))]
        rgb = read_picture(path)
        near = job.event is not None and rng.random() < CLOSE_UPS
        view = _resized(rgb, SIDE) if job.kind == UNCHANGED else random_view(rgb, rng, 0.3 if near else 0.8)
        scene = Scene(view)
        drawing: Drawing | None
        if job.event is not None:
            drawing = draw_event(scene, job.event, rng)
        elif job.kind == PATCHED:
            drawing = draw_patch(
                scene, random_view(read_picture(job.paths[int(rng.integers(len(job.paths)))]), rng), rng
            )
        elif job.kind == UNCHANGED:
            drawing = Drawing(scene.rgb, np.zeros(scene.shape, np.float32))
        else:
            drawing = draw_colour(scene, COLOURS[job.kind].rgb, rng)
        if drawing is not None:
            part = close_up(drawing.mask, rng) if near else np.index_exp[:, :]
            image, mask = (_resized(values[part], SIDE) for values in (drawing.image, drawing.mask))
            rows.append((image, mask, cover_map(scene, path.parent.name, part), path.parent.name))
    images, masks, covers, scenes = ([row[i] for row in rows] for i in range(4))
    n = len(rows)
    return Pictures(
        np.round(np.array(images, np.float32).reshape(n, SIDE, SIDE, 3) * 255).astype(np.uint8),
        np.round(np.array(masks, np.float32).reshape(n, SIDE, SIDE) * 255).astype(np.uint8),
        np.array(covers, np.uint8).reshape(n, COVER_SIDE, COVER_SIDE),
        np.array(scenes, np.str_),
        np.array([job.kind] * n, np.str_),
        np.full(n, job.held_out),
    )


def split_scenes(folder: Path, seed: int) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """(training, held out) scene files of ``folder``/<class>/: a tenth of every class is held out."""
    rng = np.random.default_rng((seed, 0))
    training: list[Path] = []
    held_out: list[Path] = []
    for name in SCENE_PHRASINGS:
        paths = sorted((folder / name).glob("*.*"))
        if not paths:
            raise InputError(
                f"{folder / name} holds no pictures: DATA must be a folder with one folder a UC Merced class."
            )
        order = rng.permutation(len(paths))
        count = max(1, round(HELD_OUT_SHARE * len(paths)))
        held_out += [paths[i] for i in order[:count]]
        training += [paths[i] for i in order[count:]]
    return tuple(training), tuple(held_out)


def _jobs(paths: tuple[Path, ...], events: Sequence[Event], per_event: int, seed: int, held_out: bool) -> list[_Job]:
    renderers: dict[str, Event] = {event.name: event for event in events}
    drawn = {event.name: per_event * (LOCAL_FACTOR if event.local else 1) for event in events}
    counts = drawn | dict.fromkeys(COLOURS, max(2, per_event // 3)) | {PATCHED: per_event}
    jobs = []
    for i in range(0, len(paths), 200):
        part = paths[i : i + 200]
        jobs.append(_Job(UNCHANGED, None, part, len(part), held_out, (seed, 1)))
    for k, (kind, count) in enumerate(counts.items()):
        for start in range(0, count, 40):
            job_seed = (seed, 2, int(held_out), k, start)
            jobs.append(_Job(kind, renderers.get(kind), paths, min(40, count - start), held_out, job_seed))
    return jobs


def _draw(jobs: Sequence[_Job], workers: int) -> Pictures:
    if workers == 1:
        parts = [_work(job) for job in jobs]
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            parts = list(pool.map(_work, jobs))
    return Pictures(
        **{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Pictures)}
    )


def draw_held_out(folder: Path, events: Sequence[Event], per_event: int, seed: int, workers: int = 1) -> Pictures:
    """The held-out scenes of ``folder`` unchanged, and ``per_event`` drawings of each event over them."""
    return _draw(_jobs(split_scenes(folder, seed)[1], events, per_event, seed, held_out=True), workers)


def draw_pictures(folder: Path, events: Sequence[Event], per_event: int, seed: int, workers: int = 1) -> Pictures:
    """All scenes of ``folder`` unchanged, and ``per_event`` drawings of each event (a third as many of each colour).

    A seventh as many drawings again are made over held-out scenes. The same arguments give the same pictures,
    whatever ``workers`` is.
    """
    training, held_out = split_scenes(folder, seed)
    jobs = _jobs(training, events, per_event, seed, held_out=False)
    return _draw([*jobs, *_jobs(held_out, events, per_event // 7, seed, held_out=True)], workers)
