"""Removed building: its roof and its shadow are gone, and the ground of its surroundings lies where it stood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .base import Drawing
from .building_sites import cast_shadow, find_building, grown
from .likeness import detail_noise, finish
from .new_ground import earth_colour
from .noise import blur, fractal_noise, inside, mix, smoothstep, value_noise
from .objects import Target, target_of
from .patching import fill
from .regions import opponent
from .scene import Scene

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]


def like_ground(scene: Scene, hole: BoolArray, size: float) -> tuple[BoolArray, BoolArray]:
    """Ground to copy from, of the commonest colour around the hole; and all that adjoins it. bool [H, W] each.

    Both are open ground in the sun, as far as there is any.
    """
    level = blur(scene.luminance, 1.0)
    free = ~grown(hole, 1.0) & (scene.water < 0.3) & ~grown(np.asarray(scene.roofs > 0.4), 2.0)
    ring = free & grown(hole, 0.6 * size)
    if np.count_nonzero(ring) < 30:
        return free, free
    usual = float(np.median(level[ring]))
    lit = free & (level > 0.72 * usual) & ~grown(level > 1.6 * usual, 2.0)  # neither shadows nor walls and kerbs
    smooth = opponent(blur(scene.rgb, 2.0))
    around = ring & lit & (scene.trees < 0.7)
    around = around if np.count_nonzero(around) > 0.15 * np.count_nonzero(ring) else ring & lit
    if not around.any():
        return free, free
    difference = np.sqrt(((smooth - np.median(smooth[around], axis=0)) ** 2).sum(-1))
    limit = max(1.3 * float(np.median(difference[around])), 0.07)
    alike = ndimage.binary_opening(lit & (difference < limit))
    beside = lit & (difference < 2.5 * limit)
    return np.asarray(alike if np.count_nonzero(alike) > 0.2 * np.count_nonzero(hole) else lit), np.asarray(beside)


def _bare(
    scene: Scene, site: Target, ground: FloatArray, severity: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Earth where the building stood, lines of its foundation and tyre tracks: colour [H, W, 3], cover [H, W].

    ground: [H, W, 3], the filled picture, whose texture shows through.
    """
    shape, size = scene.shape, site.size
    level = np.asarray(ground.mean(-1), np.float32)
    grain = np.clip(level / np.maximum(blur(level, 0.15 * size), 0.03) - 1.0, -0.5, 0.5)
    mottled = fractal_noise(shape, 0.4 * size + 2.0, rng) - 0.5
    # Machines have driven around the house too, the more the larger the work was.
    yard = (0.02 + 0.4 * severity) * size
    outside = ndimage.distance_transform_edt(~site.mask) + 0.5 * yard * (4.0 * mottled + 1.5 * grain)
    open_ground = (1.0 - scene.trees) * (1.0 - scene.water) * (1.0 - scene.roofs)
    around = smoothstep(outside, yard, 0.2 * yard) * np.where(site.mask, 1.0, open_ground)
    cover = around * np.clip(0.85 + 1.2 * mottled, 0.4, 1.0)
    walls = smoothstep(np.abs(site.depth - 0.08 * size), max(1.2, 0.03 * size), 0.4) * site.mask
    walls = walls * smoothstep(fractal_noise(shape, 0.25 * size + 2.0, rng), 0.42, 0.58)
    swerve = 0.12 * size * value_noise(shape, 0.8 * size + 2.0, rng)
    wander = site.across + swerve - np.float32(0.25 * size * rng.uniform(-1.0, 1.0))
    gauge = max(1.5, 0.055 * size)
    ruts = smoothstep(np.abs(np.abs(wander) - gauge), max(1.0, 0.45 * gauge), 0.3)
    ruts = ruts * smoothstep(fractal_noise(shape, 0.5 * size + 2.0, rng), 0.35, 0.55)
    tone = 1.0 + 0.25 * mottled + 0.65 * grain + 0.12 * walls - 0.14 * ruts
    tone = tone + 0.15 * detail_noise(scene, rng)
    earth = 0.97 * earth_colour(scene, rng) * tone[..., None]
    return np.asarray(earth, np.float32), np.asarray(0.48 * np.maximum(cover, 0.6 * walls), np.float32)


@dataclass(frozen=True)
class RemovedBuildings:
    name: str = "removed_buildings"
    phrases: tuple[str, ...] = (
        "the building has been removed",
        "the house is gone",
        "demolished and cleared",
        "the building was torn down and the site cleared",
        "an empty lot where the house stood",
        "the house has disappeared",
        "the buildings have been pulled down and taken away",
        "only bare ground is left of the building",
        "no building any more",
        "a vacant plot after demolition",
    )
    typical_share: float = 0.03
    local: bool = True

    def suitability(self, scene: Scene) -> FloatArray:
        return np.asarray(np.maximum(scene.roofs, 0.15 * scene.built * (1.0 - scene.water)), np.float32)

    def draw(self, scene: Scene, area: FloatArray, severity: float, rng: np.random.Generator) -> Drawing:
        building = find_building(scene, area, rng)
        if building is None:
            return Drawing(scene.rgb.copy(), np.zeros(scene.shape, np.float32))
        site = target_of(scene, building)
        gone = building | grown(cast_shadow(scene, building), 2.0)  # its corners are dark too
        rim = max(1.5, 0.07 * site.size)
        hole = grown(gone, 1.5 + rim) & (area > 0.0)
        side = int(np.clip(round(0.3 * site.size), 6, 40))
        source, beside = like_ground(scene, hole, site.size)
        filled = fill(scene.rgb, hole, source, beside, side, rng)
        earth, bare = _bare(scene, site, filled, severity, rng)
        within = ndimage.distance_transform_edt(hole) + 0.35 * rim * value_noise(scene.shape, 2.5 * rim, rng)
        cover = smoothstep(within, 0.2, 0.2 + rim) * hole * inside(area, 2.0)
        cover = np.where(gone, np.maximum(cover, (area > 0.0) * inside(area, 2.0)), cover).astype(np.float32)
        bare = bare * inside(area, 2.0)
        image = mix(mix(scene.rgb, filled, cover), earth, bare)
        # Patches are as soft as the scene they come from.
        return finish(scene, image, np.maximum(cover, bare), area, scene.softness)


REMOVED_BUILDINGS = RemovedBuildings()
