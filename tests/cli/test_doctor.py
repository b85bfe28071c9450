from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from comfyui_sinddm_rs.cli import main
from comfyui_sinddm_rs.cli.doctor import activation_advice
from comfyui_sinddm_rs.guidance.guides import guide_names
from comfyui_sinddm_rs.guidance.zero_shot import Named, ZeroShot

KEY = "sk-planted-0123456789"
TINY: dict[str, Any] = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}
Examine = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of models, still without any, on a machine without network; there is a key and a cache."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("SINDDM_RS_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "nothing"))
    monkeypatch.setenv("SINDDM_RS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    (tmp_path / "cache" / "prompts").mkdir(parents=True)
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


@pytest.fixture
def remoteclip(models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Random weights under RemoteCLIP's name, where open_clip has a ViT-B-32 of 32-pixel pictures."""
    for name in ("ViT-B-32", "ViT-B-32-quickgelu"):
        monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, name, TINY)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.save(open_clip.CLIP(**TINY).state_dict(), models / "RemoteCLIP-ViT-B-32.pt")
    return models / "RemoteCLIP-ViT-B-32.pt"


@pytest.fixture
def examine(models: Path, capfd: pytest.CaptureFixture[str]) -> Examine:
    """Run the command; its exit code, its JSON object and its report. It must write no file and betray no key."""

    def examine(*arguments: str) -> tuple[int, dict[str, Any], str]:
        before = {path: path.stat().st_mtime_ns for path in models.parent.rglob("*") if path.is_file()}
        code = main(["doctor", *arguments])
        out, err = capfd.readouterr()
        assert {path: path.stat().st_mtime_ns for path in models.parent.rglob("*") if path.is_file()} == before
        assert KEY not in out + err and KEY[3:11] not in out + err
        assert out.count("\n") == 1
        return code, json.loads(out), err

    return examine


def test_the_shipped_guide_alone(examine: Examine, models: Path) -> None:
    code, answer, report = examine()
    assert code == 0 and answer["passed"] and "exit_code" not in answer
    assert list(answer["checks"]) == ["compact"] and answer["checks"]["compact"]["accuracy"] > 0.85
    assert list(answer["guides"]) == list(guide_names())
    assert [name for name, found in answer["guides"].items() if found] == ["compact"]
    assert answer["folders"] == {str(models): True, str(models.parent / "nothing" / "sinddm-rs" / "models"): False}
    assert answer["environment"]["OPENAI_API_KEY"] is True and answer["environment"]["SINDDM_RS_MODELS"] is True
    assert answer["cache"] == {"folder": str(models.parent / "cache" / "prompts"), "writable": True}
    assert answer["shipped"] == {"compact guide": True, "network start": True}
    packages = {row["name"]: row for row in answer["packages"]}
    assert packages["torch"]["extra"] is None and packages["torch"]["version"] == torch.__version__.split("+")[0]
    assert packages["rasterio"]["extra"] == "raster"
    assert answer["torch"]["threads"] == torch.get_num_threads()
    assert "PASS" in report and "FAIL" not in report
    assert "remoteclip-RN50: not found (408 MB); run `sinddm-rs fetch-guide remoteclip-RN50`" in report
    assert f"epoch_20.pt into {models}" in report.replace("SkyCLIP_ViT_B32_top50pct_", "")


def test_random_weights_under_remoteclip_s_name_fail(examine: Examine, remoteclip: Path) -> None:
    code, answer, report = examine("--guide", "remoteclip-ViT-B-32")
    assert code == 1 and answer["passed"] is False
    (check,) = answer["checks"].values()
    assert check["passed"] is False and check["accuracy"] < 0.6 and check["pictures_per_second"] > 0
    assert check["activation"].startswith("GELU is used, and the check does not tell it from QuickGELU")
    found = answer["guides"]["remoteclip-ViT-B-32"]
    assert found == {"path": str(remoteclip), "bytes": remoteclip.stat().st_size}
    assert "FAIL  names" in report and "PASS" not in report


def test_a_known_activation_is_not_asked_about(examine: Examine, remoteclip: Path) -> None:
    remoteclip.rename(remoteclip.with_name("openai-ViT-B-32.pt"))
    code, answer, _ = examine("--guide", "openai-ViT-B-32")
    assert code == 1 and answer["checks"]["openai-ViT-B-32"]["activation"] is None


def test_a_half_downloaded_file_is_one_sentence_and_the_report_goes_on(examine: Examine, remoteclip: Path) -> None:
    half = remoteclip.with_name("RemoteCLIP-RN50.pt")
    half.write_bytes(remoteclip.read_bytes()[:100_000])
    code, answer, report = examine()
    assert code == 1
    assert list(answer["checks"]) == ["compact", "remoteclip-RN50", "remoteclip-ViT-B-32"]
    said = [line for line in report.splitlines() if "half-downloaded" in line]
    assert len(said) == 1 and said[0].startswith(f"  FAIL  {half} looks half-downloaded")
    assert answer["checks"]["remoteclip-RN50"]["passed"] is False
    assert answer["checks"]["compact"]["passed"] is True
    assert "accuracy" in answer["checks"]["remoteclip-ViT-B-32"]


def test_a_file_by_its_path_and_a_folder_by_option(examine: Examine, remoteclip: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = remoteclip.rename(elsewhere / remoteclip.name)
    code, answer, _ = examine("--models", str(elsewhere), "--guide", str(other))
    assert code == 1 and list(answer["checks"]) == [str(other)]
    assert answer["guides"]["remoteclip-ViT-B-32"]["path"] == str(other)
    assert next(iter(answer["folders"])) == str(elsewhere)


def test_a_cache_that_cannot_be_written_is_said(
    examine: Examine, remoteclip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SINDDM_RS_CACHE", str(remoteclip))  # a file, also for an administrator no folder
    _, answer, report = examine("--guide", str(remoteclip))
    assert answer["cache"] == {"folder": str(remoteclip / "prompts"), "writable": False}
    assert "cannot be written" in report


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--guide", "remoteklip"), "no guide 'remoteklip'"),
        (("--guide", "missing.pt"), "do not exist"),
        (("--guide", "git-rsclip"), "are in none of"),
        (("--device", "abacus"), "abacus"),
        (("--all",), "unrecognized"),
    ],
)
def test_bad_usage_is_one_sentence(refused: Callable[..., None], arguments: tuple[str, ...], word: str) -> None:
    refused(("doctor", *arguments), word)


def judged(margin: float) -> ZeroShot:
    return ZeroShot(tuple(Named(kind, kind, 1.0, margin) for kind in "abcdef"))


def test_the_advice_names_the_better_activation_and_what_to_do() -> None:
    good, bad = judged(0.2), judged(0.1)
    assert activation_advice(False, good, bad).startswith("GELU, as it is used, suits the weights better")
    assert activation_advice(True, good, bad).startswith("QuickGELU, as it is used,")
    warning = activation_advice(False, bad, good)
    assert warning.startswith("WARNING: QuickGELU suits the weights better than GELU") and "'quickgelu'" in warning
    assert "has neither 'quickgelu' nor 'openai'" in activation_advice(True, bad, good)
    assert "does not tell" in activation_advice(True, good, good)
    assert "\n" not in warning
