"""Values that stand for "no data" are never what an edit stores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..rasters.layout import Array


def keep_from_nodata(stored: Array, edited: Array, valid: NDArray[np.bool_], nodata: tuple[float | None, ...]) -> Array:
    """``edited`` [h, w, C] whose valid pixels hold no value that stands for "no data": they take the next one."""
    result = edited.copy()
    for band, value in enumerate(nodata):
        if value is None or not np.isfinite(value):
            continue
        hit = (result[..., band] == value) & (edited[..., band] != stored[..., band]) & valid
        if not hit.any():
            continue
        if result.dtype.kind == "f":
            other = np.nextafter(result.dtype.type(value), result.dtype.type(0 if value else 1))
        else:
            other = result.dtype.type(value - 1 if value > np.iinfo(result.dtype).min else value + 1)
        result[..., band][hit] = other
    return result
