"""A training that ends in files: the model, checkpoints on the way, the curve of its loss."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ...errors import InputError, OutputError, TrainingError
from ...rasters.files import check_place, write_bytes
from ...rasters.locks import alone
from ..network.model import SinDDMModel
from ..network.model_file import MODEL_SUFFIX, model_bytes
from .checkpoint import checkpoint_bytes, checkpoint_path, restore
from .curves import loss_curve
from .loop import Training, TrainStep, diverged

CHECKPOINT_EVERY = 30.0
"""Seconds between two checkpoints."""

OnStep = Callable[[TrainStep, Training], None]
"""Told of every finished step; may raise to stop the training, which is then put aside."""


def train_to_file(
    training: Training, output: str | Path, *, resume: bool = False, on_step: OnStep | None = None
) -> SinDDMModel:
    """Train, and write OUTPUT.safetensors and its loss curve OUTPUT_loss.png; raises as ``train_with_checkpoint``.

    The checkpoint lies beside the output.
    """
    target = check_model_output(output)
    aside = checkpoint_path(target)
    with alone_with(aside):
        model = train_with_checkpoint(training, aside, resume=resume, on_step=on_step)
        write_bytes(target, model_bytes(model))
        write_bytes(target.with_name(f"{target.stem}_loss.png"), loss_curve(training.losses))
        aside.unlink(missing_ok=True)
    return model


@contextmanager
def alone_with(aside: Path) -> Iterator[None]:
    """While the block runs no other process trains with this checkpoint. Raises OutputError where one does."""
    busy = f"Another training is writing {aside}; wait until it has ended, or give this one another output."
    with alone(aside, busy):
        yield


def train_with_checkpoint(
    training: Training, aside: Path, *, resume: bool = False, on_step: OnStep | None = None
) -> SinDDMModel:
    """Train, with a checkpoint at ``aside`` from which ``resume`` goes on; it stays, for the caller to remove.

    To be called ``alone_with`` it.

    What ``on_step`` raises ends the training after a last checkpoint. Raises InputError (no or no fitting checkpoint
    to resume), OutputError (it cannot be written) and TrainingError (the loss is no number any more; the last
    checkpoint stays).
    """
    if resume:
        if not aside.is_file():
            raise InputError(f"There is no checkpoint {aside} to resume; train without resuming.")
        restore(training, aside)
    # Written at once, so that a full or read-only disk is known before the work, not after it.
    write_bytes(aside, checkpoint_bytes(training))
    saved = time.monotonic()
    steps = training.run()
    try:
        for step in steps:
            if on_step is not None:
                on_step(step, training)
            if time.monotonic() - saved > CHECKPOINT_EVERY:
                _put_aside(training, aside)
                saved = time.monotonic()
    except (TrainingError, OutputError):
        raise
    except BaseException:
        # Half a step would not go on bit for bit; the checkpoint before it does.
        if training.is_between_steps and training.is_sound:
            write_bytes(aside, checkpoint_bytes(training))
        raise
    if not training.is_sound:
        raise diverged(training.step)
    return training.model()


def _put_aside(training: Training, aside: Path) -> None:
    """Replace the checkpoint, but never a good one by weights that are no numbers."""
    if not training.is_sound:
        raise diverged(training.step)
    write_bytes(aside, checkpoint_bytes(training))


def check_model_output(output: str | Path) -> Path:
    """The path as a Path where a model can be written. To be called before long work. Raises OutputError."""
    target = Path(output)
    if target.suffix != MODEL_SUFFIX:
        raise OutputError(f"{target} cannot be written as a model; let its name end in {MODEL_SUFFIX}.")
    check_place(target)
    return target
