"""New buildings on open land: houses along a lane, a hall, or housing blocks, in line with what is there."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .base import Drawing
from .building_plan import Plan, open_land, plan
from .building_shapes import cast_shadows, lay_roofs
from .likeness import black_level, detail_noise, finish, sensor_noise, sunlit_white
from .new_ground import earth_colour, grass_colour, toned
from .noise import along, fractal_noise, inside, mix, smoothstep, value_noise
from .scale import house_size, own_roofs
from .scene import Scene

FloatArray = NDArray[np.float32]

PAVING = np.array([0.60, 0.58, 0.55], np.float32)


def _free_way(scene: Scene, built: Plan, start: float) -> float:
    """How many pixels the lane can run on from ``start`` until it comes to water."""
    u = np.arange(0.0, 2.0 * max(scene.shape))
    at = [built.centre[k] + (start + u) * built.lane[k] for k in (0, 1)]
    wet = ndimage.map_coordinates(scene.water, at, order=1, mode="constant") > 0.2
    return float(np.argmax(wet)) - 0.5 * built.size if wet.any() else float(u[-1])


def _ground(scene: Scene, built: Plan, area: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Plots, drives and the lane of a plan: picture [H, W, 3] and cover [H, W]."""
    shape, size = scene.shape, built.size
    grain, mottled = detail_noise(scene, rng), fractal_noise(shape, 0.5 * size + 2.0, rng) - 0.5
    earth = earth_colour(scene, rng)
    white = sunlit_white(scene)
    lane_u, lane_v = along(shape, built.lane, built.centre)
    soil = toned(earth, 0.3 * mottled + 0.22 * grain)
    lawn = toned(grass_colour(scene, earth), 0.3 * mottled + 0.4 * grain)
    paving = toned(mix(earth, PAVING * white, 0.65), 0.1 * mottled + 0.15 * grain)
    ground, cover, paved = soil, np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    wobble = 0.1 * size * value_noise(shape, 0.3 * size + 2.0, rng) + 0.12 * size * grain
    green = float(scene.vegetation.mean())
    starts = []
    for b in built.buildings:
        y, x = b.centre[0] - built.centre[0], b.centre[1] - built.centre[1]
        u0, v0 = y * built.lane[0] + x * built.lane[1], x * built.lane[0] - y * built.lane[1]
        starts.append(u0)
        own = np.random.default_rng(b.extras)
        lawned = own.random() < 0.2 + 1.2 * green
        margin = size * (own.uniform(0.28, 0.4) if built.gardens else own.uniform(0.22, 0.32))
        u, v = along(shape, b.ridge, b.centre)
        beyond = np.maximum(np.abs(u) - b.half_long, np.abs(v) - b.half_wide)
        plot = smoothstep(beyond + wobble, 1.15 * margin, 0.7 * margin)
        cover = np.maximum(cover, plot)
        if built.gardens and lawned:
            ground = mix(ground, lawn, 0.85 * plot * smoothstep(beyond + 0.6 * wobble, 0.08 * size, 0.2 * size))
        apron = 0.05 * size if built.gardens else 0.8 * margin
        paved = np.maximum(paved, smoothstep(beyond, apron + 0.7, apron - 0.7))
        drive = smoothstep(
            np.abs(lane_u - u0 - own.choice((-0.3, 0.3)) * b.half_long), 0.12 * size + 0.6, 0.12 * size - 0.6
        )
        paved = np.maximum(paved, drive * (lane_v * np.sign(v0) > 0.0) * (np.abs(lane_v) < abs(v0)))
    along_lane = lane_u - (min(starts) - 0.6 * size)
    half = 0.16 * size
    bend = lane_v + 0.03 * size * value_noise(shape, 2.0 * size, rng)
    reaches = smoothstep(along_lane + wobble, 0.0, 2.0)
    end = max(starts) + (0.6 * size if built.built_up else _free_way(scene, built, max(starts)))
    reaches *= smoothstep(lane_u - end + wobble, 2.0, 0.0)
    verge = smoothstep(np.abs(bend) + 0.7 * wobble, 1.5 * half + 1.0, 1.1 * half) * reaches
    paved = np.maximum(paved, smoothstep(np.abs(bend), half + 0.7, half - 0.7) * reaches)
    free = (1.0 - smoothstep(scene.water, 0.1, 0.5)) * inside(area, 3.0)
    free *= 1.0 - scene.roofs if built.built_up else 1.0
    return mix(ground, paving, paved), (np.maximum(np.maximum(0.9 * cover, verge), paved) * free).astype(np.float32)


@dataclass(frozen=True)
class NewBuildings:
    name: str = "new_buildings"
    phrases: tuple[str, ...] = (
        "new houses on the field",
        "a new building",
        "the village has grown",
        "newly built houses",
        "a new housing estate",
        "construction of new homes on open land",
        "a new warehouse has been built",
        "urban growth onto farmland",
        "new apartment blocks",
        "a factory hall built on the meadow",
        "the town expands",
        "houses have been built here",
    )
    typical_share: float = 0.1
    local: bool = False

    def suitability(self, scene: Scene) -> FloatArray:
        return open_land(scene, bool(own_roofs(scene)))

    def draw(self, scene: Scene, area: FloatArray, severity: float, rng: np.random.Generator) -> Drawing:
        own = own_roofs(scene)
        for smaller in (1.0, 0.75, 0.55, 0.4):
            drawn = plan(scene, area, bool(own), smaller * house_size(scene, own), rng)
            if drawn.buildings:
                break
        if not drawn.buildings:
            return Drawing(scene.rgb.copy(), np.zeros(scene.shape, np.float32))
        count = max(1, round(0.85 * severity**1.2 * len(drawn.buildings)))
        built = replace(drawn, buildings=drawn.buildings[:count])
        ground, cover = _ground(scene, built, area, rng)
        image = mix(scene.rgb, ground, cover)
        black, fall = black_level(scene), scene.sun
        roofs, roofed = lay_roofs(built.buildings, fall, scene.shape)
        shade = cast_shadows(built.buildings, fall, scene.shape) * (1.0 - roofed)
        image = mix(image, np.minimum(black + 0.35 * (image - black), 0.5 * image), 0.88 * shade)
        image = image * (1.0 - roofed)[..., None] + roofs * (1.0 + 0.08 * detail_noise(scene, rng))[..., None]
        noise = sensor_noise(scene, rng) * (1.0 - 0.6 * roofed)
        cover = np.maximum(np.maximum(cover, 0.88 * shade), roofed) * inside(area, 2.0)
        image = mix(scene.rgb, image + noise[..., None], smoothstep(cover, 0.0, 0.06))
        return finish(scene, image, cover, area)


NEW_BUILDINGS = NewBuildings()
