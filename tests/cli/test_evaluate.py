"""``sinddm-rs evaluate``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comfyui_sinddm_rs.cli import main
from comfyui_sinddm_rs.cli.evaluate_run import RATING_SEED, method_names
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.evaluation.own_methods import ABLATIONS
from comfyui_sinddm_rs.evaluation.plan import make_plan, read_tasks
from comfyui_sinddm_rs.evaluation.rating_page import RatedEdit, rating_codes
from PIL import Image
from torch import Tensor

TEXT = "A fire in the forest"
Run = Callable[..., Any]


@pytest.fixture
def plan(folder: Path) -> Path:
    """One scene of 32 px with a region, as a list."""
    path = folder / "plan.tsv"
    path.write_text(f"prompt\tscene\troi\n{TEXT}\tscene.png\t6,6,18,18\n")
    return path


@pytest.mark.usefixtures("plan")
def test_a_run_its_repetition_and_its_ratings(run: Run, folder: Path) -> None:
    command = ("evaluate", "plan.tsv", "-o", "out", "--methods", "default,no-ensemble", "--seeds", "1")
    ended = run(*command, "--rating-page")
    assert ended.answer["jobs"] == 2 and ended.answer["failed"] == []
    assert list(ended.answer) == ["report", "scores", "rating_page", "jobs", "failed", "mean_scores", "seconds"]
    assert set(ended.answer["mean_scores"]["compact"]) == {"default", "no-ensemble"}
    assert ended.answer["mean_scores"]["compact"]["default"]["ssim_outside"] == 1.0
    assert "2 edits: 1 scenes with a prompt × 2 methods × 1 seeds" in ended.err
    assert f"[2/2] {TEXT} · scene.png · no-ensemble · seed 0: " in ended.err and "0 s left" in ended.err
    assert sorted(path.name for path in (folder / "out").iterdir()) == [
        "rating.html",
        "report.html",
        "results",
        "scores.csv",
    ]
    pictures = {path: path.stat().st_mtime_ns for path in folder.glob("out/results/*/*")}
    assert len(pictures) == 4

    jobs = make_plan(read_tasks("plan.tsv"), ["default", "no-ensemble"], (0,))
    edits = [RatedEdit(job.key, Path(), Path(), TEXT, job.method) for job in jobs]
    lines = [f"ann,{code},{3 + ('no-ens' in key)},4,9" for code, key in rating_codes(edits, RATING_SEED).items()]
    (folder / "ann.csv").write_text("\n".join(["rater,code,fidelity,quality,seconds", *lines]))
    again = run(*command, "--ratings", "ann.csv")
    assert {**again.answer, "seconds": 0} == {k: v for k, v in ended.answer.items() if k != "rating_page"} | {
        "seconds": 0
    }
    assert "[1/" not in again.err
    assert {path: path.stat().st_mtime_ns for path in folder.glob("out/results/*/*")} == pictures
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    assert ">3.50<" in page and ">4.00<" in page


@pytest.mark.usefixtures("plan")
def test_a_failed_edit_is_told_and_the_others_are_made(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        name = "sd-inpaint"

        def edit(self, image: Tensor, request: str, region: Tensor | None, seed: int) -> Tensor:  # noqa: ARG002
            raise RuntimeError("out of memory")

    monkeypatch.setattr("comfyui_sinddm_rs.cli.evaluate_run.load_baseline", lambda *_: Broken())
    arguments = ["evaluate", "plan.tsv", "-o", "out", "--seeds", "1", "--baseline", "sd-inpaint=models/sd"]
    assert main(arguments) == 1
    out, err = capfd.readouterr()
    answer = json.loads(out)
    assert len(answer["failed"]) == 1 and "sd-inpaint" in answer["failed"][0] and "exit_code" not in answer
    assert "failed: sd-inpaint failed with RuntimeError (out of memory)" in err
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    assert "1 of 2 edits failed" in page and page.count('<button class="look"') == 1


def test_names_of_methods() -> None:
    assert method_names("default, paper,default", False) == ["default", "paper"]
    assert method_names("ablations", False) == list(ABLATIONS)
    assert method_names("views-8,ablations", True) == ["views-8", *ABLATIONS, "other-guide"]
    with pytest.raises(InputError, match="list of methods is empty; name some of default"):
        method_names(" , ", False)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("missing.tsv",), "missing.tsv cannot be read"),
        (("plan.tsv", "--scenes", "elsewhere"), "no scene elsewhere.scene.png"),
        (("--scenes", "elsewhere"), "nothing without a PLAN"),
        (("plan.tsv", "--methods", "default,magic"), "no method 'magic'"),
        (("plan.tsv", "--methods", "other-guide"), "needs a guide"),
        (("plan.tsv", "--baseline", "magic=here"), "no baseline 'magic'"),
        (("plan.tsv", "--seeds", "0"), "0 seeds"),
        (("plan.tsv", "--seed", "-1"), "seed -1"),
        (("plan.tsv", "--scorer", "nobody"), "no guide 'nobody'"),
        (("plan.tsv", "--scorer", "compact", "--scorer", "compact"), "Two scorers"),
        (("plan.tsv", "--train-budget", "soon"), "soon"),
        (("plan.tsv", "--ratings", "missing.csv"), "missing.csv cannot be read"),
        (("plan.tsv", "--device", "abacus"), "abacus"),
    ],
)
@pytest.mark.usefixtures("plan")
def test_refused(refused: Callable[..., None], arguments: tuple[str, ...], word: str) -> None:
    refused(("evaluate", *arguments, "-o", "out"), word)


@pytest.mark.usefixtures("plan")
def test_a_place_that_cannot_be_written(refused: Callable[..., None], folder: Path) -> None:
    (folder / "out").write_text("a file")
    refused(("evaluate", "plan.tsv", "-o", "out"), "folder out cannot be made")


@pytest.mark.usefixtures("plan")
def test_agreement_of_one_rater_is_undefined(run: Run, folder: Path) -> None:
    job = make_plan(read_tasks("plan.tsv"), ["default"], (0,))[0]
    (code,) = rating_codes([RatedEdit(job.key, Path(), Path(), TEXT, "default")], RATING_SEED)
    (folder / "ann.csv").write_text(f"rater,code,fidelity,quality,seconds\nann,{code},5,4,9\n")
    run("evaluate", "plan.tsv", "-o", "out", "--seeds", "1", "--ratings", "ann.csv")
    assert "fidelity undefined, quality undefined" in (folder / "out" / "report.html").read_text(encoding="utf-8")


def test_bands_of_any_number_are_shown(run: Run, folder: Path, scene: np.ndarray) -> None:
    Image.fromarray(scene[..., 1]).save(folder / "grey.png")
    (folder / "plan.csv").write_text(f'prompt,scene,roi\n{TEXT},grey.png,"6,6,18,18"\n')
    assert run("evaluate", "plan.csv", "-o", "out", "--seeds", "1").answer["failed"] == []
