"""Where an edit may act: every way to say it means the same pixels."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.geo.regions import find_region
from comfyui_sinddm_rs.geo.source import GeoSource, open_source
from comfyui_sinddm_rs.geo.window import mask_in
from comfyui_sinddm_rs.guidance.regions import Window
from PIL import Image

rasterio = pytest.importorskip("rasterio")

Draw = Callable[..., Path]
Pixels = Callable[..., np.ndarray]
Found = Callable[[str], np.ndarray]

UTM = "EPSG:32610"
WHOLE = Window(0, 0, 96, 96)
BOX = (500_300.0, 4_099_460.0, 500_600.0, 4_099_700.0)
"""Columns 30 to 60 and rows 30 to 54 of the scene, as left, bottom, right, top."""
INSIDE = np.zeros((96, 96), bool)
INSIDE[30:54, 30:60] = True


@pytest.fixture
def scene(draw: Draw, pixels: Pixels) -> GeoSource:
    return open_source(draw(pixels()))


@pytest.fixture
def found(scene: GeoSource) -> Found:
    """What a text selects of the scene: bool [96, 96]."""

    def found(text: str) -> np.ndarray:
        region = find_region(text, scene)
        assert region.mask[[0, -1]].any(1).all() and region.mask[:, [0, -1]].any(0).all()
        return mask_in(region, WHOLE)

    return found


def polygon(box: tuple[float, float, float, float], crs: str = "EPSG:4326", hole: Any = None) -> dict[str, Any]:
    def ring(left: float, bottom: float, right: float, top: float) -> list[list[float]]:
        return [[left, bottom], [right, bottom], [right, top], [left, top], [left, bottom]]

    shape = {"type": "Polygon", "coordinates": [ring(*box)] + ([ring(*hole)] if hole else [])}
    return shape if crs == UTM else dict(rasterio.warp.transform_geom(UTM, crs, shape))


def feature(geometry: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": {"name": "wood"}}


def write(folder: Path, content: Any, name: str = "region.geojson") -> str:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return str(path)


def test_pixels(found: Found) -> None:
    assert (found("30,30,30,24") == INSIDE).all() and (found(" 30, 30 ,30,24 ") == INSIDE).all()
    assert found("0,0,96,96").all() and found("95,0,1,1").sum() == 1


def test_map_coordinates(found: Found) -> None:
    assert (found("map:500300,4099460,500600,4099700") == INSIDE).all()
    assert (found("map: 5.003e5, 4099460.0, 500600., +4099700") == INSIDE).all()
    assert found("map:0,0,1e7,1e7").all()
    small = found("map:500301,4099691,500303,4099693")
    assert small.sum() == 1 and small[30, 30]


@pytest.mark.parametrize(
    "content",
    [
        lambda shape: shape,
        feature,
        lambda shape: {"type": "FeatureCollection", "features": [feature(None), feature(shape)]},
        lambda shape: {"type": "FeatureCollection", "crs": None, "features": [feature(shape)]},
        lambda shape: {"type": "GeometryCollection", "geometries": [shape]},
        lambda shape: {"type": "MultiPolygon", "coordinates": [shape["coordinates"]]},
        lambda shape: "\ufeff" + json.dumps(shape),
    ],
    ids=["geometry", "feature", "collection", "no crs", "geometries", "multi", "BOM"],
)
def test_geojson_in_longitude_and_latitude(found: Found, tmp_path: Path, content: Callable[[Any], Any]) -> None:
    assert (found(write(tmp_path, content(polygon(BOX)))) == INSIDE).all()


@pytest.mark.parametrize(
    ("name", "crs"),
    [
        ("urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326"),
        ("urn:ogc:def:crs:EPSG::4326", "EPSG:4326"),
        ("urn:ogc:def:crs:EPSG::32610", UTM),
        ("EPSG:3857", "EPSG:3857"),
    ],
)
def test_geojson_that_names_its_crs(found: Found, tmp_path: Path, name: str, crs: str) -> None:
    named = {"type": "name", "properties": {"name": name}}
    text = write(tmp_path, {"type": "FeatureCollection", "crs": named, "features": [feature(polygon(BOX, crs))]})
    assert (found(text) == INSIDE).all()


def test_holes_several_polygons_and_what_is_no_polygon(found: Found, tmp_path: Path) -> None:
    hole = (500_400.0, 4_099_540.0, 500_500.0, 4_099_600.0)
    ring = INSIDE.copy()
    ring[40:46, 40:50] = False
    holed = polygon(BOX, hole=hole)
    assert (found(write(tmp_path, holed)) == ring).all()
    other = (500_000.0, 4_099_900.0, 500_050.0, 4_100_000.0)
    both = ring.copy()
    both[:10, :5] = True
    point = {"type": "Point", "coordinates": polygon((500_900, 4_099_100, 500_910, 4_099_110))["coordinates"][0][0]}
    line = {"type": "LineString", "coordinates": polygon((500_700, 4_099_100, 500_910, 4_099_910))["coordinates"][0]}
    features = [feature(each) for each in (holed, polygon(other), point, line)]
    assert (found(write(tmp_path, {"type": "FeatureCollection", "features": features})) == both).all()
    mixed = {"type": "GeometryCollection", "geometries": [point, holed, line, polygon(other)]}
    assert (found(write(tmp_path, mixed)) == both).all()


def test_polygons_that_reach_far(found: Found, tmp_path: Path) -> None:
    """The whole world and a country do not fit into the scene's CRS; their part at the scene does."""
    world = {"type": "Polygon", "coordinates": [[[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]]}
    assert found(write(tmp_path, world)).all()
    middle = float(np.mean([point[0] for point in polygon((500_480, 4_099_000, 500_480, 4_100_000))["coordinates"][0]]))
    east = {"type": "Polygon", "coordinates": [[[middle, -80], [179, -80], [179, 80], [middle, 80], [middle, -80]]]}
    selected = found(write(tmp_path, east))
    assert not selected[:, :47].any() and selected[:, 49:].all()


def test_polygons_that_cross_themselves_or_have_heights(found: Found, tmp_path: Path) -> None:
    a, b, c, d, _ = polygon(BOX)["coordinates"][0]
    selected = found(write(tmp_path, {"type": "Polygon", "coordinates": [[a, c, b, d, a]]}))
    assert 0.3 < selected.sum() / INSIDE.sum() < 0.7 and not selected[~INSIDE].any()
    high = [[[*point, 120.0] for point in (a, b, c, d, a)]]
    assert (found(write(tmp_path, {"type": "Polygon", "coordinates": high})) == INSIDE).all()


@pytest.mark.parametrize("crs", [UTM, "EPSG:4326", "EPSG:3857", "EPSG:32611"])
@pytest.mark.parametrize("suffix", ["gpkg", "shp", "fgb"])
def test_other_vector_files(found: Found, tmp_path: Path, crs: str, suffix: str) -> None:
    pytest.importorskip("pyogrio")
    shapely = pytest.importorskip("shapely")
    shapes = [shapely.geometry.shape(polygon(BOX, crs))]
    path = write_vector(tmp_path / f"region.{suffix}", shapes, crs)
    assert (found(path) == INSIDE).all()


def write_vector(path: Path, shapes: list[Any], crs: str | None, kind: str = "Polygon", **how: Any) -> str:
    pyogrio, shapely = pytest.importorskip("pyogrio"), pytest.importorskip("shapely")
    geometries = np.array([shapely.to_wkb(each) for each in shapes], object)
    pyogrio.raw.write(path, geometries, [], np.array([]), geometry_type=kind, crs=crs, **how)
    return str(path)


@pytest.mark.filterwarnings("error::UserWarning")
def test_of_several_layers_the_first(found: Found, tmp_path: Path) -> None:
    shapely = pytest.importorskip("shapely")
    path = tmp_path / "layers.gpkg"
    write_vector(path, [shapely.box(*BOX)], UTM, layer="first")
    write_vector(path, [shapely.box(500_000, 4_099_000, 500_100, 4_099_100)], UTM, layer="second", append=True)
    assert (found(str(path)) == INSIDE).all()


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
@pytest.mark.filterwarnings("ignore:A geometry of type POINT")
def test_vector_files_that_cannot_be_used(scene: GeoSource, tmp_path: Path) -> None:
    shapely = pytest.importorskip("shapely")
    box = shapely.box(*BOX)
    cases = {
        write_vector(tmp_path / "nowhere.shp", [box], None): "has no CRS; save it",
        write_vector(tmp_path / "points.gpkg", [box.centroid], UTM, "Point"): "holds no polygon; draw",
        write_vector(tmp_path / "empty.gpkg", [], UTM): "holds no polygon; draw",
        write_vector(tmp_path / "far.gpkg", [shapely.box(0, 0, 10, 10)], UTM): "does not meet the scene",
        write(tmp_path, "no shapes", "bad.gpkg"): "cannot be read as polygons; export",
        write(tmp_path, "no shapes", "bad.shp"): "cannot be read as polygons; export",
        str(tmp_path / "missing.gpkg"): "does not exist; check",
    }
    for path, said in cases.items():
        refused(path, said, scene)


def refused(text: str, said: str, scene: GeoSource) -> None:
    with pytest.raises(InputError, match=said) as told:
        find_region(text, scene)
    message = str(told.value)
    assert message.endswith(".") and message.count("; ") == 1 and "\n" not in message, message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is no valid GeoJSON"),
        ("polygons", "is no valid GeoJSON"),
        ([1, 2], "is no valid GeoJSON"),
        ({"coordinates": []}, "is no valid GeoJSON"),
        ({"type": "FeatureCollection", "features": None}, "is no valid GeoJSON"),
        (feature("somewhere"), "is no valid GeoJSON"),
        (feature({"a": 1}), "is no valid GeoJSON"),
        ({"type": "Polygon", "coordinates": [1, 2]}, "is no valid GeoJSON"),
        ({"type": "Polygon", "coordinates": [[[1, 2], [3, 4]]]}, "is no valid GeoJSON"),
        ({"type": "Polygon", "coordinates": [[["a", "b"], [1, 2], [3, 4]]]}, "is no valid GeoJSON"),
        ('{"type": "Polygon", "coordinates": [[[NaN, 1], [2, 2], [3, 3], [NaN, 1]]]}', "is no valid GeoJSON|not meet"),
        ({"type": "FeatureCollection", "features": []}, "holds no polygon"),
        ({"type": "FeatureCollection", "features": [feature(None)]}, "holds no polygon"),
        ({"type": "Polygon", "coordinates": []}, "holds no polygon"),
        ({"type": "Polygon", "coordinates": [[]]}, "holds no polygon"),
        ({"type": "Point", "coordinates": [-123, 37]}, "holds no polygon"),
        ({"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [-123, 37]}]}, "no polygon"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [0, 1], [1, 1], [0, 0]]]}, "does not meet the scene"),
        ({"type": "Polygon", "coordinates": [[[37, -123], [37, -122], [38, -122], [37, -123]]]}, "does not meet"),
    ],
)
def test_geojson_that_cannot_be_used(scene: GeoSource, tmp_path: Path, content: Any, said: str) -> None:
    refused(write(tmp_path, content), said, scene)


def test_geojson_of_an_unknown_crs(scene: GeoSource, tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    named = {"type": "name", "properties": {"name": "EPSG:99999"}}
    text = write(tmp_path, {"type": "FeatureCollection", "crs": named, "features": [feature(polygon(BOX))]})
    refused(text, "cannot be brought into the scene's CRS", scene)
    assert capfd.readouterr() == ("", "")


def test_places_that_cannot_be(scene: GeoSource, draw: Draw, pixels: Pixels, tmp_path: Path) -> None:
    for text, said in {
        "1,2,3": "is not x,y,w,h in whole pixels",
        "1.5,2,3,4": "is not x,y,w,h in whole pixels",
        "1,2,0,4": "has no area",
        "1,2,3,-4": "has no area",
        "90,2,10,4": "lies off the scene of 96×96 px",
        "-1,2,10,4": "lies off the scene",
        "map:1,2,3": "is not map:left,bottom,right,top",
        "map:1,2,3,x": "is not map:left,bottom,right,top",
        "map:500300,4099460,500300,4099700": "has no area",
        "map:500300,4099700,500600,4099460": "has no area",
        "map:0,0,10,10": "does not meet the scene",
        str(tmp_path / "missing.tif"): "does not exist",
        str(tmp_path / "missing.geojson"): "does not exist",
        write(tmp_path, "text", "mask.tif"): "cannot be read as a raster",
    }.items():
        refused(text, said, scene)
    nowhere = open_source(draw(pixels(), "nowhere.tif", crs=None, transform=None, nodata=0))
    refused("map:0,0,10,10", "is in map coordinates and .* has none", nowhere)
    refused(write(tmp_path, polygon(BOX)), "has no CRS, so", nowhere)


@pytest.mark.parametrize("crs", [UTM, "EPSG:3857", "EPSG:4326"])
def test_a_mask_in_any_crs(draw: Draw, found: Found, crs: str) -> None:
    left, bottom, right, top = rasterio.warp.transform_bounds(UTM, crs, 499_000, 4_098_000, 502_000, 4_101_000)
    side = 1500
    place = rasterio.transform.from_bounds(left, bottom, right, top, side, side)
    shape = polygon(BOX, crs)
    values = rasterio.features.rasterize([shape], (side, side), transform=place)[None].astype(np.uint8) * 200
    selected = found(str(draw(values, "mask.tif", crs=crs, transform=place, compress="DEFLATE")))
    assert (selected != INSIDE).sum() <= (0 if crs == UTM else 60)
    assert selected[31:53, 31:59].all() and not selected[:29].any() and not selected[:, 61:].any()


def test_a_mask_of_the_world(draw: Draw, found: Found) -> None:
    values = np.ones((1, 90, 180), np.uint8)
    path = draw(values, "mask.tif", crs="EPSG:4326", transform=rasterio.Affine(2, 0, -180, 0, -2, 90))
    assert found(str(path)).all()


def test_masks_without_a_crs_lie_on_the_pixels(scene: GeoSource, tmp_path: Path, found: Found) -> None:
    picture = Image.fromarray(INSIDE).convert("L")
    picture.save(tmp_path / "mask.png")
    assert (found(str(tmp_path / "mask.png")) == INSIDE).all()
    picture.save(tmp_path / "mask.jpg", quality=70)
    assert (found(str(tmp_path / "mask.jpg")) != INSIDE).mean() < 0.02
    blue = np.zeros((96, 96, 3), np.uint8)
    blue[INSIDE] = 0, 0, 255
    Image.fromarray(blue).save(tmp_path / "blue.png")
    assert (found(str(tmp_path / "blue.png")) == INSIDE).all()
    picture.crop((0, 0, 96, 90)).save(tmp_path / "low.png")
    refused(str(tmp_path / "low.png"), "has 96×90 px and no CRS, and the scene has 96×96 px; give", scene)


def test_what_a_mask_does_not_select(scene: GeoSource, draw: Draw, found: Found) -> None:
    values = np.zeros((1, 96, 96), np.float32)
    values[0, :10] = np.nan
    values[0, INSIDE] = -2.0
    assert (found(str(draw(values, "nan.tif"))) == INSIDE).all()
    values = np.full((1, 96, 96), 255, np.uint8)
    values[0, INSIDE] = 1
    assert (found(str(draw(values, "nodata.tif", nodata=255))) == INSIDE).all()
    refused(str(draw(np.zeros((1, 96, 96), np.uint8), "empty.tif")), "selects nothing of", scene)
    far = draw(values, "far.tif", transform=rasterio.Affine(10, 0, 0, 0, -10, 9000))
    refused(str(far), "does not meet the scene", scene)
    beside = np.zeros((1, 96, 192), np.uint8)
    beside[:, :, 150:] = 1
    refused(str(draw(beside, "beside.tif")), "selects nothing of", scene)


@pytest.mark.parametrize("place", [(8.0, 5.0, 3e5, 5.0, -8.0, 4e6), (10.0, 0.0, 3e5, 0.0, 10.0, 4e6)])
def test_turned_scenes(draw: Draw, pixels: Pixels, tmp_path: Path, place: tuple[float, ...]) -> None:
    transform = rasterio.Affine(*place)
    turned = open_source(draw(pixels(), "turned.tif", transform=transform))

    def at(column: float, row: float) -> list[float]:
        a, b, c, d, e, f = place
        return [a * column + b * row + c, d * column + e * row + f]

    ring = [at(30, 30), at(60, 30), at(60, 54), at(30, 54), at(30, 30)]
    shape = rasterio.warp.transform_geom(UTM, "EPSG:4326", {"type": "Polygon", "coordinates": [ring]})
    selected = mask_in(find_region(write(tmp_path, dict(shape)), turned), WHOLE)
    assert (selected == INSIDE).all()
    mask = draw(INSIDE[None].astype(np.uint8), "mask.tif", transform=transform)
    assert (mask_in(find_region(str(mask), turned), WHOLE) == INSIDE).all()
    centre = at(48, 48)
    text = f"map:{centre[0] - 60},{centre[1] - 60},{centre[0] + 60},{centre[1] + 60}"
    box = mask_in(find_region(text, turned), WHOLE)
    rows, columns = np.nonzero(box)
    xs, ys = np.array([at(column + 0.5, row + 0.5) for column, row in zip(columns, rows, strict=True)]).T
    assert np.abs(xs - centre[0]).max() <= 60 and np.abs(ys - centre[1]).max() <= 60
    assert box.sum() == pytest.approx(120 * 120 / abs(transform.determinant), rel=0.1)
