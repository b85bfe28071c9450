"""The report: one page that says what was measured, and needs nothing from elsewhere."""

from __future__ import annotations

import csv
import html
import io
import os
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import torch
from comfyui_sinddm_rs.evaluation.plan import SHIP_FIRE, Job, Task
from comfyui_sinddm_rs.evaluation.ratings import RatingSummary
from comfyui_sinddm_rs.evaluation.records import Record, new_record
from comfyui_sinddm_rs.evaluation.report import mean_scores, rated_edits, report_page
from comfyui_sinddm_rs.evaluation.run import RESULTS, Entrant, Evaluation
from comfyui_sinddm_rs.evaluation.scorers import Scorer
from comfyui_sinddm_rs.evaluation.statistics import Estimate
from comfyui_sinddm_rs.evaluation.tables import PAPER, scores_csv
from comfyui_sinddm_rs.rasters.files import write_rgb
from torch import Tensor

CHROMIUM = os.environ.get("SINDDM_RS_CHROMIUM") or shutil.which("chromium")
FIRE, EVIL = "A fire in the forest", "<script>alert('x')</script> & more"
ROI = "4,6,20,16"


class Nothing:
    name = "nothing"

    def edit(self, image: Tensor, request: str, region: Tensor | None, seed: int) -> Tensor:  # noqa: ARG002
        return image


def picture(seed: int) -> Tensor:
    return torch.rand(3, 40, 48, generator=torch.Generator().manual_seed(seed))


def scored(job: Job, clip: float) -> Record:
    measures: dict[str, Any] = {
        "ssim_outside": 0.99,
        "structure_distance_outside": 0.01,
        "patch_swd": 0.02,
        "patch_swd_ratio": 0.5,
        "sharpness": 0.8,
        "sharpness_in_out": 1.1,
        "seam": 1.5 if job.task.roi else None,
        "seam_source": 1.2 if job.task.roi else None,
        "visible_share": 0.3,
    }
    event = {"event": "fire", "other": "smoke", "before": 0.05, "after": 0.7, "other_rise": -0.01}
    scores = {
        "scorer": "judge",
        "clip_score": clip,
        "clip_score_source": 10.0,
        "clip_score_region": None,
        "directional": 0.4,
        "event": event if job.task.prompt == FIRE else None,
    }
    record = new_record(job, {"steps": 3}, "digest")
    return replace(
        record, picture="edit.png", seconds=2.5, measures=measures, scores={"judge": scores}, warnings=("Take care.",)
    )


@pytest.fixture
def evaluation(tmp_path: Path) -> Evaluation:
    """Two tasks, two methods, three seeds: CLIP 20, 21, 22 of one, 1 more of the other; one edit failed."""
    write_rgb(tmp_path / "wood.png", picture(99))
    tasks = (Task(tmp_path / "wood.png", FIRE), Task(tmp_path / "wood.png", EVIL, ROI))
    jobs = [Job(task, method, seed) for task in tasks for seed in (0, 1, 2) for method in ("default", "other")]
    records = []
    for index, job in enumerate(jobs):
        record = scored(job, 20.0 + job.seed + (job.method == "other"))
        if index == len(jobs) - 1:
            record = replace(record, failure="It <b>broke</b>.", picture=None, scores={}, measures={})
        else:
            (tmp_path / RESULTS / job.key).mkdir(parents=True)
            write_rgb(tmp_path / RESULTS / job.key / "edit.png", picture(index))
        records.append(record)
    entrants = {
        "default": Entrant(Nothing(), {"steps": 3}, "As it is.", "default", "judge"),
        "other": Entrant(Nothing(), {"steps": 4}, "Otherwise.", "default"),
    }
    guide: Any = None
    return Evaluation(jobs, records, entrants, (Scorer("judge", "judge", guide),), tmp_path)


class _Links(HTMLParser):
    """All that a page refers to, and the words in its cells."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.scripts = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.links += [str(value) for name, value in attrs if name in ("src", "href", "srcset", "action", "data")]


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the table below a heading."""
    table = page.split(heading, 1)[1].split("</table>", 1)[0]
    lines = re.findall(r"<tr[^>]*>(.*?)</tr>", table, re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line, re.DOTALL) for line in lines]
    return [[html.unescape(re.sub(r"<[^>]+>", " ", each)).strip() for each in line] for line in cells]


def test_the_page_needs_nothing_from_elsewhere(evaluation: Evaluation) -> None:
    page = report_page(evaluation)
    found = _Links(page)
    assert all(link.startswith(("data:image/jpeg;base64,", "#")) for link in found.links)
    assert sum(link.startswith("data:") for link in found.links) == 2 + 11
    assert "@import" not in page and "url(" not in page and "fetch(" not in page


def test_texts_are_shown_and_never_run(evaluation: Evaluation) -> None:
    page = report_page(evaluation)
    assert _Links(page).scripts == 1 and html.escape(EVIL, quote=True).replace("&#x27;", "&#39;") in page
    assert "It &lt;b&gt;broke&lt;/b&gt;." in page


def test_the_table_is_laid_out_as_the_papers(evaluation: Evaluation) -> None:
    table = rows(report_page(evaluation), "As the paper")
    assert table[1] == [
        "Prompt",
        "source",
        "default",
        "other",
        "Han et al.",
        "Stable Diffusion",
        "Kandinsky 2.1",
        "Han et al.",
    ]
    fire, evil, mean = table[2:]
    assert fire == [FIRE, "10.00", "21.00 ±2.48", "22.00 ±2.48", "21.38", "19.94", "17.24", "4.50"]
    assert evil[:3] == [EVIL, "10.00", "21.00 ±2.48"] and evil[4:] == [""] * 4
    # The edit that failed has no seed to stand beside, so that task counts for nothing in its method's mean.
    assert mean[:4] == ["Mean over scenes", "10.00", "21.00 ±2.48", "22.00 ±2.48"]


def test_the_printed_figures_are_marked_as_such(evaluation: Evaluation) -> None:
    page = report_page(evaluation)
    assert "printed in the paper" in page and "not comparable in absolute terms" in page
    assert [(row.ours, row.stable_diffusion, row.kandinsky, row.subjective) for row in PAPER.values()] == [
        (21.38, 19.94, 17.24, 4.50),
        (22.64, 21.08, 21.26, 4.56),
        (20.11, 19.38, 19.16, 4.25),
        (22.76, 21.98, 21.55, 4.65),
        (17.98, 15.48, 15.94, 4.59),
        (14.68, 10.83, 11.55, 4.44),
    ]


def test_a_scorer_that_also_guided_and_few_seeds_are_told(evaluation: Evaluation) -> None:
    page = report_page(evaluation)
    assert "The scoring guide judge also guided the edit" in page and "3 seeds hardly tell" in page
    assert page.count("also guided the edit") == 1
    alone = replace(
        evaluation,
        jobs=[job for job in evaluation.jobs if job.seed == 0],
        records=[record for record in evaluation.records if record.seed == 0],
    )
    assert (
        "One seed gives no interval" in report_page(alone) and "±" not in rows(report_page(alone), "All scores")[1][1]
    )


def test_all_scores_and_differences_of_pairs(evaluation: Evaluation) -> None:
    page = report_page(evaluation)
    table = rows(page, "All scores, means")
    assert table[0][:4] == ["Method", "CLIP score", "Gain", "CLIP, region"] and table[0][-1] == "Diversity"
    assert [row[0] for row in table[1:]] == ["default", "other"] and table[1][2] == "11.00 ±2.48"
    assert table[1][3] == "–" and float(table[1][-1]) > 0.3
    (difference,) = rows(page, "Differences, over pairs")[1:]
    assert difference[:3] == ["other − default", "+1.00 ▲ ±0.00", "+1.00 ▲ ±0.00"]
    assert difference[5] == "0.0000 ±0.0000"


def test_events_and_whether_they_reach_the_goal(evaluation: Evaluation) -> None:
    table = rows(report_page(evaluation), "Events that judge sees")
    assert table[1] == [FIRE, "default", "fire", "0.05", "0.70", "+0.65", "smoke", "−0.01", "3 of 3"]
    assert len(table) == 3
    event = {"event": "fire", "other": "smoke", "before": 0.05, "after": 0.7, "other_rise": 0.66}
    judged = evaluation.records[0].scores["judge"] | {"event": event}
    missed = [replace(evaluation.records[0], scores={"judge": judged}), *evaluation.records[1:]]
    table = rows(report_page(replace(evaluation, records=missed)), "Events that judge sees")
    assert table[1][6:] == ["smoke", "+0.66", "2 of 3"]


def test_contact_sheets_show_every_edit_and_its_warnings(evaluation: Evaluation) -> None:
    page = report_page(evaluation)
    sheets = page.split('<h2 id="sheets">')[1].split('<h2 id="images">')[0]
    assert sheets.count('<button class="look"') == 11 and sheets.count("<polygon") == 1
    assert html.escape(FIRE) + " · wood.png · other, seed 2" in sheets and "seed 2: 23.00" in sheets
    assert "CLIP score 20.00 · Gain 10.00" in sheets and "Take care." in sheets and 'class="none"' in sheets
    points = [tuple(map(float, each.split(","))) for each in re.findall(r'points="([^"]+)"', sheets)[0].split()]
    assert {min(x for x, _ in points), max(x for x, _ in points)} == {4.0, 24.0}
    assert {min(y for _, y in points), max(y for _, y in points)} == {6.0, 22.0}


def test_the_ship_is_explained(evaluation: Evaluation) -> None:
    jobs = [Job(Task(job.task.scene, SHIP_FIRE), job.method, job.seed) for job in evaluation.jobs[:1]]
    records = [replace(evaluation.records[0], prompt=SHIP_FIRE)]
    assert "grass grew on the deck" in report_page(replace(evaluation, jobs=jobs, records=records))


def test_ratings_fill_the_subjective_column(evaluation: Evaluation) -> None:
    def summary(prompt: str | None, mean: float) -> RatingSummary:
        estimate = Estimate(mean, mean - 0.25, mean + 0.25, 3)
        return RatingSummary(prompt, "other", 3, 9, estimate, estimate, estimate)

    page = report_page(evaluation, [summary(FIRE, 4.1), summary(None, 3.9)], "They agree.")
    table = rows(page, "As the paper")
    assert table[1][7:] == ["other", "Han et al."] and table[2][7:] == ["4.10 ±0.25", "4.50"]
    assert table[3][7] == "–" and table[-1][7] == "3.90 ±0.25" and "They agree." in page
    assert "No ratings were given" not in page


def test_a_run_in_which_all_failed_still_has_a_report(evaluation: Evaluation) -> None:
    records = [replace(each, failure="No.", picture=None, scores={}, measures={}) for each in evaluation.records]
    (evaluation.jobs[0].task.scene).unlink()
    failed = replace(evaluation, records=records)
    assert "12 of 12 edits failed" in report_page(failed)
    assert mean_scores(failed, failed.scorers[0]) == {} and rated_edits(failed) == []


def test_what_is_rated_is_what_was_made(evaluation: Evaluation) -> None:
    edits = rated_edits(evaluation)
    assert len(edits) == 11 and all(each.edit.is_file() and each.source.name == "wood.png" for each in edits)
    assert edits[0].region is None and edits[-1].region == (4, 6, 20, 16)
    assert (edits[1].key, edits[1].method, edits[1].prompt) == (evaluation.jobs[1].key, "other", FIRE)


def test_the_means_and_each_edit_as_data(evaluation: Evaluation) -> None:
    means = mean_scores(evaluation, evaluation.scorers[0])
    assert means["other"]["clip_score"] == 22.0 and means["default"]["clip_score_region"] is None
    lines = list(csv.DictReader(io.StringIO(scores_csv(evaluation.records, ["judge"]))))
    assert len(lines) == 11 and {line["scorer"] for line in lines} == {"judge"}
    assert lines[0] | {"clip_score": "20.0", "event_after": "0.7", "seam": "", "roi": ""} == lines[0]
    assert lines[-1]["prompt"] == EVIL and lines[-1]["roi"] == ROI and lines[-1]["event_event"] == ""


@pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium; SINDDM_RS_CHROMIUM names it")
def test_pictures_grow_in_a_browser_without_a_network(evaluation: Evaluation, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    path = tmp_path / "report.html"
    path.write_text(report_page(evaluation), encoding="utf-8")
    asked: list[str] = []
    errors: list[str] = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_context(offline=True).new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text))
        page.goto(path.as_uri())
        page.locator("button.look").last.click()
        title, outline = page.locator("#title"), page.locator(".pair svg polygon")
        assert title.text_content() == f"{EVIL} · wood.png · other, seed 1" and outline.count() == 1
        assert page.locator("#warnings").text_content() == "Take care."
        page.keyboard.press("ArrowRight")
        assert title.text_content() == f"{FIRE} · wood.png · default, seed 0" and outline.count() == 0
        page.keyboard.press("Escape")
        assert not page.locator("#large").is_visible()
        browser.close()
    assert errors == [] and {url for url in asked if not url.startswith("data:")} == {path.as_uri()}
