"""Lists of tasks, and the jobs that they become."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.evaluation.plan import (
    SHIP_FIRE,
    Job,
    Task,
    bundled_ship_fire,
    bundled_tasks,
    make_plan,
    read_tasks,
)
from comfyui_sinddm_rs.evaluation.tables import PAPER
from comfyui_sinddm_rs.rasters.files import read_raster
from comfyui_sinddm_rs.rasters.regions import read_roi

SIX_PROMPTS = Path(__file__).parents[2] / "benchmarks" / "six_prompts.tsv"


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    for name in ("wood.png", "house.jpg", "roof.png"):
        (tmp_path / name).touch()
    return tmp_path


def listed(folder: Path, text: str, name: str = "plan.tsv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_list_of_tabs(scenes: Path) -> None:
    text = "prompt\tscene\troi\nA fire  in the forest\twood.png\t\nThe house is damaged\thouse.jpg\t4,5,6,7\n"
    assert read_tasks(listed(scenes, text)) == (
        Task(scenes / "wood.png", "A fire in the forest"),
        Task(scenes / "house.jpg", "The house is damaged", "4,5,6,7"),
    )


def test_a_list_of_commas_with_masks_and_further_columns(scenes: Path) -> None:
    text = '\ufeffscene,prompt,note,roi\nhouse.jpg,"Damaged, badly",x,"1,2,3,4"\nhouse.jpg,Holes,,roof.png\n'
    assert read_tasks(listed(scenes, text, "plan.csv")) == (
        Task(scenes / "house.jpg", "Damaged, badly", "1,2,3,4"),
        Task(scenes / "house.jpg", "Holes", str(scenes / "roof.png")),
    )


def test_scenes_may_lie_elsewhere_and_a_line_twice_counts_once(
    scenes: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = listed(tmp_path_factory.mktemp("elsewhere"), "prompt\tscene\nFire\twood.png\nFire\twood.png\n")
    assert read_tasks(path, scenes) == (Task(scenes / "wood.png", "Fire"),)
    with pytest.raises(InputError, match=r"line 2: there is no scene .*wood.png; say with --scenes"):
        read_tasks(path)


def test_the_benchmark_list_is_such_a_list(tmp_path: Path) -> None:
    for scene in re.findall(r"\t(\S+\.(?:png|jpg))", SIX_PROMPTS.read_text()):
        (tmp_path / scene).touch()
    tasks = read_tasks(SIX_PROMPTS, tmp_path)
    assert len(tasks) == 27 and {task.prompt for task in tasks} == set(PAPER)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has the columns none; name prompt, scene, roi"),
        ("prompt,scene\nFire,wood.png\n", "has the columns prompt,scene; name prompt"),
        ("prompt\tscene\n", "holds no task"),
        ("prompt\tscene\n\twood.png\n", "line 2: The prompt is empty"),
        ("prompt\tscene\nFire\t\n", "line 2: there is no scene; name"),
        ("prompt\tscene\nFire\twood.png\nFire\tgone.png\n", "line 3: there is no scene .*gone.png"),
        ("prompt\tscene\troi\nFire\twood.png\tgone.png\n", "line 2: there is no mask .*gone.png"),
        ('prompt\tscene\n"Fire\twood.png\n', "cannot be read"),
    ],
)
def test_refused_lists(scenes: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_tasks(listed(scenes, text))


def test_a_list_that_is_missing_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere.tsv cannot be read"):
        read_tasks(tmp_path / "nowhere.tsv")
    (tmp_path / "binary.tsv").write_bytes(b"prompt\tscene\n\xff\xfe\x00\n")
    with pytest.raises(InputError, match=r"binary.tsv cannot be read"):
        read_tasks(tmp_path / "binary.tsv")


def test_two_scenes_of_one_name_are_refused(scenes: Path) -> None:
    (scenes / "other").mkdir()
    (scenes / "other" / "wood.png").touch()
    text = "prompt\tscene\nFire\twood.png\nFire\tother/wood.png\n"
    with pytest.raises(InputError, match="same name; rename one"):
        read_tasks(listed(scenes, text))


def test_the_bundled_tasks_are_the_papers_prompts_on_scenes_that_are_there() -> None:
    tasks = (*bundled_tasks(), bundled_ship_fire())
    assert {task.prompt for task in tasks} == {*PAPER, SHIP_FIRE}
    for task in tasks:
        size = read_raster(task.scene).size
        assert not task.roi or read_roi(task.roi, size).shape == size


def test_a_plan_has_every_combination_methods_innermost() -> None:
    tasks = (Task(Path("a.png"), "Fire"), Task(Path("b.png"), "Fire", "1,2,3,4"))
    jobs = make_plan(tasks, ["one", "two"], range(5, 7))
    assert [(job.task, job.seed, job.method) for job in jobs[:3]] == [
        (tasks[0], 5, "one"),
        (tasks[0], 5, "two"),
        (tasks[0], 6, "one"),
    ]
    assert len(set(jobs)) == 8 == len({job.key for job in jobs})
    for seeds in (range(0), range(1001)):
        with pytest.raises(InputError, match="seeds cannot be run"):
            make_plan(tasks, ["one"], seeds)


def test_a_key_names_its_job_and_only_it() -> None:
    task = Task(Path("deep/Wood 1.png"), "A fire/in: the…forest")
    key = Job(task, "no-mix", 3).key
    assert re.fullmatch(r"wood-1-a-fire-in-the-forest-no-mix-s3-[0-9a-f]{8}", key)
    assert Job(Task(Path("elsewhere/Wood 1.png"), task.prompt), "no-mix", 3).key == key
    assert Job(Task(Path("Wood 1.png"), task.prompt, "1,2,3,4"), "no-mix", 3).key != key
    assert Job(Task(Path("Wood 1.png"), "A fire in the forest"), "no-mix", 3).key != key


def test_a_key_is_a_name_that_a_file_system_takes() -> None:
    for prompt in ("洪水", "../../x", "x" * 500):
        key = Job(Task(Path("s.png"), prompt), "m", 0).key
        assert re.fullmatch(r"[a-z0-9][a-z0-9.-]{,140}", key), key
