"""What a person sees while a command runs, all on standard error."""

from __future__ import annotations

import math
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from tqdm import tqdm

from ..guidance.results import Progress
from ..sinddm.training.loop import TrainStep


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def time_left(seconds: float) -> str:
    """Seconds that work will still take, as people say it."""
    return f"{seconds / 60:.0f} min" if seconds > 90 else f"{seconds:.0f} s"


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[Progress], None]]:
    """A bar that follows an edit from its first step on, and is gone when it ends."""
    bar: tqdm[Any] | None = None

    def show(progress: Progress) -> None:
        nonlocal bar
        if bar is None:
            form = "{desc} {percentage:3.0f}% {bar} {postfix}"
            bar = tqdm(total=100, desc=label, file=sys.stderr, leave=False, bar_format=form)
        bar.set_postfix_str(progress.message, refresh=False)
        bar.update(round(100 * progress.share) - bar.n)

    try:
        yield show
    finally:
        if bar is not None:
            bar.close()


@contextmanager
def interrupt_between_steps() -> Iterator[threading.Event]:
    """The first Ctrl-C sets the event instead of cutting a step in two; the second one interrupts at once."""
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()
        signal.signal(signal.SIGINT, before)
        say("sinddm-rs: stopping after this step; Ctrl-C once more stops at once.")

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def training_bar() -> Iterator[Callable[[TrainStep], None]]:
    """A bar that follows a training: its steps, its loss on every scale and the time that is left."""
    bar: tqdm[Any] | None = None

    def show(step: TrainStep) -> None:
        nonlocal bar
        if bar is None:
            form = "training {percentage:3.0f}% {bar} {postfix}"
            bar = tqdm(total=100, file=sys.stderr, leave=False, bar_format=form, mininterval=0.5, miniters=0)
        share = step.seconds / max(step.seconds + step.remaining, 1e-9)
        losses = " ".join("-" if math.isnan(loss) else f"{loss:.3f}" for loss in step.scale_losses)
        told = f"step {step.step:,}, loss by scale {losses}, {time_left(step.remaining)} left"
        bar.set_postfix_str(told, refresh=False)
        bar.update(round(100 * share) - bar.n)

    try:
        yield show
    finally:
        if bar is not None:
            bar.close()
