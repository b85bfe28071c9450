"""This project's ways to edit, by name: as it edits by default, as published, and each part left out or replaced."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import InputError
from ..guidance.editing import edit_image
from ..guidance.event_pictures import event_pictures
from ..guidance.guides import load_guide
from ..guidance.presets import PRESETS, Steering
from ..guidance.settings import EditSettings
from ..guidance.views import Views
from ..rasters.files import make_folder
from ..sinddm.fingerprint import fingerprint
from ..sinddm.network.model import SinDDMModel
from ..sinddm.network.model_file import load_model
from ..sinddm.training.checkpoint import checkpoint_path
from ..sinddm.training.loop import Training, TrainSettings
from ..sinddm.training.run import train_to_file
from ..sinddm.value_range import to_signed
from .code import EDITING, code_digest
from .scorers import guide_digest

TRAIN_SECONDS = 120.0
"""Time budget of the training of one scene's network."""


class EditWarning(UserWarning):
    """What an edit tells its user, passed on by Python's warnings, since a method returns its picture alone."""


@dataclass(frozen=True)
class SteeredSettings(EditSettings):
    """Settings with a way of steering that has no name of its own; ``how`` takes the place of the preset's."""

    how: Steering | None = None

    @property
    def steering(self) -> Steering:
        """``how``, or the preset's where it is None."""
        return self.how or super().steering


@dataclass(frozen=True)
class Variant:
    """A way to edit. what: in words. beside: the method that it differs from in this one thing.

    trained: a network of the scene, trained with the event, paints too.
    """

    what: str
    settings: EditSettings
    beside: str = "default"
    trained: bool = False


_DEFAULT, _PAPER = PRESETS["default"], PRESETS["paper"]

VARIANTS: dict[str, Variant] = {
    "default": Variant("As sinddm-rs edits: patches, drawn exemplars, compact guide, ten wordings.", EditSettings()),
    "no-ensemble": Variant("The text alone steers, not the mean of its wordings.", EditSettings(prompts="none")),
    "no-guidance": Variant(
        "No step toward the text; the event is drawn all the same, where the guide likes it.",
        SteeredSettings(how=replace(_DEFAULT, share=0.0)),
    ),
    "guide-alone": Variant(
        "Nothing is drawn or painted; the guide's gradient is all.",
        SteeredSettings(how=replace(_DEFAULT, invents=False)),
    ),
    **{
        f"views-{count}": Variant(
            f"The guide is shown {count} view{'s' * (count > 1)} at a step instead of {_DEFAULT.views.count}.",
            SteeredSettings(how=replace(_DEFAULT, views=Views(count))),
        )
        for count in (1, 8, 16)
    },
    "all-scales": Variant("The finest scale is guided too.", SteeredSettings(how=replace(_DEFAULT, unguided_scales=0))),
    "one-scale-less": Variant(
        "The two finest scales are not guided.", SteeredSettings(how=replace(_DEFAULT, unguided_scales=2))
    ),
    "paper": Variant("The published steering, with the patch model: nothing drawn.", EditSettings(preset="paper")),
    "paper-no-ensemble": Variant(
        "The published steering toward the text alone.", EditSettings(preset="paper", prompts="none"), "paper"
    ),
    "no-mix": Variant(
        "The published steering without its preserving mix.",
        SteeredSettings(how=replace(_PAPER, remembered=0.0)),
        "paper",
    ),
    "hybrid": Variant("A trained network goes over what the patches lay out.", EditSettings(), trained=True),
    "network": Variant(
        "The published steering, and a trained network in the place of the patches.",
        EditSettings(preset="paper"),
        "paper",
        trained=True,
    ),
}
OTHER_GUIDE = "other-guide"
"""The method that another, not robustly trained guide of the user's steers; there is none without such a guide."""
ABLATIONS = tuple(name for name in VARIANTS if name != "views-8")


@dataclass(frozen=True)
class TrainedModels:
    """Networks of scenes, each trained once and kept in ``folder``; ``seconds`` is the time budget of one."""

    folder: Path
    seconds: float = TRAIN_SECONDS
    device: str = "cpu"

    def model(self, image: Tensor, text: str) -> SinDDMModel:
        """The network of ``image`` [C, H, W] in 0…1, which knows the event of ``text`` where there is one.

        A training that was interrupted goes on from its checkpoint. Raises InputError, OutputError, TrainingError and
        OutOfMemoryError.
        """
        name = hashlib.sha256(f"{fingerprint(image)} {text} {self.seconds:g}".encode()).hexdigest()[:16]
        path = self.folder / f"{name}.safetensors"
        if path.is_file():
            return load_model(path)
        make_folder(self.folder)
        events: tuple[str, ...] = ()
        drawn: list[Tensor] = []
        try:
            event, drawn = event_pictures(image, text)
            events = (event,)
        except InputError as error:  # nothing can be drawn; the network then knows the scene alone
            warnings.warn(str(error), EditWarning, stacklevel=2)
        settings = TrainSettings(time_budget=self.seconds, device=self.device)
        training = Training(to_signed(image), settings, [to_signed(each) for each in drawn], events=events)
        return train_to_file(training, path, resume=checkpoint_path(path).is_file())


@dataclass(frozen=True)
class OwnMethod:
    """A variant, ready to edit; implements ``Method``. models: where its networks are, if it has any."""

    name: str
    variant: Variant
    device: str = "cpu"
    models: TrainedModels | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """All that its edits depend on besides image, request, region and seed; ready for JSON."""
        settings = {key: value for key, value in asdict(self.variant.settings).items() if key not in ("seed", "how")}
        told = settings | {
            "device": self.device,
            "steering": asdict(self.variant.settings.steering),
            "guide_weights": guide_digest(load_guide(self.variant.settings.guide, self.device)),
            "code": code_digest(EDITING),
        }
        return told if self.models is None else told | {"train_seconds": self.models.seconds}

    def prepare(self, image: Tensor, request: str) -> None:
        """Train what an edit of ``image`` (float [C, H, W] in 0…1) needs, which is not part of the edit's own time.

        Raises as ``TrainedModels.model``.
        """
        if self.models is not None:
            self.models.model(image, request)

    def edit(self, image: Tensor, request: str, region: Tensor | None, seed: int) -> Tensor:
        """As ``Method.edit``: float [C, H, W] in 0…1; what the edit warns of is issued as an ``EditWarning``.

        Raises as ``edit_image`` and ``TrainedModels.model``.
        """
        settings = replace(self.variant.settings, seed=seed, device=self.device)
        result = edit_image(
            image,
            request,
            roi=region,
            settings=settings,
            model=None if self.models is None else self.models.model(image, request),
            guide=load_guide(settings.guide, self.device),
        )
        for warning in result.warnings:
            warnings.warn(warning, EditWarning, stacklevel=2)
        return result.image


def own_method(name: str, models: TrainedModels, other_guide: str | None = None) -> OwnMethod:
    """This project's method of that name, on the device of ``models``, which keeps the networks that it may train.

    other_guide: name or file of the guide that the method ``other-guide`` is steered by. Raises InputError.
    """
    variants = VARIANTS if other_guide is None else VARIANTS | {OTHER_GUIDE: _other(other_guide)}
    if name == OTHER_GUIDE and other_guide is None:
        raise InputError(f"The method {OTHER_GUIDE} needs a guide; name one or its file with --other-guide.")
    if name not in variants:
        raise InputError(f"There is no method '{name}'; choose among {', '.join(variants)}, or add a --baseline.")
    variant = variants[name]
    return OwnMethod(name, variant, models.device, models if variant.trained else None)


def _other(guide: str) -> Variant:
    return Variant(f"Steered by {guide} instead of the robustly trained guide.", EditSettings(guide=guide))
