"""What a person sees while a command runs, all on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from ..guidance.results import Progress


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


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
