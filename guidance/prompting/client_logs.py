"""The logs of the HTTP client that asks a language model."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident

CLIENTS = ("openai", "httpx", "httpcore")


@contextmanager
def unheard() -> Iterator[None]:
    """Drop what the client logs in this thread, at any level: a server's headers and status may repeat the key.

    To be entered once the client is made, since some of its loggers come with it.
    """
    thread = get_ident()

    def of_others(record: logging.LogRecord) -> bool:
        return record.thread != thread

    known = tuple(logging.root.manager.loggerDict)
    loggers = [logging.getLogger(name) for name in known if name.startswith(CLIENTS)]
    for logger in loggers:
        logger.addFilter(of_others)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(of_others)
