"""Damaged building: the roof is torn open along its rafters, planes of it have fallen in, pieces lie beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .base import Drawing
from .likeness import finish, sensor_noise
from .noise import blur, fractal_noise, mix, noise_at, shift, smoothstep
from .objects import scatter
from .roof_opening import PAPER, PLASTER, WOOD, bare_wood, interior, opening, rafters, sunless
from .roof_pieces import fallen_beam, fallen_plane, ground_piece, lay_slab, roof_skin, within
from .roofs import LUMINANCE, Daylight, Roof, daylight, find_roof
from .scene import Scene

FloatArray = NDArray[np.float32]

TARP = np.array([0.30, 0.42, 0.62], np.float32)


@dataclass
class _Canvas:
    """What is being drawn. image: [H, W, 3]; cover: [H, W] in 0…1, how much of each pixel is new."""

    image: FloatArray
    cover: FloatArray

    def paint(self, colour: FloatArray, alpha: FloatArray) -> None:
        self.image = mix(self.image, colour, alpha)
        self.cover = np.maximum(self.cover, alpha)


def _strip_covering(
    canvas: _Canvas, roof: Roof, order: FloatArray, light: Daylight, severity: float, rng: np.random.Generator
) -> None:
    """Shingles gone around the opening and in some places further off: paper and boards, near the roof's own tone."""
    tile = max(1.6, roof.size / 34.0)
    row = np.floor(roof.v / tile)
    column = np.floor(roof.u / (2.2 * tile) + 0.5 * (row % 2.0))
    loose = noise_at(
        (row * tile).astype(np.float32),
        (column * 2.2 * tile).astype(np.float32),
        (0.22 * roof.size, 0.3 * roof.size),
        rng,
        3,
    )
    near = smoothstep(order, 1.9 + severity, 1.0)
    gone = smoothstep(loose + 0.42 * near, 0.80 - 0.1 * severity, 0.84 - 0.1 * severity) * roof.mask
    gone = (gone * (0.3 + 0.7 * roof.alike)).astype(np.float32)
    level = light.level(roof.tone)
    paper = 0.35 * roof.tone + 0.65 * light.lit(PAPER, 0.72 * level + 0.04)
    boards = 0.35 * roof.tone + 0.65 * light.lit(WOOD, 0.82 * level + 0.06)
    kind = smoothstep(fractal_noise(roof.shape, 0.3 * roof.size, rng, octaves=2), 0.45, 0.6)
    local = blur(roof.rgb.mean(-1), 0.06 * roof.size)
    grain = 1.0 + 0.8 * np.clip(roof.rgb.mean(-1) / np.maximum(local, 0.05) - 1.0, -0.15, 0.15)
    canvas.paint(mix(paper, boards, kind) * grain[..., None], 0.85 * gone)


def _soil(canvas: _Canvas, roof: Roof, order: FloatArray, severity: float, rng: np.random.Generator) -> None:
    """Dust and grime on what is left of the roof, and a sag towards the opening."""
    near = smoothstep(order, 2.2, 1.0) * roof.mask
    grime = near * (0.3 + 0.7 * fractal_noise(roof.shape, 0.18 * roof.size, rng, octaves=3))
    alpha = ((0.15 + 0.35 * severity) * grime).astype(np.float32)
    canvas.paint(0.72 * canvas.image + 0.04, alpha)


def _open(canvas: _Canvas, roof: Roof, gone: FloatArray, light: Daylight, rng: np.random.Generator) -> None:
    """The opening with its rooms, rafters and the thickness of the broken edge."""
    rooms = interior(roof, gone, light, rng)
    beams = rafters(roof, gone, rng)
    dy, dx = light.fall
    below = 0.045 * roof.size
    rooms = rooms * (1.0 - 0.3 * shift(beams, below * dy, below * dx))[..., None]
    shade = 1.0 - 0.3 * sunless(roof, gone, light, 0.04)
    wood = bare_wood(roof, light, 0.28 + 0.5 * min(light.level(roof.tone), 0.7))
    canvas.paint(mix(rooms, wood * shade[..., None], 0.85 * beams), gone)
    standing = roof.mask * (1.0 - gone)
    step = max(0.9, 0.01 * roof.size)
    lit = np.clip(shift(gone, step * dy, step * dx) - gone, 0.0, 1.0) * standing
    canvas.paint(within(1.12 * canvas.image + 0.03, light), (0.7 * lit).astype(np.float32))


def _fall_in(
    canvas: _Canvas, roof: Roof, gone: FloatArray, light: Daylight, severity: float, rng: np.random.Generator
) -> None:
    """Planes of the roof that have broken off and lie tilted in the opening or hang over its edge, and beams."""
    edge = blur(gone, 0.05 * roof.size)
    density = np.where(roof.mask, edge * (1.0 - 0.75 * edge), 0.0).astype(np.float32)
    opened = float(np.sqrt(gone.sum()))
    for row, column in scatter(density, 1 + round(3.5 * severity), rng).tolist():
        slab, turn = fallen_plane(roof, (row, column), opened, rng)
        lay_slab(canvas.image, canvas.cover, slab, roof_skin(roof, turn, rng), light, rng)
    wood = bare_wood(roof, light, 0.22 + 0.42 * min(light.level(roof.tone), 0.7))
    for row, column in scatter((gone**2).astype(np.float32), round(1 + 4 * severity), rng).tolist():
        lay_slab(canvas.image, canvas.cover, fallen_beam(roof, (row, column), opened, rng), wood, light, rng)


def _litter(
    canvas: _Canvas, roof: Roof, gone: FloatArray, light: Daylight, severity: float, rng: np.random.Generator
) -> None:
    """Dust and larger pieces on the ground on the side where the roof is open, with short shadows."""
    ground = ~ndimage.binary_dilation(roof.mask, iterations=1)
    distance = ndimage.distance_transform_edt(ground) / roof.size
    opened = blur(gone, 0.22 * roof.size)
    side = smoothstep(opened, 0.0, max(0.35 * float(opened.max()), 1e-4))
    density = (ground * (roof.room > 0.5) * smoothstep(distance, 0.42, 0.03) * side).astype(np.float32)
    # In the house's own shadow nothing is bright.
    brightness = blur(np.asarray(roof.rgb @ LUMINANCE, np.float32), 1.5)
    sunny = smoothstep(brightness, light.dark, light.dark + 0.3 * (light.bright - light.dark))
    dust = density * smoothstep(fractal_noise(roof.shape, 0.16 * roof.size, rng, octaves=3), 0.3, 0.7)
    level = light.level(roof.tone)
    pale = 0.5 * roof.tone + 0.5 * light.lit(PLASTER, 0.3 + 0.4 * level)
    dusty = (0.35 * canvas.image + 0.65 * pale).astype(np.float32)
    canvas.paint(dusty, (0.75 * severity**0.7 * dust * sunny).astype(np.float32))
    for row, column in scatter(density**1.5, round(6 + 44 * severity), rng).tolist():
        long = rng.random() < 0.35
        slab = ground_piece(roof, (row, column), long, 0.35 + 0.65 * float(sunny[row, column]), rng)
        own = rng.random() < 0.6
        colour = roof.tone if own else light.lit(WOOD if long else PLASTER, 0.25 + 0.5 * level)
        lay_slab(canvas.image, canvas.cover, slab, colour, light, rng)


def _cover_up(
    canvas: _Canvas, roof: Roof, order: FloatArray, light: Daylight, strength: float, rng: np.random.Generator
) -> None:
    """A faded blue sheet over a part of the opening, as weeks after a storm."""
    inside = order < 1.0
    reach = [0.5 * float(np.ptp(axis[inside])) + 0.03 * roof.size for axis in (roof.u, roof.v)]
    side = float(rng.choice((-0.5, 0.5)))
    outside = np.maximum(np.abs(roof.u - side * reach[0]) - 0.55 * reach[0], np.abs(roof.v) - reach[1])
    sheet = (np.clip(0.5 - outside, 0.0, 1.0) * roof.mask).astype(np.float32)
    folds = 0.9 + 0.2 * fractal_noise(roof.shape, (0.2 * roof.size, 0.06 * roof.size), rng, octaves=2)
    canvas.paint(light.lit(TARP, 0.45) * folds[..., None], 0.9 * strength * sheet)


@dataclass(frozen=True)
class DamagedBuilding:
    name: str = "damaged_building"
    phrases: tuple[str, ...] = (
        "the house is damaged",
        "a damaged building",
        "the roof is destroyed",
        "parts of the roof are missing",
        "a collapsed house",
        "holes in the roof of the house",
        "building hit by a storm",
        "earthquake damage to a building",
        "the building was bombed",
        "a ruined house with rubble",
        "tornado damaged roofs",
        "the house is destroyed",
    )
    typical_share: float = 0.06
    local: bool = True

    def suitability(self, scene: Scene) -> FloatArray:
        return np.asarray(np.maximum(scene.roofs, 0.15 * scene.built * (1.0 - scene.water)), np.float32)

    def draw(self, scene: Scene, area: FloatArray, severity: float, rng: np.random.Generator) -> Drawing:
        roof = find_roof(scene, area, rng)
        if roof is None:
            return Drawing(scene.rgb.copy(), np.zeros(scene.shape, np.float32))
        light = daylight(scene)
        gone, order = opening(roof, 0.06 + 0.62 * severity**1.2, rng)
        canvas = _Canvas(roof.rgb.copy(), np.zeros(roof.shape, np.float32))
        _soil(canvas, roof, order, severity, rng)
        _strip_covering(canvas, roof, order, light, severity, rng)
        _litter(canvas, roof, gone, light, severity, rng)
        _open(canvas, roof, gone, light, rng)
        _fall_in(canvas, roof, gone, light, severity, rng)
        if severity < 0.3:
            _cover_up(canvas, roof, order, light, float(smoothstep(severity, 0.3, 0.2)), rng)
        return _place_back(scene, area, roof, canvas, light, rng)


def _place_back(
    scene: Scene, area: FloatArray, roof: Roof, canvas: _Canvas, light: Daylight, rng: np.random.Generator
) -> Drawing:
    """The scene with the canvas in its window, as soft and as noisy as the rest of the picture."""
    soft = blur(canvas.image, light.softness)
    cover = np.clip(blur(canvas.cover, 0.7 * light.softness), 0.0, 1.0)
    image, mask = scene.rgb.copy(), np.zeros(scene.shape, np.float32)
    # Faint grime keeps the roof's own sharpness; only what is new is softened.
    new = np.where(cover > 0.0, smoothstep(cover, 0.02, 0.5), 0.0)
    image[roof.window] = mix(mix(roof.rgb, canvas.image, smoothstep(cover, 0.0, 0.04)), soft, new)
    mask[roof.window] = cover
    noise = sensor_noise(scene, rng) * smoothstep(mask, 0.1, 0.6)
    return finish(scene, image + noise[..., None], mask, area, light.softness)


DAMAGED_BUILDING = DamagedBuilding()
