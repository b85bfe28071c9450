"""What processes connect to and write, seen by Python's audit hook and by strace, where there is one; leaked keys."""

from __future__ import annotations

import base64
import ipaddress
import json
import os
import re
import shutil
import subprocess
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

from PIL import Image

HOOK = Path(__file__).with_name("hook")
CALLS = "connect,sendto,sendmsg,sendmmsg,open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,"
CALLS += "rmdir,link,linkat,symlink,symlinkat,truncate"
INET = re.compile(r'sin6?_port=htons\((\d+)\).*?"([^"]*)"')
CALL = re.compile(r"^\d+ +(\w+)\((.*)")
PATH = re.compile(r'(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"(?:, ([A-Z_|]+))?')
WRITING = re.compile(r"O_(WRONLY|RDWR|CREAT|TRUNC|APPEND)")
OF_THE_USER = re.compile("XDG_|HF_|SINDDM|OPENAI|TORCHINDUCTOR_|.*PROXY", re.IGNORECASE)
"""Environment variables that would choose other places than those of a new user; torch sets its own as it compiles."""
SYSTEM = ("/dev/", "/proc/")
"""Written to by C libraries: null, shared memory, and names of threads."""

Kind = Literal["connect", "resolve", "write"]


@dataclass(frozen=True)
class Deed:
    """target: host:port of a connection, the name that was looked up, or the path of what was written or removed."""

    kind: Kind
    target: str


@cache
def has_strace() -> bool:
    strace = shutil.which("strace")
    tried = strace and subprocess.run(
        [strace, "-qq", "-f", "--seccomp-bpf", "-y", "-e", "trace=connect", "true"], check=False
    )
    return bool(tried) and tried.returncode == 0


@dataclass(frozen=True)
class Watcher:
    """Watches what is started with its ``prefix`` in its ``environment``, with all processes that this starts.

    log: a folder of its own. cwd: where it is started. by: who watches.
    """

    log: Path
    cwd: Path
    by: Collection[str] = field(default_factory=lambda: ("audit", "strace") if has_strace() else ("audit",))

    @property
    def prefix(self) -> list[str]:
        options = ["-f", "-qq", "--seccomp-bpf", "-y", "-s", "4096", "-e", "signal=none", "-e", f"trace={CALLS}"]
        return ["strace", *options, "-o", str(self._trace)] if "strace" in self.by else []

    @property
    def environment(self) -> dict[str, str]:
        watched = {"PYTHONPATH": str(HOOK), "SINDDM_RS_WATCH": str(self._audit)}
        return watched if "audit" in self.by else {}

    def deeds(self) -> set[Deed]:
        seen = set[Deed]()
        if "audit" in self.by:
            lines = self._audit.read_text(encoding="utf-8").splitlines()
            seen |= {Deed(*json.loads(line)) for line in lines}
        if "strace" in self.by:
            traced = self._trace.read_text(encoding="utf-8", errors="replace").splitlines()
            seen |= {deed for line in traced for deed in _traced(line, self.cwd)}
        return seen - {Deed("write", str(self._audit))}

    @property
    def _audit(self) -> Path:
        return self.log / "audit.jsonl"

    @property
    def _trace(self) -> Path:
        return self.log / "strace.txt"


def _traced(line: str, cwd: Path) -> Iterator[Deed]:
    call = CALL.match(line)
    if call is None:
        return
    name, arguments = call.groups()
    if name in ("connect", "sendto", "sendmsg", "sendmmsg"):
        yield from (Deed("connect", f"{host}:{port}") for port, host in INET.findall(arguments))
        return
    paths = list(PATH.finditer(arguments))
    if (name in ("open", "openat") and not (paths and WRITING.search(paths[0][3] or ""))) or " = -1 E" in arguments:
        return
    if name.startswith(("symlink", "link")):
        paths = paths[1:]
    for path in paths:
        yield Deed("write", os.path.join(path[1] or cwd, path[2]))  # noqa: PTH118 (an absolute one stays)


def breaches(deeds: Iterable[Deed], servers: Collection[str] = (), folders: Sequence[Path] = ()) -> list[str]:
    """Deeds that are not allowed: connections but to ``servers`` (host:port), writing but in ``folders``."""
    names = {server.rpartition(":")[0] for server in servers}
    found = []
    for deed in deeds:
        if deed.kind == "connect":
            allowed = deed.target in servers
        elif deed.kind == "resolve":
            allowed = deed.target in names or _is_address(deed.target)
        else:
            path = Path(os.path.normpath(deed.target))
            allowed = deed.target.startswith(SYSTEM) or "__pycache__" in path.parts
            allowed = allowed or any(path.is_relative_to(folder) for folder in folders)
        if not allowed:
            found.append(f"{deed.kind} {deed.target}")
    return sorted(found)


def _is_address(name: str) -> bool:
    """Whether nobody is asked for the name."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def leaks(key: str, folder: Path, *said: str | bytes) -> list[str]:
    """Where a key is, plainly or in base64: in files below the folder, their names and texts, and what was said."""
    forms = {key.encode(), *(base64.b64encode(b"x" * i + key.encode())[4:-4] for i in range(3))}
    found = [f"said: {text[:80]!r}" for text in said if _holds(forms, text)]
    for path in folder.rglob("*"):
        if _holds(forms, str(path)) or (path.is_file() and any(_holds(forms, text) for text in _contents(path))):
            found.append(str(path))
    return found


def _contents(path: Path) -> Iterator[str | bytes]:
    yield path.read_bytes()
    if path.suffix in (".png", ".webp", ".jpg", ".tif"):
        with Image.open(path) as picture:  # its texts may be compressed
            yield str({**picture.info, "exif": dict(picture.getexif())})


def _holds(forms: Collection[bytes], text: str | bytes) -> bool:
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    return any(form in data for form in forms)
