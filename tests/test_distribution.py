"""The wheel and the sdist: what is in them, what they say of the package, and that one tree gives the same bytes."""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import Parser
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "comfyui_sinddm_rs"
SOURCE_DATE_EPOCH = 1700000000
NOT_INSTALLED = {"benchmarks", "build_backend", "docs", "scripts", "tests"}
"""Folders that are for those who work on the package."""


def project_files() -> list[PurePosixPath]:
    """Every file of the project, from its root: what git has or would take in."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout: which files belong to the project is not known")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    return [PurePosixPath(name) for name in listed if name and (ROOT / name).is_file()]


def installed_files(files: list[PurePosixPath]) -> set[str]:
    """Of these, the package: Python of the root, py.typed, and every folder that is not for those who work on it."""
    of_root = {str(path) for path in files if len(path.parts) == 1 and path.suffix in (".py", ".typed")}
    folders = {path.parts[0] for path in files if len(path.parts) > 1} - NOT_INSTALLED
    return of_root | {str(path) for path in files if path.parts[0] in folders and not path.parts[0].startswith(".")}


def copied(files: list[PurePosixPath], folder: Path, mode: int, time: float) -> Path:
    for name in files:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, place)
        place.chmod(mode)
        os.utime(place, (time, time))
    return folder


def built(tree: Path, out: Path, umask: int) -> tuple[Path, Path]:
    """(wheel, sdist) of the tree; the wheel is built from the sdist, so an sdist that lacks something fails here."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(tree)]
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH)}
    # Before exec, since os.umask is that of the whole process, and other threads may write files meanwhile.
    shell = ["sh", "-c", f'umask {umask:o} && exec "$@"', "sh", *command]
    done = subprocess.run(shell, capture_output=True, text=True, check=False, env=environment, cwd=out.parent)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return next(out.glob("*.whl")), next(out.glob("*.tar.gz"))


@pytest.fixture(scope="module")
def files() -> list[PurePosixPath]:
    return project_files()


@pytest.fixture(scope="module")
def builds(files: list[PurePosixPath], tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, Path]]:
    """Built twice, from folders of other names, with files of other ages and permissions, under other umasks."""
    if os.name != "posix" or find_spec("build") is None or find_spec("setuptools") is None:
        pytest.skip("building needs a POSIX shell and the packages build and setuptools")
    base = tmp_path_factory.mktemp("distribution")
    first = copied(files, base / "one", 0o644, 1e9)
    second = copied(files, base / "another tree", 0o600, 1.2e9)
    return [built(first, base / "first", 0o022), built(second, base / "second", 0o077)]


@pytest.fixture(scope="module")
def wheel(builds: list[tuple[Path, Path]]) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(builds[0][0]) as archive:
        yield archive


@pytest.fixture(scope="module")
def sdist(builds: list[tuple[Path, Path]]) -> Iterator[tarfile.TarFile]:
    with tarfile.open(builds[0][1]) as archive:
        yield archive


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    loaded: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return loaded


def metadata(wheel: zipfile.ZipFile) -> Message:
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def test_the_same_tree_gives_the_same_bytes(builds: list[tuple[Path, Path]]) -> None:
    first, second = ([hashlib.sha256(path.read_bytes()).hexdigest() for path in build] for build in builds)
    assert first == second


def test_the_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile, files: list[PurePosixPath]) -> None:
    names = {name.removeprefix(f"{PACKAGE}/") for name in wheel.namelist() if ".dist-info/" not in name}
    assert names == installed_files(files)


def test_the_wheel_holds_every_byte_as_it_is_here(wheel: zipfile.ZipFile) -> None:
    for name in wheel.namelist():
        if name.startswith(f"{PACKAGE}/"):
            assert wheel.read(name) == (ROOT / name.removeprefix(f"{PACKAGE}/")).read_bytes(), name


def test_licences_go_with_the_wheel(wheel: zipfile.ZipFile, project: dict[str, Any]) -> None:
    said = metadata(wheel)
    assert said["License-Expression"] == project["license"]
    assert said.get_all("License-File") == project["license-files"]
    for name in project["license-files"]:
        inside = [each for each in wheel.namelist() if each.endswith(f".dist-info/licenses/{name}")]
        assert [wheel.read(each) for each in inside] == [(ROOT / name).read_bytes()]


def test_record_lists_every_file_with_its_hash_and_size(wheel: zipfile.ZipFile) -> None:
    record = next(name for name in wheel.namelist() if name.endswith(".dist-info/RECORD"))
    rows = {row[0]: row[1:] for row in csv.reader(wheel.read(record).decode().splitlines())}
    assert sorted(rows) == sorted(wheel.namelist())
    assert rows.pop(record) == ["", ""]
    for name, (digest, size) in rows.items():
        content = wheel.read(name)
        hashed = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        assert (digest, int(size)) == (f"sha256={hashed}", len(content)), name


def test_metadata_says_what_pyproject_says(wheel: zipfile.ZipFile, project: dict[str, Any]) -> None:
    said = metadata(wheel)
    required = [line for line in said.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert required == project["dependencies"]
    assert said.get_all("Provides-Extra") == list(project["optional-dependencies"])
    assert (said["Name"], said["Version"]) == (project["name"], project["version"])
    assert said["Requires-Python"] == project["requires-python"]
    assert said.get_payload() == (ROOT / "README.md").read_text(encoding="utf-8")
    scripts = next(name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt"))
    assert [f"{key} = {value}" in wheel.read(scripts).decode() for key, value in project["scripts"].items()] == [True]


def test_the_sdist_is_the_project(sdist: tarfile.TarFile, files: list[PurePosixPath]) -> None:
    """Whole but for what begins with a dot, so that it can be built and tested; setuptools adds what it makes."""
    names = {"/".join(PurePosixPath(member.name).parts[1:]) for member in sdist.getmembers() if not member.isdir()}
    made = {"PKG-INFO", "setup.cfg"}
    ours = {name for name in names - made if not name.startswith(f"{PACKAGE}.egg-info/")}
    assert made <= names
    assert ours == {str(path) for path in files if not path.parts[0].startswith(".")}


def test_archives_say_nothing_of_the_machine(sdist: tarfile.TarFile, wheel: zipfile.ZipFile) -> None:
    assert {(each.mtime, each.uid, each.gid, each.uname, each.gname) for each in sdist.getmembers()} == {
        (SOURCE_DATE_EPOCH, 0, 0, "", "")
    }
    assert {each.mode for each in sdist.getmembers() if each.isfile()} == {0o644}
    assert {each.external_attr >> 16 for each in wheel.infolist()} == {stat.S_IFREG | 0o644}
    assert {each.date_time for each in wheel.infolist()} == {(2023, 11, 14, 22, 13, 20)}


def test_the_pack_that_comfyui_gets_can_be_installed(project: dict[str, Any]) -> None:
    """README.md says `pip install -e .`: what that needs is in the folder that the ComfyUI registry hands out."""
    backend = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["backend-path"]
    left_out = {line.strip("/ ") for line in (ROOT / ".comfyignore").read_text(encoding="utf-8").splitlines()}
    needed = {*backend, project["readme"], *(PurePosixPath(name).parts[0] for name in project["license-files"])}
    assert not needed & left_out
