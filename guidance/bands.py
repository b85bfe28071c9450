"""How bands that no eye sees follow a change of those that it sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..rasters.layout import as_rgb

_WATER = {"rededge": 0.7, "nir": 0.4, "swir": 0.1}
_SOIL = {"rededge": 1.1, "nir": 1.25, "swir": 1.6}
_BUILT = {"rededge": 1.0, "nir": 1.1, "swir": 1.2}
REFLECTANCE: Mapping[str, Mapping[str, float]] = {
    "flood": _WATER,
    "oil_spill": {"rededge": 0.8, "nir": 0.7, "swir": 0.3},
    "fire": {"rededge": 1.05, "nir": 1.1, "swir": 1.7},
    "burn_scar": {"rededge": 1.1, "nir": 1.3, "swir": 1.8},
    "smoke": {"rededge": 0.9, "nir": 0.8, "swir": 0.4},
    "snow": {"rededge": 0.98, "nir": 0.9, "swir": 0.12},
    "drought": {"rededge": 1.3, "nir": 1.6, "swir": 1.8},
    "deforestation": _SOIL,
    "landslide": _SOIL,
    "debris": _SOIL,
    "craters": _SOIL,
    "removed_buildings": _SOIL,
    "damaged_building": _BUILT,
    "collapsed_bridge": _BUILT,
    "cracks": _BUILT,
    "holes": _BUILT,
    "new_buildings": _BUILT,
    "new_road": _BUILT,
}
"""Event → role → reflectance over that in red, rounded from the shapes of published spectra (ECOSTRESS library,
doi:10.1016/j.rse.2019.05.015; USGS library 7, doi:10.3133/ds1035): water absorbs beyond red, vegetation reflects,
soil and char rise slowly, snow is bright but for the short-wave infrared."""


@dataclass(frozen=True)
class BandUnits:
    """What the bands [C] of an image are, and the measured values of 0 and 1 in each.

    roles: "red", "green", "blue", "rededge", "nir" or "swir"; None for others, which are followed as they go with the
    visible ones in the scene.
    """

    roles: tuple[str | None, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def with_visible(image: Tensor, rgb: Tensor) -> Tensor:
    """``image`` [C, H, W] with ``rgb`` [3, H, W] for its visible bands; the further ones follow as in the scene.

    One or two bands change by the mean of the visible change. Values of any range, not clamped.
    """
    delta = rgb - as_rgb(image)
    if len(image) < 3:
        return image + delta.mean(0, keepdim=True)
    if len(image) == 3:
        return rgb
    return torch.cat([rgb, image[3:] + torch.einsum("kc,chw->khw", _response(image.detach()), delta)])


def with_event(image: Tensor, rgb: Tensor, mask: Tensor, event: str, units: BandUnits | None) -> Tensor:
    """As ``with_visible``, but bands whose role is known take the reflectance of what the event puts there.

    image: float [C, H, W] in 0…1. mask: [H, W] in 0…1, how far each pixel is of the event. Not clamped.
    """
    followed = with_visible(image, rgb)
    ratios = REFLECTANCE.get(event)
    if units is None or ratios is None or "red" not in units.roles:
        return followed
    red = units.roles.index("red")

    def stored(values: Tensor, band: int) -> Tensor:
        return units.low[band] + values * (units.high[band] - units.low[band])

    # The mixed pixel less the scene's share of it is the event's own red, times its share.
    own = stored(rgb[red], red) - (1.0 - mask) * stored(image[red], red)
    bands = list(followed)
    for band, role in enumerate(units.roles):
        if role is not None and role in ratios:
            mixed = (1.0 - mask) * stored(image[band], band) + ratios[role] * own
            bands[band] = (mixed - units.low[band]) / max(units.high[band] - units.low[band], 1e-9)
    return torch.stack(bands)


def _response(image: Tensor) -> Tensor:
    """How the further bands follow the visible ones in this scene: ridge regression, [C − 3, 3]."""
    visible = image[:3].flatten(1)
    further = image[3:].flatten(1)
    visible = visible - visible.mean(1, keepdim=True)
    further = further - further.mean(1, keepdim=True)
    gram = visible @ visible.T
    ridge = 0.01 * gram.diagonal().mean() * torch.eye(3, device=image.device)
    response: Tensor = torch.linalg.solve(gram + ridge, visible @ further.T)
    return response.T
