"""A span that fell on land: the torn ends that stand, and its slabs and rubble on the ground beneath."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from .base import Drawing
from .deck import Deck
from .likeness import detail_noise, finish, sensor_noise
from .noise import blur, fractal_noise, mix, shift, smoothstep
from .scene import Scene
from .under_span import Span, plan_span, sample, shaded_ground, texture_limit, uncovered

FloatArray = NDArray[np.float32]
Window = tuple[slice, slice]

EVERYWHERE: Window = (slice(None), slice(None))


@dataclass(frozen=True)
class Plate:
    """A slab of deck: where it was (along, across), where it lies, how it is turned, and its corners about its middle.

    corners: [N, 2] (along, across), in order. raised: unit (along, across), the way its higher edge looks.
    """

    origin: tuple[float, float]
    place: tuple[float, float]
    turn: float
    corners: NDArray[np.float64]
    raised: tuple[float, float]


def _cut(span: Span, severity: float, rng: np.random.Generator) -> list[Plate]:
    """The span cut into plates by a few breaks across and some along; part of them went to pieces."""
    half, gap = span.half, span.gap
    count = max(2, round(gap / (float(rng.uniform(1.0, 1.5)) * half + 5.0)))
    cuts = np.linspace(-0.5, 0.5, count + 1) * 0.88 * gap
    cuts[1:-1] += rng.uniform(-0.25, 0.25, count - 1) * gap / count
    skews = rng.uniform(-0.3, 0.3, count + 1) * half
    plates = []
    for k in range(count):
        split = float(rng.uniform(-0.4, 0.4)) if rng.random() < 0.35 + 0.4 * severity else None
        lanes = [(-0.97, 0.97)] if split is None else [(-0.97, split), (split, 0.97)]
        for low, high in lanes:
            plates.append(_plate(span, (cuts[k], cuts[k + 1]), (low * half, high * half), skews[k : k + 2], rng))
    kept = rng.random(len(plates)) > 0.12 + 0.25 * severity
    kept[rng.integers(len(plates))] = True
    return [plate for plate, whole in zip(plates, kept, strict=True) if whole]


def _plate(
    span: Span,
    along: tuple[float, float],
    across: tuple[float, float],
    skews: NDArray[np.float64],
    rng: np.random.Generator,
) -> Plate:
    half = span.half
    middle = (0.5 * (along[0] + along[1]), 0.5 * (across[0] + across[1]))
    corners = []
    for u, v, skew in (
        (along[0], across[0], skews[0]),
        (along[1], across[0], skews[1]),
        (along[1], across[1], skews[1]),
        (along[0], across[1], skews[0]),
    ):
        corners.append((u + skew * v / half - middle[0], v - middle[1]))
    shape = np.array(corners)
    # Corners break off; a tilted slab looks shorter from above.
    shape = np.concatenate(
        [shape + 0.22 * (np.roll(shape, k, axis=0) - shape) * rng.uniform(0.1, 1.0) for k in (1, -1)]
    )
    order = np.argsort(np.arctan2(shape[:, 1], shape[:, 0]))
    shape = shape[order] * rng.uniform((0.62, 0.82), (0.88, 0.96)) + rng.normal(0.0, 0.035 * half, shape.shape)
    small = 1.0 if across[1] - across[0] > 1.5 * half else 1.6
    place = (
        middle[0] + float(rng.normal(0.0, 0.10 * half)) * small,
        0.9 * middle[1] + float(rng.normal(0.0, 0.10 * half)) * small,
    )
    angle = float(rng.uniform(0.0, 2.0 * np.pi))
    return Plate(
        middle, place, float(rng.normal(0.0, 0.16)) * small, shape, (float(np.cos(angle)), float(np.sin(angle)))
    )


def _inside(plate: Plate, s: FloatArray, t: FloatArray) -> FloatArray:
    """Pixels inside the outline of a plate, about, at places (s, t) about its middle; negative outside."""
    depth = np.full(s.shape, np.inf, np.float32)
    for (a, b), (c, d) in zip(plate.corners, np.roll(plate.corners, -1, axis=0), strict=True):
        length = max(float(np.hypot(c - a, d - b)), 1e-6)
        depth = np.minimum(depth, ((c - a) * (t - b) - (d - b) * (s - a)) / length)
    return np.asarray(depth, np.float32)


class _Canvas:
    """What is being drawn: image [H, W, 3] and cover [H, W], and the span's own light, tones and roughness."""

    def __init__(self, scene: Scene, span: Span, rng: np.random.Generator) -> None:
        self.scene, self.span = scene, span
        self.image = scene.rgb.copy()
        self.cover = np.zeros(scene.shape, np.float32)
        dy, dx = span.deck.direction
        reach = max(float(np.hypot(*span.fall)), 1e-6)
        self.sun = (span.fall[0] / reach, span.fall[1] / reach)
        self.sun_rows = self.sun[0] * dy - self.sun[1] * dx
        self.sun_columns = self.sun[0] * dx + self.sun[1] * dy
        self.limit = texture_limit(scene)
        self.rough = (fractal_noise(scene.shape, max(1.6, 0.16 * span.half), rng, 3) - 0.5) / 0.19
        v = np.arange(-1.1 * span.half, 1.1 * span.half + 1.0, 1.0, dtype=np.float32)
        u = np.linspace(-0.5 * span.deck.length, 0.5 * span.deck.length, 61, dtype=np.float32)
        grid = [np.ascontiguousarray(g, np.float32) for g in np.meshgrid(u, v)]
        self.offsets, self.profile = v, np.median(sample(scene.rgb, span.deck, *grid), axis=1)
        order = np.argsort(self.profile.sum(1))
        self.tones = self.profile[order][len(order) // 6 : -max(1, len(order) // 6)]
        self.tone = np.median(self.tones, axis=0).astype(np.float32)

    def surface(self, u: FloatArray, v: FloatArray) -> FloatArray:
        """The deck's own surface at places along and across it, without cars."""
        plain = np.stack([np.interp(v, self.offsets, self.profile[:, c]) for c in range(3)], -1).astype(np.float32)
        own = sample(self.scene.rgb, self.span.deck, u, v) - plain
        return np.asarray(plain + np.clip(own, -self.limit, self.limit), np.float32)

    def cast(self, shape: FloatArray, height: float, strength: float, part: Window = EVERYWHERE) -> None:
        """The shadow of something ``height`` pixels of shadow high, where it does not stand itself."""
        dark = shift(shape, self.sun_rows * height, self.sun_columns * height) * (1.0 - shape) * np.float32(strength)
        self.lay(self.image[part] * self.span.shadow ** np.float32(0.8), dark, part)

    def lay(self, colours: FloatArray, alpha: FloatArray, part: Window = EVERYWHERE) -> None:
        """Put colours, [h, w, 3] or [3], on a window of the image."""
        self.image[part] = mix(self.image[part], colours, alpha)
        self.cover[part] = np.maximum(self.cover[part], alpha)


def _window(canvas: _Canvas, centre: tuple[float, float], reach: float) -> Window:
    """The part of the image within ``reach`` pixels of a place (along, across)."""
    at = canvas.span.deck.locate(*(np.array([x], np.float32) for x in centre))
    first = [max(0, int(float(x[0]) - reach)) for x in at]
    last = [max(0, int(float(x[0]) + reach) + 2) for x in at]
    return slice(first[0], last[0]), slice(first[1], last[1])


def _lay_plate(canvas: _Canvas, plate: Plate, where: FloatArray) -> None:
    span, half = canvas.span, canvas.span.half
    part = _window(canvas, plate.place, float(np.hypot(*plate.corners.T).max()) + 0.5 * half + 4.0)
    if not where[part].any():
        return
    du, dv = span.u[part] - plate.place[0], span.v[part] - plate.place[1]
    s, t = du * np.cos(plate.turn) + dv * np.sin(plate.turn), dv * np.cos(plate.turn) - du * np.sin(plate.turn)
    thick = max(1.2, 0.10 * half)
    jagged = 0.02 * half * canvas.rough[part] + 0.5
    top = np.clip(_inside(plate, s, t) + jagged, 0.0, 1.0) * where[part]
    beneath = _inside(plate, s - thick * plate.raised[0], t - thick * plate.raised[1])
    face = np.clip(beneath + jagged, 0.0, 1.0) * where[part]
    canvas.cast(np.maximum(top, face), max(1.5, 0.2 * half), 0.8, part)
    facing = -(plate.raised[0] * canvas.sun[0] + plate.raised[1] * canvas.sun[1])
    canvas.lay(canvas.tone * np.float32(0.66 + 0.34 * facing), face, part)
    surface = canvas.surface(np.asarray(plate.origin[0] + s, np.float32), np.asarray(plate.origin[1] + t, np.float32))
    # A slab that leans towards the sun is lighter; dust settles in its low part.
    low = np.clip(-(s * plate.raised[0] + t * plate.raised[1]) / max(half, 1.0), -1.0, 1.0)
    surface = mix(surface, canvas.tone, 0.1 + 0.35 * np.clip(low + 0.3 * canvas.rough[part], 0.0, 1.0))
    shading = 0.96 - 0.16 * facing - 0.08 * low + 0.03 * canvas.rough[part]
    canvas.lay((surface * shading[..., None]).astype(np.float32), top, part)


def _lay_rubble(canvas: _Canvas, heaps: FloatArray, size: float, rng: np.random.Generator) -> None:
    """Angular pieces of about ``size`` pixels, as dense as ``heaps`` [H, W] says, each with a light and a dark side."""
    rows, columns = np.nonzero(heaps > 0.02)
    if not len(rows):
        return
    low, high = (np.array([f(rows), f(columns)]) for f in (np.min, np.max))
    count = max(3, int(np.prod(high - low + 1.0 + size) / size**2))
    seeds = rng.uniform(low - size / 2, high + size / 2, (count, 2))
    at = np.clip(np.round(seeds).astype(int), 0, np.array(heaps.shape) - 1)
    there = rng.random(count) < heaps[at[:, 0], at[:, 1]]
    distance, index = cKDTree(seeds).query(np.stack([rows, columns], -1), k=2)
    own = index[:, 0]
    gap = (distance[:, 1] - distance[:, 0]).astype(np.float32)
    offset = np.stack([rows, columns], -1) - seeds[own]
    lee = (offset @ np.array([canvas.sun_rows, canvas.sun_columns])) / size
    body = np.zeros(heaps.shape, np.float32)
    body[rows, columns] = there[own] * np.clip(gap / 1.3, 0.0, 1.0)
    tones = canvas.tones[rng.integers(0, len(canvas.tones), count)] * rng.uniform(0.68, 1.08, (count, 1))
    colours = np.broadcast_to(canvas.tone, canvas.image.shape).astype(np.float32)
    colours[rows, columns] = tones[own] * (1.0 - 0.25 * np.clip(lee, -0.5, 0.7))[:, None]
    canvas.cast(body, max(1.0, 0.35 * size), 0.75)
    canvas.lay(colours, body)


def _lay_heaps(canvas: _Canvas, fallen: FloatArray, severity: float, rng: np.random.Generator) -> FloatArray:
    """Heaps of the crushed span, thickest along its middle and where it broke off, shaded: where they lie, 0…1."""
    span, half, shape = canvas.span, canvas.span.half, canvas.scene.shape
    lumps = fractal_noise(shape, max(3.0, 0.9 * half), rng, 4) - 0.5
    near_ends = smoothstep(span.inside, 0.9 * half, 0.1 * half)
    spread = smoothstep(np.abs(span.v) + 1.1 * half * lumps, 1.25 * half, 0.6 * half)
    heaps = fallen * spread * np.clip(0.35 + 0.3 * severity + 0.5 * near_ends + 1.8 * lumps, 0.0, 1.0)
    height = blur(np.asarray(heaps, np.float32), max(0.8, 0.05 * half)) * 0.35 * half
    slope = np.gradient(height)
    slope_to_sun = -slope[0] * canvas.sun_rows - slope[1] * canvas.sun_columns
    shading = 0.82 - 0.35 * np.tanh(slope_to_sun) + 0.07 * canvas.rough
    canvas.lay(
        (canvas.tone * shading[..., None]).astype(np.float32),
        0.6 * smoothstep(heaps + 0.08 * canvas.rough, 0.2, 0.45) * fallen,
    )
    return np.asarray(heaps, np.float32)


def _lay_ends(canvas: _Canvas, standing: FloatArray, rng: np.random.Generator) -> None:
    """The torn edges that stand: bared concrete with splinters, cracked and dusty behind."""
    span, half = canvas.span, canvas.span.half
    width = max(1.2, 0.09 * half)
    bare = np.clip(1.0 - np.abs(span.inside + 0.6 * width) / width, 0.0, 1.0) * standing
    patchy = fractal_noise(canvas.scene.shape, max(2.0, 0.3 * half), rng, 3)
    canvas.lay(np.minimum(canvas.tone * 1.18, 1.0), 0.8 * bare * patchy)
    worn = smoothstep(span.inside, -0.8 * half, 0.0) * standing * np.clip(2.0 * patchy - 0.7, 0.0, 1.0)
    canvas.lay(canvas.tone * 0.8, 0.5 * worn)


def _as_sharp(scene: Scene, image: FloatArray, where: FloatArray) -> FloatArray:
    """The image, blurred until its finest detail where drawn is no stronger than the scene's is there and around."""

    def fineness(luminance: FloatArray, mask: NDArray[np.bool_]) -> float:
        fine, soft = blur(luminance, 0.7), blur(luminance, 1.6)
        return float(np.std((luminance - fine)[mask]) / max(float(np.std((fine - soft)[mask])), 1e-4))

    mask = where > 0.5
    if np.count_nonzero(mask) < 30:
        return image
    wanted = fineness(scene.luminance, ndimage.binary_dilation(mask, iterations=12))
    result = image
    for sigma in (0.4, 0.5):
        if fineness(np.asarray(result.mean(-1), np.float32), mask) <= wanted:
            break
        result = blur(image, sigma)
    return result


def draw_fallen_span(scene: Scene, deck: Deck, area: FloatArray, severity: float, rng: np.random.Generator) -> Drawing:
    """Draw a deck [over land] with one span down: without its shadow, between torn ends that throw theirs."""
    span = plan_span(scene, deck, severity, rng)
    half = span.half
    canvas = _Canvas(scene, span, rng)
    here = np.clip(span.inside + 0.5, 0.0, 1.0)
    standing = np.asarray(smoothstep(np.abs(span.v), half + 1.8, half + 0.2) * (1.0 - here), np.float32)
    footprint = span.footprint()
    rows, columns = (canvas.sun_rows, canvas.sun_columns)
    far = float(np.hypot(*span.fall))
    ground = uncovered(scene, span, rng)
    lifted = smoothstep(shift(span.inside, rows * far, columns * far), -1.0, 1.0)
    in_shade = shaded_ground(scene, span, ground) * lifted * (1.0 - standing)
    opened = np.maximum(footprint * here, in_shade).astype(np.float32)
    canvas.lay(ground, opened)
    cast = shift(standing, rows * far, columns * far) * opened
    canvas.lay(canvas.image * span.shadow, cast.astype(np.float32))

    fallen = np.asarray(
        smoothstep(span.inside, -0.5, 0.5) * smoothstep(np.abs(span.v), 1.35 * half, 1.25 * half), np.float32
    )
    heaps = _lay_heaps(canvas, fallen, severity, rng)
    _lay_rubble(canvas, 0.75 * heaps, max(3.2, min(0.2 * half, 0.022 * scene.short_side)), rng)
    for plate in _cut(span, severity, rng):
        _lay_plate(canvas, plate, fallen)
    _lay_rubble(canvas, 0.22 * heaps, max(4.5, min(0.36 * half, 0.036 * scene.short_side)), rng)
    _lay_ends(canvas, standing, rng)
    # As much fine detail as anything else in the picture, but on the ground, which has its own.
    detail = detail_noise(scene, rng)
    detail = 0.3 * (detail - blur(detail, 1.5)) * canvas.cover * fallen
    canvas.image *= (1.0 + detail)[..., None]
    canvas.image = mix(canvas.image, _as_sharp(scene, canvas.image, canvas.cover), canvas.cover)
    image = canvas.image + (0.9 * sensor_noise(scene, rng) * canvas.cover)[..., None]
    # What is new is as sharp as the scene by now: no further blur.
    return finish(scene, image, canvas.cover, area, softness=scene.softness)
