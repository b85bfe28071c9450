"""What a person sees while a command runs, all on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from tqdm import tqdm

from ..guidance.results import Progress


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[Progress], None]]:
    """A bar that follows an edit from its first step on, and is gone when it ends."""
    with ExitStack() as shown:
        bar: list[Any] = []

        def show(progress: Progress) -> None:
            if not bar:
                form = "{desc} {percentage:3.0f}% {bar} {postfix}"
                bar.append(
                    shown.enter_context(tqdm(total=100, desc=label, file=sys.stderr, leave=False, bar_format=form))
                )
            bar[0].set_postfix_str(progress.message, refresh=False)
            bar[0].update(round(100 * progress.share) - bar[0].n)

        yield show
