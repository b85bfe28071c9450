"""What is done with hostile files and texts: every reader of the package, and what a valid result has to be."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import fuzz_mutations as m
import numpy as np
import torch
from comfyui_sinddm_rs.batch.datasets import dataset_jobs
from comfyui_sinddm_rs.batch.jobs import Job, job_name, read_jobs
from comfyui_sinddm_rs.batch.labels import READERS, read_region
from comfyui_sinddm_rs.batch.layout import read_records
from comfyui_sinddm_rs.batch.pictures import open_picture
from comfyui_sinddm_rs.evaluation.plan import read_tasks
from comfyui_sinddm_rs.evaluation.ratings import agreement, read_ratings
from comfyui_sinddm_rs.evaluation.records import RECORD, read_record
from comfyui_sinddm_rs.geo.bands import parse_rgb
from comfyui_sinddm_rs.geo.documents import open_document
from comfyui_sinddm_rs.geo.regions import find_region
from comfyui_sinddm_rs.geo.source import open_source
from comfyui_sinddm_rs.guidance.guides import load_guide
from comfyui_sinddm_rs.guidance.prompting.cache import CacheKey, read_cached
from comfyui_sinddm_rs.guidance.prompting.llm import LlmSettings, clean_prompts, read_prompts
from comfyui_sinddm_rs.guidance.prompting.prompts import make_ensemble, parse_prompts
from comfyui_sinddm_rs.guidance.settings import EditSettings, check_prompt
from comfyui_sinddm_rs.rasters.files import read_raster
from comfyui_sinddm_rs.rasters.names import inside
from comfyui_sinddm_rs.rasters.regions import read_mask, read_roi
from comfyui_sinddm_rs.sinddm.network.model_file import KEY, load_model
from comfyui_sinddm_rs.sinddm.network.official import import_official
from fuzz_nodes import node, save_name
from fuzz_seeds import SIDE, Seeds, scene_cut
from torch import Tensor

Draw = np.random.Generator
Try = Callable[[Draw, Path, Mapping[str, Seeds]], None]
"""One input: drawn, put into the empty folder if it is a file, and given to the package."""

SIZE = (SIDE, SIDE)
LIST_NAMES = ("jobs.csv", "jobs.tsv", "jobs.jsonl")
ROW = {"image": "scene.png", "prompt": "a fire", "roi": "1,2,9,9", "seed": 3, "n": 2}
RATINGS = "rater,code,fidelity,quality,seconds\nA,c1,1,5,2.5\nA,c2,3,3,0\nB,c1,2,2,9\n"
VOC = (
    "<annotation><object><bndbox><xmin>3</xmin><ymin>4</ymin><xmax>20</xmax><ymax>30</ymax></bndbox></object>"
    "</annotation>"
)
XBD = {"features": {"xy": [{"wkt": "POLYGON ((1 1, 20 1, 20 20, 1 20, 1 1), (4 4, 9 4, 9 9, 4 4))"}]}}
DONE = {
    "digest": "d", "stamps": [[1, 2], None],
    "manifest": {"name": "a", "A": "A/a.png", "B": "B/a.png", "label": "label/a.png"},
}  # fmt: skip
RECORDED = {
    "key": "k", "scene": "s", "prompt": "p", "roi": "", "method": "m", "seed": 1, "version": "1", "settings": "x",
    "parameters": {}, "seconds": 1.0, "picture": "edit.png", "scoring": "", "measures": {}, "scores": {},
    "warnings": [], "failure": None,
}  # fmt: skip
ANSWER = '<think>x</think> Sure: ```json\n{"prompts": ["a burning wood", "flames over trees"]}\n```\n1. smoke\n- haze\n'


def _file(draw: Draw, folder: Path, seeds: Seeds, sound: Callable[[str, bytes], bytes] | None = None) -> Path:
    suffix, data = seeds[draw.integers(len(seeds))]
    other = seeds[draw.integers(len(seeds))][1]
    if draw.random() > 0.03:
        data = m.mutated_bytes(draw, data, other)
        data = sound(suffix, data) if sound is not None and draw.random() < 0.6 else data
    if draw.random() < 0.05:
        suffix = seeds[draw.integers(len(seeds))][0]
    path = folder / f"input{suffix}"
    path.write_bytes(data)
    return path


def _check_unit(pixels: Tensor) -> None:
    assert bool(torch.isfinite(pixels).all()), "not finite"
    assert float(pixels.min()) >= 0.0 and float(pixels.max()) <= 1.0, "outside 0…1"


def _sound(suffix: str, data: bytes) -> bytes:
    return m.sound_png(data) if suffix == ".png" else data


def picture(draw: Draw, folder: Path, seeds: Mapping[str, Seeds]) -> None:
    path = _file(draw, folder, seeds["picture"], _sound)
    if draw.random() < 0.3:
        _check_unit(read_mask(path, SIZE))
        return
    job = Job("a", path.name, "a fire", 0, "", folder)
    raster = open_picture(job).pixels if draw.random() < 0.3 else read_raster(path).pixels
    assert raster.ndim == 3
    _check_unit(raster)


def geotiff(draw: Draw, folder: Path, seeds: Mapping[str, Seeds]) -> None:
    path = _file(draw, folder, seeds["geotiff"])
    roi = None if draw.random() < 0.6 else _region_text(draw)
    document = open_document(path, roi)
    _check_unit(document.pixels)
    assert document.roi is None or document.roi.shape == document.pixels.shape[-2:]


def _region_text(draw: Draw) -> str:
    if draw.random() < 0.4:
        return m.mutated_text(draw, ("1,2,9,9", "map:500050,4099700,500250,4099900")[draw.integers(2)])
    numbers = [str(m.any_number(draw) if draw.random() < 0.2 else int(draw.integers(-5, 60))) for _ in range(4)]
    return ("map:" if draw.random() < 0.3 else "") + ",".join(numbers)


def region(draw: Draw, folder: Path, seeds: Mapping[str, Seeds]) -> None:
    text = _region_text(draw) if draw.random() < 0.8 else m.any_text(draw)
    kind = draw.integers(3)
    if kind == 0:
        assert len(parse_rgb(text)) == 3
    elif kind == 1:
        _check_unit(read_roi(text, SIZE))
    else:
        scene = folder / "scene.tif"
        scene.write_bytes(seeds["geotiff"][0][1])
        found = find_region(text, open_source(scene))
        assert found.mask.any() and 0 <= found.window.top < found.window.bottom <= SIDE


def vector(draw: Draw, folder: Path, seeds: Mapping[str, Seeds]) -> None:
    scene = folder / "scene.tif"
    scene.write_bytes(seeds["geotiff"][0][1])
    suffix, data = seeds["vector"][draw.integers(len(seeds["vector"]))]
    if suffix == ".geojson" and draw.random() < 0.7:
        path = folder / "input.geojson"
        path.write_bytes(m.written_json(m.mutated_json(draw, json.loads(data))))
    else:
        path = _file(draw, folder, seeds["vector"])
    assert find_region(str(path), open_source(scene)).mask.any()


def _tensors(draw: Draw, folder: Path, seeds: Seeds, key: str) -> Path:
    suffix, data = seeds[draw.integers(len(seeds))]
    if suffix != ".safetensors" or draw.random() < 0.2:
        return _file(draw, folder, seeds)
    path = folder / f"input{suffix}"
    path.write_bytes(m.mutated_safetensors(draw, data, key))
    return path


def model(draw: Draw, folder: Path, seeds: Mapping[str, Seeds]) -> None:
    loaded = load_model(_tensors(draw, folder, seeds["model"], KEY))
    assert loaded.image.shape[0] == loaded.network.channels and loaded.scales >= 1
    noise = loaded.network(torch.zeros(1, loaded.network.channels, 8, 8), 0, 0)
    assert noise.shape == (1, loaded.network.channels, 8, 8)


def guide(draw: Draw, folder: Path, seeds: Mapping[str, Seeds]) -> None:
    kind = "compact" if draw.random() < 0.3 else "weights"
    loaded = load_guide(str(_tensors(draw, folder, seeds[kind], "none")))
    assert bool(torch.isfinite(loaded.embed_texts(["a fire"])).all())


def official(draw: Draw, folder: Path, seeds: Mapping[str, Seeds]) -> None:
    image = torch.from_numpy(scene_cut()).permute(2, 0, 1).float() / 127.5 - 1.0
    import_official(_file(draw, folder, seeds["official"]), image)


def jobs(draw: Draw, folder: Path, _seeds: Mapping[str, Seeds]) -> None:
    (folder / "scene.png").write_bytes(b"x")
    path = folder / LIST_NAMES[draw.integers(3)]
    if path.suffix == ".jsonl" and draw.random() < 0.7:
        rows = [m.mutated_json(draw, ROW) for _ in range(2)]
        path.write_bytes(b"\n".join(map(m.written_json, rows)))
    else:
        comma = "\t" if path.suffix == ".tsv" else ","
        text = comma.join(ROW) + "\n" + comma.join(f'"{each}"' for each in ROW.values()) + "\n"
        text = json.dumps(ROW) if path.suffix == ".jsonl" else text
        path.write_bytes(m.mutated_text(draw, text).encode("utf-8", "surrogatepass"))
    if draw.random() < 0.3:
        read_tasks(path)
        return
    for job in read_jobs(path).jobs:
        _check_name(job.name)


def _check_name(name: str) -> None:
    assert Path(name).name == name and not set(name) & set('/\\:*?"<>|\0'), f"no plain name: {name[:50]!r}"
    assert len(f"{name}.tif.aux.xml".encode()) <= 255, "too long"


def names(draw: Draw, folder: Path, _seeds: Mapping[str, Seeds]) -> None:
    text = m.NAMES[draw.integers(len(m.NAMES))] if draw.random() < 0.5 else m.any_text(draw)
    _check_name(job_name("train", 1, text, 0))
    _check_name(CacheKey(text, 3, text, "1").file_name)
    path = inside(folder, text)
    assert path.parent == folder
    _check_name(path.name)


def dataset(draw: Draw, folder: Path, _seeds: Mapping[str, Seeds]) -> None:
    kind = "boxes" if draw.random() < 0.5 else "buildings"
    path = folder / "label"
    if kind == "buildings" and draw.random() < 0.7:
        path.write_bytes(m.written_json(m.mutated_json(draw, XBD)))
    else:
        text = VOC if kind == "boxes" else json.dumps(XBD)
        path.write_bytes(m.mutated_text(draw, text).encode("utf-8", "surrogatepass"))
    READERS[kind](path)
    found = read_region(kind, path, SIZE)
    assert found is None or found.shape == SIZE
    name = ("aid", "xbd", "levir-cd", m.any_text(draw))[draw.integers(4)]
    dataset_jobs(name, folder, m.any_text(draw), seed=m.any_number(draw), count=m.any_number(draw))


def ratings(draw: Draw, folder: Path, _seeds: Mapping[str, Seeds]) -> None:
    path = folder / "ratings.csv"
    path.write_bytes(m.mutated_text(draw, RATINGS).encode("utf-8", "surrogatepass"))
    found = read_ratings([path], {"c1": "k1", "c2": "k2"})
    agreement(found)
    assert all(1 <= each.fidelity <= 5 for each in found)


def records(draw: Draw, folder: Path, _seeds: Mapping[str, Seeds]) -> None:
    """Written by the package itself, so that what is no record counts as none, without an error."""
    key = CacheKey("a fire", 3, "m", "1")
    cached = {"text": "a fire", "count": 3, "model": "m", "template_version": "1", "prompts": ["x"]}
    (folder / "done").mkdir()
    for place, value in (
        (folder / RECORD, RECORDED),
        (folder / "done" / "a.json", DONE),
        (folder / key.file_name, cached),
    ):
        deep = ("[" * 100_000).encode()
        place.write_bytes(deep if draw.random() < 0.02 else m.written_json(m.mutated_json(draw, value)))
    found = read_record(folder)
    assert found is None or found.picture is None or Path(found.picture).name == found.picture, "leads out"
    for record in read_records(folder).values():
        assert record.name == "a"
        record.is_current(Job("a", "x.png", "p", 0, "", folder), "d", folder)
    kept = read_cached(folder, key)
    assert kept is None or all(isinstance(each, str) for each in kept)


def prompts(draw: Draw, _folder: Path, _seeds: Mapping[str, Seeds]) -> None:
    text = m.any_text(draw) if draw.random() < 0.5 else m.mutated_text(draw, "a fire in the forest")
    kind = draw.integers(4)
    if kind == 0:
        found = parse_prompts(m.mutated_text(draw, "smoke:0.5\n# no\na | b:2\nflames"), text)
        assert all(0 < each.weight <= 100 for each in found.prompts)
    elif kind == 1:
        assert make_ensemble(text, "offline", int(draw.integers(1, 50))).request == check_prompt(text)
    elif kind == 2:
        EditSettings(
            seed=m.any_number(draw), strength=m.any_float(draw), candidates=int(draw.integers(-3, 99)),
            exemplars="auto" if draw.random() < 0.8 else text, preset="default" if draw.random() < 0.8 else text,
        )  # fmt: skip
    else:
        LlmSettings(text, m.any_text(draw), deadline=m.any_float(draw))


def answers(draw: Draw, _folder: Path, _seeds: Mapping[str, Seeds]) -> None:
    answer = m.mutated_text(draw, ANSWER * int(draw.integers(1, 40)))
    found = clean_prompts(read_prompts(answer), "a fire", 10)
    assert len(found) <= 10 and all(0 < len(each) <= 200 and each.isprintable() for each in found)


KINDS: Mapping[str, Try] = {
    "picture": picture,
    "geotiff": geotiff,
    "region": region,
    "vector": vector,
    "model": model,
    "guide": guide,
    "official": official,
    "jobs": jobs,
    "names": names,
    "dataset": dataset,
    "ratings": ratings,
    "records": records,
    "prompts": prompts,
    "answers": answers,
    "save": save_name,
    "node": node,
}
