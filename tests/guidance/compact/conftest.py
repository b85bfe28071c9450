from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from comfyui_sinddm_rs.guidance.compact.pictures import COVER_SIDE, COVERS, SIDE, Pictures
from comfyui_sinddm_rs.guidance.compact.vocabulary import UNCHANGED


def _woods(kinds: list[str]) -> Pictures:
    """Grey woods, of which all but the UNCHANGED have burnt on the left half."""
    count = len(kinds)
    masks = np.zeros((count, SIDE, SIDE), np.uint8)
    masks[[kind != UNCHANGED for kind in kinds], :, : SIDE // 2] = 255
    return Pictures(
        images=np.full((count, SIDE, SIDE, 3), 100, np.uint8),
        masks=masks,
        covers=np.full((count, COVER_SIDE, COVER_SIDE), COVERS.index("trees"), np.uint8),
        scenes=np.array(["forest"] * count),
        kinds=np.array(kinds),
        held_out=np.zeros(count, bool),
    )


@pytest.fixture
def woods() -> Callable[[list[str]], Pictures]:
    return _woods
