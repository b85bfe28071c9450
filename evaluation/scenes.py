"""The scenes of a run: a task's picture and region, read once for all its jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from ..rasters.encoding import lossless_suffix
from ..rasters.files import read_raster
from ..rasters.raster import Raster
from ..rasters.regions import read_roi
from ..sinddm.fingerprint import fingerprint
from ..sinddm.new_scene import new_scene
from ..sinddm.patch_swd import patch_swd
from .plan import Task


@dataclass(eq=False)
class Scene:
    """The picture of a task, its region, and what its edits are compared with."""

    task: Task
    raster: Raster = field(init=False)
    region: Tensor | None = field(init=False)

    def __post_init__(self) -> None:
        self.raster = read_raster(self.task.scene)
        self.region = read_roi(self.task.roi, self.raster.size) if self.task.roi else None

    @cached_property
    def fingerprints(self) -> tuple[str, ...]:
        """SHA-256 of the picture and, where there is one, of the region."""
        return tuple(fingerprint(each) for each in (self.raster.pixels, self.region) if each is not None)

    @cached_property
    def unguided(self) -> float:
        """Patch-SWD to the picture of a new scene that its patch model draws without any guidance."""
        pixels = self.raster.pixels
        return patch_swd(new_scene(pixels, self.raster.size, 0), pixels, torch.Generator().manual_seed(0))

    @property
    def suffix(self) -> str:
        """Of the edits' files."""
        return lossless_suffix(self.raster.stored, self.raster.alpha)


class Scenes:
    """The scenes of tasks; the last one stays, as the jobs of a task follow each other."""

    def __init__(self) -> None:
        self._last: Scene | None = None

    def of(self, task: Task) -> Scene:
        """Raises InputError for a picture or region that cannot be used."""
        if self._last is None or self._last.task != task:
            self._last = Scene(task)
        return self._last
