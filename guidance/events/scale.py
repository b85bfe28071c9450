"""How large a thing is drawn, from what a scene shows: no picture says how many metres its pixels are."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .building_sites import likeness_to_house
from .noise import blur, smoothstep
from .regions import opponent
from .scene import Scene


def from_space(scene: Scene) -> float:
    """0…1: whether the scene is a mosaic of many fields and woods, strong in colour and contrast, as satellites see."""
    contrast = float(scene.luminance.std()) / max(float(scene.luminance.mean()), 0.05)
    chroma = opponent(blur(scene.rgb, 1.0))[..., 1:]
    variety = float(np.sqrt(chroma.var((0, 1)).sum()))
    return float(smoothstep(contrast, 0.48, 0.6) * smoothstep(variety, 0.14, 0.18))


def crown_size(scene: Scene) -> float:
    """Diameter of a tree's crown in pixels; where fields are the dominant texture, far less than they."""
    size = float(np.clip(scene.grain, 4.0, 0.055 * scene.short_side + 2.0))
    return size + from_space(scene) * (2.5 - size)


def own_roofs(scene: Scene) -> list[float]:
    """Sides in pixels of the scene's roofs, largest first; none where what looks like roofs is patches of a field."""
    roofs = ndimage.binary_opening(scene.roofs > 0.5)
    parts, count = ndimage.label(roofs)
    if count < 2 or from_space(scene) > 0.5:
        return []
    steep = ndimage.gaussian_gradient_magnitude(scene.luminance, 1.0)
    outline = ndimage.binary_dilation(roofs, iterations=2) & ~ndimage.binary_erosion(roofs)
    sharp = float(steep[outline].mean()) > 0.95 * float(steep.mean())
    likeness = [likeness_to_house(parts[box] == k) for k, box in enumerate(ndimage.find_objects(parts), start=1)]
    if not sharp or max(likeness) < 0.66:
        return []
    sizes = np.sqrt(np.bincount(parts.ravel())[1:])
    return sorted(sizes[sizes > 0.4 * sizes.max()].tolist(), reverse=True)


def house_size(scene: Scene, own: list[float]) -> float:
    """Side in pixels of a usual roof: as large as the scene's ``own`` ones, if it has any."""
    side = scene.short_side
    if own:
        return float(np.clip(own[len(own) // 2], 0.1 * side, 0.2 * side))
    return side * (0.125 - 0.105 * from_space(scene))
