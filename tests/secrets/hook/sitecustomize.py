"""Imported by every Python below a watched one before anything else: tells what it connects to and writes."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

LOG = os.open(os.environ["SINDDM_RS_WATCH"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGED = {"os.mkdir": (0,), "os.remove": (0,), "os.rmdir": (0,), "os.truncate": (0,), "sqlite3.connect": (0,)}
CHANGED |= {"os.rename": (0, 1), "os.link": (1,), "os.symlink": (1,)}
FOLDERS = {
    "os.mkdir": (2,),
    "os.remove": (1,),
    "os.rmdir": (1,),
    "os.rename": (2, 3),
    "os.link": (3,),
    "os.symlink": (2,),
}
"""Where an event's arguments hold the open folder, if any, that its paths are relative to."""


def tell(kind: str, target: str) -> None:
    os.write(LOG, f"{json.dumps([kind, target])}\n".encode())


def place(path: Any, folder: Any = -1) -> str:
    name = os.fsdecode(path)
    opened = isinstance(folder, int) and folder >= 0
    return str((Path(f"/proc/self/fd/{folder}").readlink() if opened else Path.cwd()) / name)


def watch(event: str, details: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = details[1]
        if isinstance(address, tuple):
            tell("connect", f"{address[0]}:{address[1]}")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        tell("resolve", str(details[0]))
    elif event == "open":
        path, mode, flags = details
        writes = set(mode) & set("wax+") if isinstance(mode, str) else flags & WRITING
        if writes and not isinstance(path, int):
            tell("write", place(path))
    elif event in CHANGED:
        for at, path in enumerate(CHANGED[event]):
            folders = FOLDERS.get(event, ())
            folder = details[folders[at]] if at < len(folders) else -1
            if isinstance(details[path], (str, bytes, os.PathLike)) and details[path] != ":memory:":
                tell("write", place(details[path], folder))


sys.addaudithook(watch)
