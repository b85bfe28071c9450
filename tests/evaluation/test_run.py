"""The runner: what it makes, keeps, and does not make twice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from comfyui_sinddm_rs.errors import InputError, OutputError
from comfyui_sinddm_rs.evaluation.measures import changed_region
from comfyui_sinddm_rs.evaluation.pictures import edited_pixels
from comfyui_sinddm_rs.evaluation.plan import Job, Task, make_plan
from comfyui_sinddm_rs.evaluation.records import read_record
from comfyui_sinddm_rs.evaluation.run import Entrant, Evaluation, RunProgress, picture_path, run_jobs
from comfyui_sinddm_rs.evaluation.scorers import Scorer, load_scorers
from comfyui_sinddm_rs.guidance.guides import load_guide
from comfyui_sinddm_rs.guidance.scores import score_edit
from comfyui_sinddm_rs.rasters.bundled import scene_path
from comfyui_sinddm_rs.rasters.files import read_raster
from comfyui_sinddm_rs.rasters.regions import read_roi
from PIL import Image
from torch import Tensor

TEXT = "A fire in the forest"
ROI = "10,12,30,28"


class Painter:
    """A method that paints the region, or a square, in a colour of the seed, and counts its edits."""

    name = "painter"

    def __init__(self) -> None:
        self.edits = 0

    def edit(self, image: Tensor, request: str, region: Tensor | None, seed: int) -> Tensor:  # noqa: ARG002
        self.edits += 1
        edited = image.clone()
        where = torch.zeros(image.shape[-2:]) if region is None else region
        if region is None:
            where[8:40, 8:40] = 1.0
        colour = torch.tensor([0.9, 0.4, 0.1 + 0.1 * seed])[:, None, None]
        return torch.where(where > 0, 0.3 * edited + 0.7 * colour, edited)


class Failing(Painter):
    """A method that fails as it was told to."""

    name = "failing"

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def edit(self, image: Tensor, request: str, region: Tensor | None, seed: int) -> Tensor:  # noqa: ARG002
        raise self.error


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    with Image.open(scene_path("forest")) as image:
        image.convert("RGB").crop((100, 100, 164, 160)).save(tmp_path / "wood.png")
    return tmp_path / "wood.png"


@pytest.fixture
def tasks(scene: Path) -> tuple[Task, ...]:
    return Task(scene, TEXT), Task(scene, TEXT, ROI)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


@pytest.fixture(scope="module")
def scorers() -> tuple[Scorer, ...]:
    return load_scorers(["compact"])


@pytest.fixture(autouse=True)
def quick_unguided_scene(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing a new scene takes longer than all else here; a shifted one is as different."""

    def shifted(image: Tensor, size: tuple[int, int], seed: int) -> Tensor:
        assert image.shape[-2:] == size and seed == 0
        return image.roll(7, -1) * 0.9

    monkeypatch.setattr("comfyui_sinddm_rs.evaluation.scenes.new_scene", shifted)


Run = Callable[..., Evaluation]


@pytest.fixture
def run(tasks: tuple[Task, ...], folder: Path, scorers: tuple[Scorer, ...]) -> Run:
    """Run a method over both tasks and two seeds."""

    def run(method: Painter, parameters: dict[str, int] | None = None, **more: object) -> Evaluation:
        entrants = {method.name: Entrant(method, parameters or {})}
        given = {"jobs": make_plan(tasks, [method.name], (0, 1)), "scorers": scorers} | more
        return run_jobs(entrants=entrants, folder=folder, **given)  # type: ignore[arg-type]

    return run


def test_a_record_tells_how_it_was_made_and_what_was_measured(
    run: Run, folder: Path, scorers: tuple[Scorer, ...]
) -> None:
    told: list[RunProgress] = []
    found = run(Painter(), {"steps": 7}, tell=told.append)
    assert [each.seed for each in found.records] == [0, 1, 0, 1] and found.seeds == [0, 1] and not found.failed
    whole, region = found.records[0], found.records[2]
    assert (whole.scene, whole.prompt, whole.roi, whole.method) == ("wood.png", TEXT, "", "painter")
    assert whole.parameters == {"steps": 7} and len(whole.settings) == 64 and whole.seconds >= 0
    assert (whole.measures["seam"], whole.measures["exact_outside"]) == (None, None)
    assert region.measures["exact_outside"] == 1.0 and region.measures["ssim_outside"] == 1.0
    assert region.measures["seam"] > region.measures["seam_source"] and region.measures["sharpness"] < 0.3
    assert region.measures["visible_share"] == pytest.approx(30 * 28 / (64 * 60), abs=1e-4)
    assert whole.measures["patch_swd_ratio"] > 0
    scores = region.scores[scorers[0].identity]
    assert scores["event"]["event"] == "fire" and scores["scorer"] == "compact"
    assert [each.done for each in told] == [1, 2, 3, 4] and {each.total for each in told} == {4}
    assert told[-1].remaining == 0.0 < told[0].remaining
    kept = json.loads((folder / "results" / region.key / "record.json").read_text())
    assert kept["settings"] == region.settings and read_record(folder / "results" / region.key) == region


def test_scores_are_those_of_the_command_on_the_picture_that_was_written(
    run: Run, folder: Path, tasks: tuple[Task, ...], scorers: tuple[Scorer, ...]
) -> None:
    record = run(Painter()).records[2]
    source = read_raster(tasks[1].scene)
    edited = edited_pixels(picture_path(folder, record), source)
    region = read_roi(ROI, source.size)
    scores = score_edit(edited, TEXT, guide=load_guide("compact"), source=source.pixels, mask=region).summary()
    assert {key: scores[key] for key in ("clip_score", "clip_score_source", "clip_score_region", "directional")} == {
        key: value for key, value in record.scores[scorers[0].identity].items() if key not in ("scorer", "event")
    }
    assert scores["patch_swd"] == record.measures["patch_swd"]
    assert torch.equal(changed_region(edited, source.pixels, region), region)


def test_a_second_run_makes_nothing_again(run: Run) -> None:
    method = Painter()
    first = run(method)
    told: list[RunProgress] = []
    second = run(method, tell=told.append)
    assert method.edits == 4 and second.records == first.records and told == []


def test_an_interrupted_run_goes_on(run: Run) -> None:
    class Interrupted(Painter):
        def edit(self, image: Tensor, request: str, region: Tensor | None, seed: int) -> Tensor:
            if self.edits == 2:
                raise KeyboardInterrupt
            return super().edit(image, request, region, seed)

    with pytest.raises(KeyboardInterrupt):
        run(Interrupted())
    method = Painter()
    assert len(run(method).records) == 4 and method.edits == 2


@pytest.mark.parametrize("change", ["parameters", "scene", "region", "record", "picture", "version"])
def test_what_was_made_otherwise_is_made_again(
    run: Run, folder: Path, scene: Path, tasks: tuple[Task, ...], change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mask = scene.with_name("mask.png")
    Image.fromarray(np.pad(np.full((20, 20), 255, np.uint8), ((10, 30), (10, 34)))).save(mask)
    jobs = [Job(replace(tasks[0], roi=str(mask)), "painter", 0)]
    record = run(Painter(), {"steps": 1}, jobs=jobs).records[0]
    place = folder / "results" / record.key
    if change == "scene":
        pixels = np.asarray(Image.open(scene)).copy()
        pixels[0, 0] ^= 1
        Image.fromarray(pixels).save(scene)
    elif change == "region":
        Image.fromarray(np.pad(np.full((20, 20), 255, np.uint8), ((10, 30), (11, 33)))).save(mask)
    elif change == "record":
        (place / "record.json").write_text('{"key": "of another version"}')
    elif change == "picture":
        (place / "edit.png").unlink()
    elif change == "version":
        monkeypatch.setattr("comfyui_sinddm_rs.evaluation.records.package_version", lambda: "9.9")
    method = Painter()
    again = run(method, {"steps": 2 if change == "parameters" else 1}, jobs=jobs).records[0]
    assert method.edits == 1 and again.key == record.key and (place / "edit.png").is_file()
    assert (again.settings == record.settings) == (change in ("record", "picture"))


def test_a_further_scorer_scores_what_is_there(run: Run, scorers: tuple[Scorer, ...]) -> None:
    method = Painter()
    run(method)
    second = Scorer("second", "second 1", scorers[0].guide)
    found = run(method, scorers=(*scorers, second))
    assert method.edits == 4
    assert all(list(record.scores) == [scorers[0].identity, "second 1"] for record in found.records)


def test_other_code_scores_what_is_there_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    method = Painter()
    before = run(method).records[0]
    for module in ("run", "scoring"):
        monkeypatch.setattr(f"comfyui_sinddm_rs.evaluation.{module}.code_digest", lambda _: "other code")
    monkeypatch.setattr("comfyui_sinddm_rs.evaluation.scoring.sharpness_ratio", lambda *_: 7.0)
    after = run(method).records[0]
    assert method.edits == 4 and (after.scoring, after.measures["sharpness"]) == ("other code", 7.0)
    assert after.settings == before.settings and after.scores == before.scores


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (InputError("The image has 4 bands; give three."), "The image has 4 bands; give three."),
        (RuntimeError("out of memory\nat line 3"), "failing failed with RuntimeError (out of memory); run it again"),
    ],
)
def test_a_failure_is_recorded_and_tried_again(
    folder: Path, tasks: tuple[Task, ...], scorers: tuple[Scorer, ...], error: Exception, sentence: str
) -> None:
    entrants = {each.name: Entrant(each, {}) for each in (Failing(error), Painter())}
    jobs = make_plan(tasks[:1], list(entrants), (0,))
    found = run_jobs(jobs, entrants, scorers, folder)
    assert [each.method for each in found.failed] == ["failing"] and len(found.records) == 2
    assert str(found.failed[0].failure).startswith(sentence)
    with pytest.raises(InputError, match="has no picture"):
        picture_path(folder, found.failed[0])
    repaired = Painter()
    again = run_jobs(jobs, entrants | {"failing": Entrant(repaired, {})}, scorers, folder)
    assert repaired.edits == 1 and not again.failed


def test_a_scene_that_cannot_be_read_fails_alone(
    folder: Path, tasks: tuple[Task, ...], scorers: tuple[Scorer, ...], tmp_path: Path
) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    broken, off = Task(tmp_path / "broken.png", TEXT), Task(tasks[0].scene, TEXT, "0,0,900,2")
    entrants = {"painter": Entrant(Painter(), {})}
    found = run_jobs(make_plan((broken, off, tasks[0]), ["painter"], (0,)), entrants, scorers, folder)
    assert [record.failure is None for record in found.records] == [False, False, True]
    assert "broken.png" in str(found.records[0].failure) and "off the picture" in str(found.records[1].failure)


def test_a_place_that_cannot_be_written_ends_the_run(run: Run, folder: Path) -> None:
    (folder / "results").write_text("a file")
    with pytest.raises(OutputError, match="results"):
        run(Painter())


def test_preparing_is_not_timed(run: Run) -> None:
    class Prepared(Painter):
        prepared = 0

        def prepare(self, image: Tensor, request: str) -> None:
            assert image.shape == (3, 60, 64) and request == TEXT
            self.prepared += 1
            time.sleep(0.2)

    method = Prepared()
    found = run(method)
    assert method.prepared == 4 and max(record.seconds for record in found.records) < 0.2


def test_other_bands_are_kept_as_they_are(folder: Path, tmp_path: Path, scorers: tuple[Scorer, ...]) -> None:
    import tifffile  # noqa: PLC0415

    values = np.random.default_rng(0).integers(200, 3000, (40, 44, 4), dtype=np.uint16)
    tifffile.imwrite(
        tmp_path / "bands.tif", values, photometric="minisblack", planarconfig="contig", extrasamples=[0, 0, 0]
    )

    class Dimming(Painter):
        def edit(self, image: Tensor, request: str, region: Tensor | None, seed: int) -> Tensor:  # noqa: ARG002
            return image if region is None else torch.where(region > 0, image * 0.5, image)

    job = Job(Task(tmp_path / "bands.tif", TEXT, "4,4,20,20"), "painter", 0)
    record = run_jobs([job], {"painter": Entrant(Dimming(), {})}, scorers, folder).records[0]
    assert record.picture == "edit.tif" and record.failure is None and record.measures["exact_outside"] == 1.0
    assert read_raster(picture_path(folder, record)).stored.shape == (40, 44, 4)
