"""Training as a node."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from ..guidance.settings import check_seed
from ..rasters.files import make_folder
from ..sinddm.fingerprint import fingerprint
from ..sinddm.network.model import SinDDMModel
from ..sinddm.network.model_file import MODEL_SUFFIX
from ..sinddm.training.checkpoint import checkpoint_path
from ..sinddm.training.loop import Training, TrainSettings
from ..sinddm.training.recipes import RECIPES
from ..sinddm.training.run import OnStep, alone_with, train_with_checkpoint
from ..sinddm.value_range import to_signed
from .host import device, gradients, sinddm_folders, warn
from .instant_model import model_pictures
from .progress import TrainingWatch, loss_picture, progress_bar
from .types import check_range, seed_input, to_image

DEFAULTS = TrainSettings()
MAX_TIME_BUDGET = 604_800.0
TRAININGS = "trainings"
"""Folder in models/sinddm for what resumes a training."""


class SinDDMTrain:
    CATEGORY = "SinDDM-RS"
    DESCRIPTION = (
        "Trains the paper's network on one image. Cancel keeps a checkpoint, from which 'resume' goes on as if "
        "nothing had happened."
    )
    FUNCTION = "train"
    RETURN_TYPES = ("SINDDM_MODEL", "IMAGE", "INT")
    RETURN_NAMES = ("model", "loss", "steps")
    OUTPUT_TOOLTIPS = (
        "The trained model, for SinDDM Edit by Text, SinDDM Sample and SinDDM Save Model.",
        "The curve of the loss, as a picture.",
        "How many steps were made.",
    )

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 (ComfyUI's name)
        return {
            "required": {
                "image": ("IMAGE", {"tooltip": "The image to learn: one, not a batch."}),
                "recipe": (
                    list(RECIPES),
                    {
                        "default": DEFAULTS.recipe,
                        "tooltip": "fast: some minutes on a CPU. reference: as published, hours on a GPU.",
                    },
                ),
                "iterations": (
                    "INT",
                    {
                        "default": DEFAULTS.iterations or 0,
                        "min": 0,
                        "max": 1_000_000,
                        "tooltip": "Training steps; 0 makes the recipe's own number.",
                    },
                ),
                "time_budget": (
                    "FLOAT",
                    {
                        "default": DEFAULTS.time_budget or 0.0,
                        "min": 0.0,
                        "max": MAX_TIME_BUDGET,
                        "step": 1.0,
                        "tooltip": "Seconds after which the training ends in good order; 0 sets no limit.",
                    },
                ),
                "seed": seed_input(
                    "The same seed gives the same weights on one machine. Keep it fixed, or every run trains anew."
                ),
            },
            "optional": {
                "exemplars": (
                    "IMAGE",
                    {"tooltip": "Further pictures to know as well, such as an event elsewhere: one or a batch."},
                ),
                "resume": (
                    "BOOLEAN",
                    {
                        "default": False,
                        "tooltip": "Go on from where a cancelled training of the same image, exemplars, recipe and "
                        "seed was put aside, if there is one. Off, it begins anew.",
                    },
                ),
            },
        }

    def train(
        self,
        *,
        image: Tensor,
        recipe: str,
        iterations: int,
        time_budget: float,
        seed: int,
        exemplars: Tensor | None = None,
        resume: bool = False,
    ) -> tuple[SinDDMModel, Tensor, int]:
        check_range("time_budget", time_budget, 0.0, MAX_TIME_BUDGET)
        settings = TrainSettings(
            recipe, iterations or None, time_budget or None, seed=check_seed(seed), device=device()
        )
        with gradients():
            source, further = model_pictures(image, exemplars)
            training = Training(to_signed(source), settings, [to_signed(each) for each in further])
            folder = make_folder(sinddm_folders()[0] / TRAININGS)
            aside = checkpoint_path(folder / training_name(source, further, settings))
            model = train_put_aside(training, aside, resume, TrainingWatch(progress_bar(1)(0)))
            return model, to_image([loss_picture(training.losses)]), training.step


def training_name(image: Tensor, exemplars: Sequence[Tensor], settings: TrainSettings) -> str:
    """The model file's name of the training of these pictures with this recipe and seed."""
    known = hashlib.sha256("".join(map(fingerprint, (image, *exemplars))).encode()).hexdigest()
    return f"{known[:16]}-{settings.recipe}-{settings.seed}{MODEL_SUFFIX}"


def train_put_aside(training: Training, aside: Path, resume: bool, on_step: OnStep) -> SinDDMModel:
    """Train, and leave the checkpoint ``aside`` where the training does not reach its end; else no file."""
    with alone_with(aside):
        try:
            model = train_with_checkpoint(training, aside, resume=resume and aside.is_file(), on_step=on_step)
        except BaseException:
            if aside.is_file() and training.step > 0:
                warn(f"The training is put aside after {training.step:,} steps; turn on 'resume' to go on.")
            raise
        aside.unlink(missing_ok=True)
    return model
