"""Files that were made to do harm, each the smallest that once did: one sentence each, and nothing else is touched."""

from __future__ import annotations

import http.server
import io
import json
import struct
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from comfyui_sinddm_rs.batch.jobs import read_jobs
from comfyui_sinddm_rs.batch.layout import read_records
from comfyui_sinddm_rs.errors import InputError, OutputError
from comfyui_sinddm_rs.evaluation.plan import read_tasks
from comfyui_sinddm_rs.evaluation.records import read_record
from comfyui_sinddm_rs.geo.bands import parse_rgb
from comfyui_sinddm_rs.geo.files import is_on_earth
from comfyui_sinddm_rs.geo.regions import find_region
from comfyui_sinddm_rs.geo.source import open_source
from comfyui_sinddm_rs.guidance.blending import blend
from comfyui_sinddm_rs.guidance.clip.weights import read_weights
from comfyui_sinddm_rs.guidance.compact.guide import WEIGHTS, load_compact_guide
from comfyui_sinddm_rs.rasters.files import read_raster
from comfyui_sinddm_rs.rasters.regions import parse_roi
from comfyui_sinddm_rs.sinddm.network.architecture import new_network
from comfyui_sinddm_rs.sinddm.network.model import Origin, SinDDMModel
from comfyui_sinddm_rs.sinddm.network.model_file import KEY, load_model, model_bytes
from comfyui_sinddm_rs.sinddm.network.official import PREFIX, import_official
from PIL import Image
from safetensors.torch import load_file, save_file

POLYGON = {
    "type": "Polygon",
    "coordinates": [[[500050, 4099700], [500250, 4099700], [500250, 4099900], [500050, 4099700]]],
}


@pytest.mark.parametrize("suffix", [".kml", ".gpkg", ".shp", ".fgb"])
def test_a_virtual_layer_reads_no_other_file(suffix: str, placed: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.geojson"
    crs = {"type": "name", "properties": {"name": "EPSG:32610"}}
    other.write_text(json.dumps(POLYGON | {"crs": crs}))
    layer = f'<OGRVRTLayer name="other"><SrcDataSource>{other}</SrcDataSource></OGRVRTLayer>'
    path = tmp_path / f"region{suffix}"
    path.write_text(f"<OGRVRTDataSource>{layer}</OGRVRTDataSource>")
    pyogrio = pytest.importorskip("pyogrio")
    assert len(pyogrio.raw.read(path, columns=[])[2]) == 1  # what GDAL itself would do
    with pytest.raises(InputError, match="cannot be read as polygons"):
        find_region(str(path), open_source(placed))
    path.write_text(f"<!-- <kml> --><OGRVRTDataSource>{layer}</OGRVRTDataSource>")
    with pytest.raises(InputError, match="cannot be read as polygons"):
        find_region(str(path), open_source(placed))


def test_the_crs_of_a_geojson_is_fetched_from_nowhere(placed: Path, tmp_path: Path) -> None:
    asked: list[str] = []

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        name = f"http://127.0.0.1:{server.server_port}/crs"
        path = tmp_path / "region.geojson"
        path.write_text(json.dumps(POLYGON | {"crs": {"type": "name", "properties": {"name": name}}}))
        with pytest.raises(InputError, match="no valid GeoJSON"):
            find_region(str(path), open_source(placed))
        for address in (f"/vsicurl/{name}", name, f"/vsicurl/{name}.geojson", f"zip+{name}.tif"):
            with pytest.raises(InputError):
                find_region(address, open_source(placed))
        server.shutdown()
    assert asked == []


@pytest.mark.parametrize("text", ["9" * 5000 + ",1,2,3", "1,2,3," + "9" * 5000, "9" * 5000 + ",1,2"])
def test_numbers_of_thousands_of_digits(text: str, placed: Path) -> None:
    for read in (
        parse_rgb,
        lambda each: find_region(each, open_source(placed)),
        lambda each: parse_roi(each, (40, 40)),
    ):
        with pytest.raises(InputError):
            read(text)


@pytest.mark.parametrize("text", ["a\nb.png", "a\ud800.png", "a\0b.png"])
def test_regions_with_characters_that_no_path_has(text: str, placed: Path) -> None:
    with pytest.raises(InputError) as told:
        find_region(text, open_source(placed))
    assert str(told.value).isprintable()
    with pytest.raises(InputError) as told:
        read_raster(text)
    assert str(told.value).isprintable()


def test_a_place_that_cannot_be_inverted(placed: Path) -> None:
    rasterio = pytest.importorskip("rasterio")
    with rasterio.open(placed, "r+") as file:
        file.transform = rasterio.Affine(10, 20, 5, 10, 20, 5)
    with pytest.raises(InputError, match="what no place can be"):
        find_region("map:0,0,9,9", open_source(placed))


def _png_of(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b"")


def _tiff_of(shape: tuple[int, ...], dtype: str) -> bytes:
    """A TIFF that says it has this shape, and holds hardly any pixel."""
    out = io.BytesIO()
    small = np.zeros((16, 16, shape[2]), dtype)
    tifffile.imwrite(out, small, photometric="minisblack", planarconfig="contig", compression="zlib", metadata=None)
    data = bytearray(out.getvalue())
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        for code, value in ((257, shape[0]), (256, shape[1]), (278, shape[0])):
            tag = file.pages[0].tags[code]
            data[tag.offset + 2 : tag.offset + 12] = struct.pack("<HII", 4, 1, value)
    return bytes(data)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("bomb.png", lambda: _png_of(60_000, 60_000)),
        ("bomb.tif", lambda: _tiff_of((60_000, 60_000, 3), "uint8")),
        ("deep.tif", lambda: _tiff_of((2048, 2048, 900), "float64")),
    ],
)
def test_bombs_take_no_memory(
    name: str, data: Callable[[], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = Image.MAX_IMAGE_PIXELS
    path = tmp_path / name
    path.write_bytes(data())

    def unpacked(*_: Any, **__: Any) -> None:
        raise AssertionError("memory was taken")

    monkeypatch.setattr(tifffile.TiffPage, "asarray", unpacked)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", unpacked)
    with pytest.raises(InputError, match="far more pixels"):
        read_raster(path)
    assert Image.MAX_IMAGE_PIXELS == limit is not None


def test_pages_of_a_tiff_that_lead_back(tmp_path: Path) -> None:
    out = io.BytesIO()
    tifffile.imwrite(out, np.arange(1600, dtype=np.uint16).reshape(40, 40), metadata=None)
    data = bytearray(out.getvalue())
    first = int.from_bytes(data[4:8], "little")
    end = first + 2 + 12 * int.from_bytes(data[first : first + 2], "little")
    data[end : end + 4] = struct.pack("<I", first)
    path = tmp_path / "endless.tif"
    path.write_bytes(data)
    with pytest.raises(InputError, match="pages or more"):
        read_raster(path)
    assert not is_on_earth(path)


def _model() -> SinDDMModel:
    network = new_network(8, 3, torch.Generator().manual_seed(0)).eval().requires_grad_(False)
    return SinDDMModel(network, torch.zeros(3, 40, 40), 1.5, (0.5,), "cosine", Origin("fast", 3, "0" * 64))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("width",), 10**9),
        (("width",), 0),
        (("width",), float("inf")),
        (("width",), 10**400),
        (("bands",), 4),
        (("pyramid", "details"), [float("nan")]),
        (("pyramid", "details"), [0.5] * 1000),
        (("pyramid", "factor"), 0.0),
        (("pyramid", "size"), [40]),
        (("schedule",), []),
        (("value_range", "dtype"), "object"),
        (("value_range", "high"), float("inf")),
    ],
)
def test_headers_of_models_that_lie(place: tuple[str, ...], value: object, tmp_path: Path) -> None:
    data = model_bytes(_model())
    length = int.from_bytes(data[:8], "little")
    whole = json.loads(data[8 : 8 + length])
    header = json.loads(whole["__metadata__"][KEY])
    *way, last = place
    part = header
    for each in way:
        part = part[each]
    part[last] = value
    whole["__metadata__"][KEY] = json.dumps(header)
    text = json.dumps(whole).encode()
    path = tmp_path / "m.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])
    with pytest.raises(InputError, match="is damaged"):
        load_model(path)


def test_models_and_guides_of_no_numbers(tmp_path: Path) -> None:
    model = _model()
    next(model.network.parameters()).view(-1)[0] = float("nan")
    (tmp_path / "m.safetensors").write_bytes(model_bytes(model))
    with pytest.raises(InputError, match="no finite numbers"):
        load_model(tmp_path / "m.safetensors")
    tensors = load_file(WEIGHTS)
    next(iter(tensors.values())).view(-1)[0] = float("inf")
    save_file(tensors, tmp_path / "g.safetensors", {"format": "sinddm-rs-compact-guide", "version": "1"})
    with pytest.raises(InputError, match="no finite numbers"):
        load_compact_guide(path=tmp_path / "g.safetensors")


@pytest.mark.parametrize("name", ["final_conv.0.weight", "l1.ds_conv.weight"])
def test_an_official_checkpoint_whose_tensors_are_endless(name: str, tmp_path: Path) -> None:
    weights = {f"{PREFIX}{key}": each for key, each in _model().network.state_dict().items()}
    weights[f"{PREFIX}{name}"] = torch.ones(1).expand(3, 10**9, 100, 100)
    torch.save({"ema": weights | {"gammas": torch.tensor(1.0)}}, tmp_path / "model-1.pt")
    with pytest.raises(InputError, match="does not fit"):
        import_official(tmp_path / "model-1.pt", torch.rand(3, 40, 40) * 2 - 1)


class _RunsCode:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return exec, ("raise AssertionError('code was run')",)


@pytest.mark.parametrize("new", [True, False])
def test_pickles_run_no_code(new: bool, tmp_path: Path) -> None:
    path = tmp_path / "model-1.pt"
    torch.save({"ema": _RunsCode()}, path, _use_new_zipfile_serialization=new)
    for read in (read_weights, load_model, lambda each: import_official(each, torch.rand(3, 40, 40))):
        with pytest.raises(InputError):
            read(path)


def test_archives_with_names_of_no_text(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    torch.save({"a": torch.ones(2)}, path)
    data = path.read_bytes()
    at = data.rindex(b"PK\x01\x02")
    path.write_bytes(data[: at + 8] + b"\0\x08" + data[at + 10 : at + 46] + b"\xff" + data[at + 47 :])
    with pytest.raises(InputError, match="half-downloaded"):
        read_weights(path)


@pytest.mark.parametrize("image", ["x" * 5000, "a\\u0000b", "a\\ud800"])
def test_lists_with_paths_that_cannot_be(image: str, tmp_path: Path) -> None:
    (tmp_path / "jobs.jsonl").write_text(f'{{"image": "{image}", "prompt": "a fire"}}')
    with pytest.raises(InputError):
        read_jobs(tmp_path / "jobs.jsonl")
    (tmp_path / "tasks.tsv").write_text(f"prompt\tscene\na fire\t{'x' * 5000}\n")
    with pytest.raises(InputError, match="there is no scene"):
        read_tasks(tmp_path / "tasks.tsv")


@pytest.mark.parametrize("picture", ["../edit.png", "/etc/passwd", ["edit.png"], 7, "a\\b.png", "CON"])
def test_records_whose_picture_leads_out(picture: object, tmp_path: Path) -> None:
    texts = dict.fromkeys(("key", "scene", "prompt", "roi", "method", "version", "settings"), "x")
    record = {**texts, "seed": 1, "parameters": {}, "warnings": [], "picture": "edit.png"}
    (tmp_path / "record.json").write_text(json.dumps(record))
    assert read_record(tmp_path) is not None
    (tmp_path / "record.json").write_text(json.dumps(record | {"picture": picture}))
    assert read_record(tmp_path) is None


def test_records_that_are_too_deep(tmp_path: Path) -> None:
    (tmp_path / "done").mkdir()
    for path in (tmp_path / "record.json", tmp_path / "done" / "a.json"):
        path.write_text("[" * 100_000)
    assert read_record(tmp_path) is None and read_records(tmp_path) == {}


def test_blends_of_pictures_in_another_unit() -> None:
    picture = torch.rand(3, 40, 40)
    with pytest.raises(InputError, match="outside 0…1"):
        blend(picture * 255, picture, torch.ones(40, 40))


def test_what_a_message_quotes_stays_one_line() -> None:
    for kind in (InputError, OutputError):
        message = str(kind("The name 'a\r\n\x1b[31m\u202e\ud800" + "x" * 100_000 + "' is bad; choose another."))
        assert message.isprintable() and len(message) < 5000 and message.endswith("choose another.")
