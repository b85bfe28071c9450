"""The watcher itself: what it must notice, and what it must let pass."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from watching import Deed, Watcher, breaches, has_strace, leaks

KEY = "sk-planted-0123456789abcdef"
QUIETLY = "import os, socket, subprocess, sys, sqlite3\nfrom contextlib import suppress\n"
C = "import ctypes\nlibc = ctypes.CDLL(None)\n"
WATCHERS = [
    "audit",
    pytest.param("strace", marks=pytest.mark.skipif(not has_strace(), reason="no strace that may trace here")),
]


def seen(by: str, code: str, tmp_path: Path) -> list[str]:
    """What of a program is not allowed that may write into ``work`` alone."""
    work = tmp_path / "work"
    work.mkdir()
    watcher = Watcher(tmp_path, work, (by,))
    command = [*watcher.prefix, sys.executable, "-B", "-c", QUIETLY + code]
    done = subprocess.run(command, cwd=work, env=os.environ | watcher.environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return breaches(watcher.deeds(), ["127.0.0.1:7"], [work])


@pytest.mark.parametrize("by", WATCHERS)
@pytest.mark.parametrize(
    ("code", "breach"),
    [
        ("with suppress(OSError): socket.create_connection(('127.0.0.1', 9))", "connect 127.0.0.1:9"),
        ("socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('127.0.0.1', 9))", "connect 127.0.0.1:9"),
        ("with suppress(OSError): socket.socket(socket.AF_INET6).connect(('::1', 9))", "connect ::1:9"),
        ("open('../outside', 'w')", "write ../outside"),
        ("os.close(os.open('../outside', os.O_CREAT | os.O_WRONLY))", "write ../outside"),
        ("open('inside', 'w'); os.rename('inside', '../outside')", "write ../outside"),
        ("os.mkdir('../outside')", "write ../outside"),
        ("os.symlink('/', '../outside')", "write ../outside"),
        ("above = os.open('..', os.O_RDONLY); os.mkdir('outside', dir_fd=above)", "write ../outside"),
        ("subprocess.run([sys.executable, '-c', \"open('../outside', 'w')\"])", "write ../outside"),
    ],
)
def test_what_is_not_allowed_is_noticed(by: str, code: str, breach: str, tmp_path: Path) -> None:
    kind, target = breach.split()
    target = str(tmp_path / target[3:]) if kind == "write" else target
    found = [(each.split()[0], os.path.normpath(each.split()[1])) for each in seen(by, code, tmp_path)]
    assert (kind, target) in found


def test_a_name_that_is_looked_up_is_noticed(tmp_path: Path) -> None:
    code = "with suppress(OSError): socket.getaddrinfo('nowhere.invalid', 80)"
    assert seen("audit", code, tmp_path) == ["resolve nowhere.invalid"]


@pytest.mark.skipif(not has_strace(), reason="no strace that may trace here")
def test_what_c_code_does_is_noticed(tmp_path: Path) -> None:
    address = "b'\\2\\0\\0\\11\\x7f\\0\\0\\1' + bytes(8)"
    code = f"libc.creat(b'../outside', 0o600)\nlibc.connect(libc.socket(2, 1, 0), {address}, 16)"
    found = seen("strace", C + code, tmp_path)
    assert "connect 127.0.0.1:9" in found and any(each.endswith("/../outside") for each in found)


@pytest.mark.parametrize("by", WATCHERS)
def test_what_is_allowed_passes(by: str, tmp_path: Path) -> None:
    code = (
        "with suppress(OSError): socket.create_connection(('127.0.0.1', 7))\n"
        "socket.getaddrinfo('127.0.0.1', 7)\nsocket.socketpair()\nsocket.create_server(('127.0.0.1', 0))\n"
        "open('a', 'w').write('')\nopen('a').read()\nopen(os.devnull, 'w')\nos.replace('a', 'b')\nos.listdir('..')\n"
    )
    assert seen(by, code, tmp_path) == []


def test_a_breach_is_of_any_of_its_kinds() -> None:
    deeds = [Deed("connect", "10.0.0.1:80"), Deed("resolve", "example.org"), Deed("write", "/tmp/a/../b")]
    assert len(breaches(deeds, folders=[Path("/tmp/a")])) == 3
    assert breaches(deeds, ["10.0.0.1:80", "example.org:80"], [Path("/tmp")]) == []


def test_a_leak_is_found_wherever_it_is(tmp_path: Path) -> None:
    assert leaks(KEY, tmp_path, "nothing", b"") == []
    (tmp_path / "plain").write_text(f"Bearer {KEY}")
    (tmp_path / "plain2.bin").write_bytes(b"\0" + KEY.encode() + b"\0")
    (tmp_path / f"named-{KEY}").touch()
    info = PngInfo()
    info.add_itxt("prompt", f"key {KEY} " * 50, zip=True)
    Image.new("L", (8, 8)).save(tmp_path / "text.png", pnginfo=info)
    (tmp_path / "coded").write_text("x-QmVhcmVyIHNrLXBsYW50ZWQtMDEyMzQ1Njc4OWFiY2RlZg==")
    assert len(leaks(KEY, tmp_path)) == 5
    assert len(leaks(KEY, tmp_path / "none", f"error: {KEY}", KEY.encode())) == 2
