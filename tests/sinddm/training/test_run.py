"""A training in files: resumed bit for bit, put aside when stopped, and nothing lost when something fails."""

from __future__ import annotations

import errno
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from comfyui_sinddm_rs.errors import InputError, OutputError, TrainingError
from comfyui_sinddm_rs.sinddm.training import run as module
from comfyui_sinddm_rs.sinddm.training.checkpoint import checkpoint_bytes, checkpoint_path, restore
from comfyui_sinddm_rs.sinddm.training.loop import Training, TrainSettings, TrainStep
from comfyui_sinddm_rs.sinddm.training.run import train_to_file
from PIL import Image
from torch import Tensor

Picture = Callable[..., Tensor]


def training(image: Tensor, steps: int = 6, recipe: str = "fast", **more: object) -> Training:
    return Training(image, TrainSettings(recipe, iterations=steps, width=8, **more))  # type: ignore[arg-type]


def stop_at(count: int) -> module.OnStep:
    def stop(step: TrainStep, _training: Training) -> None:
        if step.step == count:
            raise KeyboardInterrupt

    return stop


def test_a_finished_training_leaves_model_and_curve_only(picture: Picture, tmp_path: Path) -> None:
    told: list[int] = []
    model = train_to_file(
        training(picture(3, 40, 44)), tmp_path / "m.safetensors", on_step=lambda step, _: told.append(step.step)
    )
    assert told == [1, 2, 3, 4, 5, 6] and model.origin.iterations == 6
    assert {path.name for path in tmp_path.iterdir()} == {"m.safetensors", "m_loss.png"}
    with Image.open(tmp_path / "m_loss.png") as curve:
        assert curve.size == (720, 420) and len(curve.getcolors(1 << 16) or ()) > 2


@pytest.mark.parametrize("recipe", ["fast", "reference"])
def test_stopped_and_resumed_is_the_same_bit_for_bit(picture: Picture, tmp_path: Path, recipe: str) -> None:
    image, whole, parts = picture(3, 48, 50), tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
    train_to_file(training(image, recipe=recipe), whole)
    for stop in (2, 5):
        with pytest.raises(KeyboardInterrupt):
            train_to_file(training(image, recipe=recipe), parts, resume=stop > 2, on_step=stop_at(stop))
        assert checkpoint_path(parts).is_file() and not parts.exists()
    train_to_file(training(image, recipe=recipe), parts, resume=True)
    assert parts.read_bytes() == whole.read_bytes()
    assert not checkpoint_path(parts).exists()


def test_half_a_step_is_not_kept(picture: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image, target = picture(3, 40, 44), tmp_path / "m.safetensors"
    begun = training(image)
    step = begun.optimiser.step

    def cut(*_: object) -> None:
        step()
        if begun.step == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(begun.optimiser, "step", cut)
    with pytest.raises(KeyboardInterrupt):
        train_to_file(begun, target)
    again = training(image)
    restore(again, checkpoint_path(target))
    assert again.step == 0


def test_resume_without_a_checkpoint(picture: Picture, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no checkpoint .*parts.checkpoint.safetensors to resume; train without"):
        train_to_file(training(picture(3, 40, 44)), tmp_path / "parts.safetensors", resume=True)


def test_resume_with_another_image_or_plan(picture: Picture, tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    path.write_bytes(checkpoint_bytes(training(picture(3, 40, 44))))
    with pytest.raises(InputError, match="belongs to another image"):
        restore(training(picture(3, 40, 44, seed=1)), path)
    with pytest.raises(InputError, match="trained with seed 0 instead of 1"):
        restore(training(picture(3, 40, 44), seed=1), path)
    with pytest.raises(InputError, match="recipe 'fast' instead of 'reference'"):
        restore(training(picture(3, 40, 44), recipe="reference"), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="damaged"):
        restore(training(picture(3, 40, 44)), path)


def test_a_disk_that_fills_keeps_the_last_checkpoint(
    picture: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "m.safetensors"
    monkeypatch.setattr(module, "CHECKPOINT_EVERY", -1.0)
    written, write = [0], Path.write_bytes

    def fills(path: Path, data: bytes) -> int:
        written[0] += 1
        if written[0] > 3:
            write(path, data[:50])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", fills)
    with pytest.raises(OutputError, match=r"No space left on device.*free some space"):
        train_to_file(training(picture(3, 40, 44)), target)
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["m.checkpoint.safetensors"]
    model = train_to_file(training(picture(3, 40, 44)), target, resume=True)
    assert model.origin.iterations == 6


def test_a_full_disk_is_known_before_the_work(
    picture: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    begun = training(picture(3, 40, 44))
    with pytest.raises(OutputError, match="No space left"):
        train_to_file(begun, tmp_path / "m.safetensors")
    assert begun.step == 0 and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("every", "spoilt", "kept"), [(30.0, 3, 0), (-1.0, 3, 2), (-1.0, 6, 5)])
def test_a_loss_that_is_no_number_keeps_the_good_checkpoint(
    picture: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: float, spoilt: int, kept: int
) -> None:
    target = tmp_path / "m.safetensors"
    monkeypatch.setattr(module, "CHECKPOINT_EVERY", every)

    def spoil(step: TrainStep, training: Training) -> None:
        if step.step == spoilt:
            with torch.no_grad():
                training.network.final_conv[0].bias.fill_(math.nan)

    with pytest.raises(TrainingError, match=f"after step {spoilt}"):
        train_to_file(training(picture(3, 40, 44)), target, on_step=spoil)
    assert [path.name for path in tmp_path.iterdir()] == ["m.checkpoint.safetensors"]
    again = training(picture(3, 40, 44))
    restore(again, checkpoint_path(target))
    assert again.step == kept and all(bool(torch.isfinite(each).all()) for each in again.network.parameters())


@pytest.mark.parametrize(
    ("name", "word"), [("m.pt", "end in .safetensors"), ("no/m.safetensors", "create"), ("d.safetensors", "a folder")]
)
def test_places_that_cannot_be_written(picture: Picture, tmp_path: Path, name: str, word: str) -> None:
    (tmp_path / "d.safetensors").mkdir()
    with pytest.raises(OutputError, match=word):
        train_to_file(training(picture(3, 40, 44)), tmp_path / name)
