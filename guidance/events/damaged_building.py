"""Damaged building: parts of the roof are gone, the rooms and rafters lie open, rubble lies around."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .base import Drawing
from .noise import blur, finish, fractal_noise, mix, sensor_noise, shift, smoothstep, value_noise
from .objects import Pieces, Target, find_target, lay_pieces, scatter
from .scene import Scene

FloatArray = NDArray[np.float32]

WOOD = np.array([0.56, 0.44, 0.31], np.float32)
PLASTER = np.array([0.78, 0.74, 0.68], np.float32)
FLOOR = np.array([0.36, 0.31, 0.27], np.float32)
TARP = np.array([0.16, 0.36, 0.66], np.float32)


def _missing(scene: Scene, roof: Target, severity: float, rng: np.random.Generator) -> FloatArray:
    """0…1 [H, W]: where the covering is gone. It breaks along rows of tiles or sheets, so the edges step."""
    tile = max(1.5, roof.size / 22.0)
    field = fractal_noise(scene.shape, 0.42 * roof.size, rng, octaves=3)
    steps = value_noise(scene.shape, 1.3 * tile, rng)
    rows, columns = np.floor(roof.across / tile), np.floor(roof.along / (1.6 * tile))
    jag = np.sin(12.9898 * rows + 78.233 * columns + 6.0 * rng.random()) * 43758.547
    jag = (jag - np.floor(jag)).astype(np.float32)
    # The ridge and the walls hold longest; the middle of a slope goes first.
    held = 0.10 * smoothstep(roof.depth, 0.10 * roof.size, 0.0)
    field = field - held + 0.05 * jag + 0.03 * steps
    share = 0.05 + 0.85 * severity**1.25
    limit = float(np.quantile(field[roof.mask], 1.0 - min(share, 0.93)))
    gone = (field > limit) & roof.mask & (roof.depth > max(1.0, 0.03 * roof.size) * (1.0 - severity))
    gone = ndimage.binary_opening(gone, iterations=max(1, round(roof.size / 90)))
    return blur(gone.astype(np.float32), 0.45)


def _interior(scene: Scene, roof: Target, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """What lies under the roof: rooms [H, W, 3] and the tops of walls and rafters [H, W] in 0…1."""
    light = scene.light / float(scene.light.max())
    clutter = fractal_noise(scene.shape, max(2.0, 0.06 * roof.size), rng, octaves=4)
    rooms = FLOOR * light * (0.55 + 0.9 * clutter)[..., None]
    walls = np.zeros(scene.shape, np.float32)
    for axis, spacing in ((roof.along, 0.36), (roof.across, 0.42)):
        start = -1.2 * roof.size + float(rng.uniform(0, spacing)) * roof.size
        for position in np.arange(start, 1.2 * roof.size, spacing * roof.size):
            place = position + float(rng.uniform(-0.08, 0.08)) * roof.size
            walls = np.maximum(walls, np.clip(max(0.9, 0.016 * roof.size) + 0.5 - np.abs(axis - place), 0.0, 1.0))
    walls *= smoothstep(fractal_noise(scene.shape, 0.2 * roof.size, rng, octaves=3), 0.22, 0.34)
    # Each room has a floor of its own tone.
    tone = np.sin(3.1 * np.floor(roof.along / (0.36 * roof.size)) + 5.7 * np.floor(roof.across / (0.42 * roof.size)))
    rooms *= (1.0 + 0.25 * tone)[..., None]
    pitch = max(3.6, roof.size / 13.0)
    offset = (roof.along + 0.05 * pitch * value_noise(scene.shape, 0.2 * roof.size, rng)) / pitch
    rafters = np.clip(max(0.55, 0.09 * pitch) + 0.5 - np.abs(offset - np.round(offset)) * pitch, 0.0, 1.0)
    rafters *= smoothstep(fractal_noise(scene.shape, (0.3 * roof.size, 0.12 * roof.size), rng, octaves=3), 0.42, 0.50)
    shadow = np.maximum(
        shift(rafters.astype(np.float32), *_fall(scene, 0.035 * roof.size)),
        shift(walls, *_fall(scene, 0.05 * roof.size)),
    )
    rooms *= (1.0 - 0.5 * shadow)[..., None]
    rooms = mix(rooms, PLASTER * light * 0.8, 0.85 * walls)
    rooms = mix(rooms, WOOD * light * (0.8 + 0.4 * clutter)[..., None], 0.9 * rafters)
    return rooms, np.asarray(np.maximum(walls, rafters), np.float32)


def _fall(scene: Scene, length: float) -> tuple[float, float]:
    dy, dx = scene.sun
    length = max(length, 1.0)
    return dy * length, dx * length


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
        roof = find_target(scene, area, rng)
        if not roof.mask.any():
            return Drawing(scene.rgb.copy(), np.zeros(scene.shape, np.float32))
        size = roof.size
        light = scene.light / float(scene.light.max())
        own = scene.rgb[roof.mask]
        gone = _missing(scene, roof, severity, rng)
        standing = roof.mask.astype(np.float32) * (1.0 - gone)
        near = np.clip(blur(gone, 0.07 * size) * 3.0, 0.0, 1.0) * roof.mask

        # The covering beside a hole is loose: its rows are shifted and some tiles are off.
        image = scene.rgb.copy()
        tile = max(1.5, size / 22.0)
        rows, columns = np.indices(scene.shape, dtype=np.float32)
        slip = value_noise(scene.shape, 2.5 * tile, rng) * near
        at = [rows + 0.45 * tile * slip, columns - 0.35 * tile * slip]
        loose = np.stack(
            [ndimage.map_coordinates(scene.rgb[..., c], at, order=1, mode="nearest") for c in range(3)], -1
        )
        patches = smoothstep(fractal_noise(scene.shape, 1.6 * tile, rng, octaves=2), 0.62, 0.70) * near
        loose = mix(loose, WOOD * light * float(scene.luminance[roof.mask].mean() + 0.12), 0.55 * patches)
        image = mix(image, loose, near * standing)

        rooms, ribs = _interior(scene, roof, rng)
        covered = np.maximum.reduce([shift(standing, *_fall(scene, step * size)) for step in (0.03, 0.06, 0.09)])
        inside = rooms * (1.0 - 0.72 * covered * (1.0 - 0.35 * ribs))[..., None]
        image = mix(image, inside, gone)
        # The broken edge: thin, light where it faces the sun, dark below.
        step = max(0.8, 0.008 * size)
        rim = np.clip(gone - shift(gone, *_fall(scene, -step)), 0.0, 1.0) * standing
        lit = np.clip(shift(gone, *_fall(scene, -step)) - gone, 0.0, 1.0) * standing
        image = mix(image, image * 1.25 + 0.06 * light, np.clip(lit, 0.0, 1.0))
        image = mix(image, image * 0.6, rim)

        cover = np.maximum(gone, near * 0.6)
        around = np.clip(blur(roof.mask.astype(np.float32), 0.09 * size) * 2.2, 0.0, 1.0) * (1.0 - roof.mask)
        dust = severity * around * fractal_noise(scene.shape, 0.25 * size, rng) * (area > 0.0)
        image = mix(image, (0.75 * PLASTER * light + 0.25 * image), 0.55 * dust)
        cover = np.maximum(cover, dust).astype(np.float32)

        if severity < 0.35:
            self._tarpaulin(scene, roof, image, cover, gone=gone, light=light, rng=rng)
        density = (0.5 * gone * smoothstep(severity, 0.2, 0.9) + 0.35 * near * standing) + 0.5 * severity * around**2
        density = (density * (blur(gone, 0.15 * size) + 0.02) * (area > 0.0)).astype(np.float32)
        count = int(30 + 560 * severity**1.3)
        places = scatter(density, count, rng)
        colours = own[rng.integers(0, len(own), len(places))] * rng.uniform(0.6, 1.15, (len(places), 1))
        kind = rng.random(len(places))[:, None]
        colours = np.where(kind < 0.22, WOOD * light * rng.uniform(0.6, 1.2, (len(places), 1)), colours)
        colours = np.where(kind > 0.80, PLASTER * light * rng.uniform(0.6, 1.1, (len(places), 1)), colours)
        lengths = np.maximum(1.6, size * 0.017 * np.minimum(rng.lognormal(0.2, 0.55, len(places)), 4.0))
        slender = np.where(kind[:, 0] < 0.22, 0.16, rng.uniform(0.4, 0.9, len(places)))
        lengths = np.where(kind[:, 0] < 0.22, 2.2 * lengths, lengths)
        lay_pieces(image, cover, Pieces(places, colours, lengths, slender), _fall(scene, 0.012 * size), rng)
        image = image + (sensor_noise(scene, rng) * np.clip(cover, 0.0, 1.0))[..., None]
        return finish(scene, image, cover, area)

    def _tarpaulin(
        self,
        scene: Scene,
        roof: Target,
        image: FloatArray,
        cover: FloatArray,
        *,
        gone: FloatArray,
        light: FloatArray,
        rng: np.random.Generator,
    ) -> None:
        """A blue sheet over one of the holes, as after a storm. Changes image and cover in place."""
        places = scatter((gone * roof.mask).astype(np.float32), 1, rng)
        for row, column in places:
            u, v = roof.along - roof.along[row, column], roof.across - roof.across[row, column]
            outside = np.maximum(np.abs(u) - 0.16 * roof.size, np.abs(v) - 0.11 * roof.size)
            sheet = np.clip(0.5 - outside, 0.0, 1.0) * roof.mask
            folds = 0.8 + 0.4 * fractal_noise(scene.shape, (0.2 * roof.size, 0.04 * roof.size), rng, octaves=3)
            image[:] = mix(image, TARP * light * folds[..., None], 0.95 * sheet)
            np.maximum(cover, sheet, out=cover)


DAMAGED_BUILDING = DamagedBuilding()
