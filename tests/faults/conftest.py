"""The command in processes that may be killed or starved, and what is left of their files."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comfyui_sinddm_rs.rasters.bundled import scene_path
from comfyui_sinddm_rs.rasters.locks import LOCK
from comfyui_sinddm_rs.rasters.temporary import PARTIAL
from PIL import Image
from safetensors import safe_open

FIRE = "A fire in the forest"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if sys.platform != "linux":
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="kills and limits are those of Linux"))


@dataclass(frozen=True)
class Ended:
    """code: the exit code, or -9 where it was killed. said: what it wrote on both outputs."""

    code: int
    said: str
    seconds: float

    @property
    def sentences(self) -> list[str]:
        """Lines that the command itself addressed to the user."""
        return [line for line in self.said.splitlines() if line.startswith("sinddm-rs")]


@dataclass(frozen=True)
class Begun:
    nursery: Nursery
    pid: int
    log: Path
    at: float

    def end(self) -> Ended:
        code = self.nursery.ask({"end": self.pid})["code"]
        said = self.log.read_text(errors="replace").replace("\r", "\n")
        return Ended(code, said, time.monotonic() - self.at)


class Nursery:
    """See nursery.py."""

    def __init__(self, logs: Path) -> None:
        self._logs, self._count = logs, 0
        environment = os.environ | {"OMP_NUM_THREADS": "1", "SINDDM_RS_CACHE": str(logs / "cache")}
        command = [sys.executable, str(Path(__file__).with_name("nursery.py"))]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self._answer() == {"ready": True}

    def begin(
        self, folder: Path, *arguments: str, limits: Mapping[str, int] | None = None, kill_at: int | None = None
    ) -> Begun:
        self._count += 1
        log = self._logs / f"{self._count}.log"
        asked = {"begin": arguments, "folder": str(folder), "log": str(log), "limits": limits or {}, "kill_at": kill_at}
        return Begun(self, self.ask(asked)["pid"], log, time.monotonic())

    def run(self, folder: Path, *arguments: str, **how: Any) -> Ended:
        return self.begin(folder, *arguments, **how).end()

    def ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    made = Nursery(tmp_path_factory.mktemp("logs"))
    yield made
    made.close()


def wood(height: int, width: int) -> np.ndarray:
    """A wood: uint8 [height, width, 3]."""
    with Image.open(scene_path("forest")) as image:
        tile = np.asarray(image.convert("RGB"))[60:156, 60:156]
    return np.tile(tile, (-(-height // 96), -(-width // 96), 1))[:height, :width].copy()


def draw_tiff(path: Path, pixels: np.ndarray, **how: Any) -> None:
    """A GeoTIFF of uint8 [h, w, 3], with a world file beside it."""
    rasterio = pytest.importorskip("rasterio")
    height, width, bands = pixels.shape
    place = rasterio.Affine(10.0, 0, 500_000.0, 0, -10.0, 4_100_000.0)
    profile = {"driver": "GTiff", "count": bands, "height": height, "width": width, "dtype": "uint8", **how}
    with rasterio.open(path, "w", crs="EPSG:32610", transform=place, **profile) as file:
        file.write(pixels.transpose(2, 0, 1))
    path.with_suffix(".tfw").write_text("10\n0\n0\n-10\n500005\n4099995\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the scenes that the commands work on."""
    made = tmp_path / "work"
    made.mkdir()
    Image.fromarray(wood(48, 52)).save(made / "scene.png")
    (made / "jobs.csv").write_text(f'image,prompt,roi,seed,n\nscene.png,{FIRE},"8,8,24,24",3,3\n')
    return made


def is_temporary(path: Path, folder: Path) -> bool:
    """Whether a path says of itself that it is being worked on."""
    parts = path.relative_to(folder).parts
    return any(part.startswith((PARTIAL, LOCK)) or part.endswith(".tiles") for part in parts)


def temporaries(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if is_temporary(path, folder)]


def results(folder: Path) -> dict[str, bytes]:
    """All finished files below a folder, each read to its end by what reads its kind; fails for a half-written one."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not is_temporary(path, folder):
            read_whole(path)
            found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return found


def read_whole(path: Path) -> None:
    if path.suffix == ".safetensors":
        with safe_open(path, "pt") as file:
            assert [file.get_tensor(name).shape for name in file.keys()]  # noqa: SIM118 (no mapping)
    elif path.suffix == ".png":
        with Image.open(path) as picture:
            picture.load()
    elif path.suffix == ".tif":
        with pytest.importorskip("rasterio").open(path) as raster:
            assert raster.read().size
    elif path.suffix == ".json":
        json.loads(path.read_text())
    elif path.suffix == ".jsonl":
        assert all(json.loads(line) for line in path.read_text().splitlines())
    elif path.suffix == ".csv":
        text = path.read_text()
        assert text.endswith("\n") and len({len(row) for row in csv.reader(text.splitlines())}) == 1
    else:
        assert path.suffix == ".tfw" and path.read_text().endswith("\n"), path
