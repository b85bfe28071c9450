"""setuptools' own backend, but its archives hold nothing of the machine that wrote them.

setuptools stores when each file was written, its permissions, which follow the umask of whoever copied the tree, and
in an sdist its owner. Here every time is SOURCE_DATE_EPOCH (or 1980, the first that a zip can say), every file 644,
every owner root; the contents are setuptools' to the byte.
"""

from __future__ import annotations

import gzip
import os
import stat
import tarfile
import time
import zipfile
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import (
    build_editable,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

ZIP_BEGINS = 315532800
"""1980-01-01 in seconds of Unix."""
Settings = dict[str, Any] | None


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    name: str = build_meta.build_sdist(sdist_directory, config_settings)
    _rewrite_tar(Path(sdist_directory) / name)
    return name


def build_wheel(wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None) -> str:
    name: str = build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)
    _rewrite_zip(Path(wheel_directory) / name)
    return name


def _epoch() -> int:
    return max(int(os.environ.get("SOURCE_DATE_EPOCH", ZIP_BEGINS)), ZIP_BEGINS)


def _rewrite_tar(path: Path) -> None:
    def anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.mtime = _epoch()
        member.mode = 0o755 if member.isdir() else 0o644
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.pax_headers = {}
        return member

    temporary = path.with_suffix(".tmp")
    with (
        tarfile.open(path) as old,
        temporary.open("wb") as file,
        # No name in the header: it would be that of the temporary file.
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=_epoch()) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in sorted(old.getmembers(), key=lambda each: each.name):
            new.addfile(anonymous(member), old.extractfile(member) if member.isfile() else None)
    temporary.replace(path)


def _rewrite_zip(path: Path) -> None:
    temporary = path.with_suffix(".tmp")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, time.gmtime(_epoch())[:6])
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, so that the permissions count wherever it was built
            new.writestr(entry, old.read(name))
    temporary.replace(path)
