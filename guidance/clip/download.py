"""Fetches a preset's weights from the Hugging Face Hub; called only when the user asks for it.

A download that broke off goes on where it stopped. (Recent versions of ``hf_hub_download`` begin anew, therefore the
file is kept here and only its transfer is huggingface_hub's.)
"""

from __future__ import annotations

import errno
import glob
import hashlib
import io
import logging
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...errors import InputError, OutputError, ServiceError
from ...rasters.files import check_place, make_folder
from ...rasters.locks import in_turn
from .presets import FOLDER_WEIGHTS, Preset, by_hand

_log = logging.getLogger(__name__)

Report = Callable[[int, int | None], None]
"""Called with the bytes that are there and the bytes of the whole file, as far as known."""
SHA256 = re.compile(r"[0-9a-f]{64}")
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EFBIG)


def fetch(preset: Preset, folder: Path, report: Report | None = None, endpoint: str | None = None) -> Path:
    """Download the preset's weights into ``folder`` and return their path (git-rsclip: the path of its folder).

    Size and SHA-256 are checked against the Hub's and, where known, the preset's. A file that is there already and is
    right is not fetched again. endpoint: another hub than huggingface.co. Raises InputError for a preset that no hub
    has, ServiceError where the hub gives no or a wrong file, OutputError where it cannot be stored.
    """
    if preset.page is not None:
        raise InputError(f"The weights of {preset.name} are on no hub; {by_hand(preset, folder)}.")
    make_folder(folder)
    if preset.kind == "siglip":
        return _fetch_folder(preset, folder / preset.local_name, report, endpoint)
    repo, file = hub_file(preset)
    return _fetch_file(repo, file, folder / preset.local_name, preset.sha256, report, endpoint)


def hub_file(preset: Preset) -> tuple[str, str]:
    """Repository and file on the Hub; for OpenAI's and LAION's models open_clip knows them.

    Raises InputError where it does not.
    """
    if preset.repo is not None and preset.file is not None:
        return preset.repo, preset.file
    import open_clip  # noqa: PLC0415 (takes seconds)
    from open_clip.constants import HF_SAFE_WEIGHTS_NAME  # noqa: PLC0415 (as above)

    place = str(open_clip.get_pretrained_cfg(preset.architecture, preset.tag).get("hf_hub", ""))
    if not place:
        raise InputError(f"This open_clip does not know where {preset.name} is; pip install -U open_clip_torch.")
    return place.rstrip("/"), HF_SAFE_WEIGHTS_NAME


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()


def _fetch_folder(preset: Preset, folder: Path, report: Report | None, endpoint: str | None) -> Path:
    from huggingface_hub import HfApi  # noqa: PLC0415 (not needed before a download)

    repo = str(preset.repo)
    page = _page(repo, endpoint)
    try:
        names = HfApi(endpoint=endpoint, token=False).list_repo_files(repo)
    except Exception as error:
        raise _explained(error, page, folder) from error
    weights = [name for name in FOLDER_WEIGHTS if name in names][:1]
    if not weights:
        raise ServiceError(f"{page} has no {FOLDER_WEIGHTS[0]} any more; look there for what to put into {folder}.")
    small = [name for name in names if "/" not in name and Path(name).suffix in (".json", ".model", ".txt")]
    make_folder(folder)
    for name in (*small, *weights):
        _fetch_file(repo, name, folder / name, None, report, endpoint)
    return folder


def _fetch_file(
    repo: str, file: str, target: Path, sha256: str | None, report: Report | None, endpoint: str | None
) -> Path:
    check_place(target)
    # Of two processes that want the same file the second waits, and then finds what the first has fetched.
    with in_turn(target, lambda: _log.warning("Another process is fetching %s; waiting for it.", target)):
        return _fetch_alone(repo, file, target, sha256, report, endpoint)


def _fetch_alone(
    repo: str, file: str, target: Path, sha256: str | None, report: Report | None, endpoint: str | None
) -> Path:
    from huggingface_hub import get_hf_file_metadata, hf_hub_url  # noqa: PLC0415 (not needed before a download)

    url = hf_hub_url(repo, file, endpoint=endpoint)
    try:
        # Without the user's token: the files are public, and their bytes come from another host.
        found = get_hf_file_metadata(url, token=False)
    except Exception as error:
        raise _explained(error, url, target) from error
    etag = (found.etag or "").lower()
    # The Hub's ETag of a large file is its SHA-256; a small one has a Git hash.
    expected = sha256 or (etag if SHA256.fullmatch(etag) else None)
    if target.exists() and target.stat().st_size == found.size and expected in (None, sha256_of(target)):
        return target
    partial = target.with_name(f".{target.name}.{re.sub('[^0-9a-z]', '', etag)[:16]}.part")
    try:
        if not etag:  # nothing says that what is there belongs to the same version
            partial.unlink(missing_ok=True)
        _check_space(target, found.size, partial)
        try:
            _store(found.location or url, partial, found.size, report)
        except OSError:
            if found.size is None or partial.stat().st_size <= found.size:
                raise
            # Before 1.0 huggingface_hub appends the whole file where a server does not go on.
            _store(found.location or url, partial, found.size, report)
    except OutputError:
        raise
    except Exception as error:
        there = partial.stat().st_size if partial.exists() else 0
        raise _explained(error, url, target, there) from error
    if expected is not None and sha256_of(partial) != expected:
        partial.unlink()
        raise ServiceError(f"{url} came with another SHA-256 than {expected} and was deleted; fetch it again.")
    partial.replace(target)
    for older in target.parent.glob(f".{glob.escape(target.name)}.*.part"):  # of versions that were never fetched whole
        older.unlink(missing_ok=True)
    return target


def _store(url: str, partial: Path, size: int | None, report: Report | None) -> None:
    from huggingface_hub.file_download import http_get  # noqa: PLC0415 (not needed before a download)

    with _Reporting(partial, size, report) as stored:
        http_get(url, stored, resume_size=stored.tell(), expected_size=size)


class _Reporting(io.BufferedWriter):
    """A file that is written on where it ends, and says how much of it there is."""

    def __init__(self, path: Path, whole: int | None, report: Report | None) -> None:
        super().__init__(io.FileIO(path, "ab"))
        self._whole, self._report = whole, report
        if whole is not None and self.tell() > whole:
            self.truncate(0)
            self.seek(0)

    def write(self, data: Any) -> int:
        count = super().write(data)
        if self._report is not None:
            self._report(self.tell(), self._whole)
        return count


def _check_space(target: Path, size: int | None, partial: Path) -> None:
    free, there = shutil.disk_usage(target.parent).free, partial.stat().st_size if partial.exists() else 0
    if size is not None and size - there > free:
        raise OutputError(
            f"{target} cannot be stored since {target.parent} has {free / 1e6:,.0f} MB free and it needs"
            f" {(size - there) / 1e6:,.0f}; free some space or choose another folder."
        )


def _page(repo: str, endpoint: str | None) -> str:
    from huggingface_hub import constants  # noqa: PLC0415 (not needed before a download)

    return f"{(endpoint or constants.ENDPOINT).rstrip('/')}/{repo}"


def _explained(error: Exception, url: str, target: Path, there: int = 0) -> ServiceError | OutputError:
    """A sentence for whatever a request raised, with so many bytes ``there`` already.

    The classes of errors differ between versions of huggingface_hub.
    """
    else_by_hand = f"or fetch it by hand and store it as {target}"
    if type(error).__name__ == "OfflineModeIsEnabled":
        return ServiceError(f"{url} is not fetched since HF_HUB_OFFLINE is set; unset it, {else_by_hand}.")
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return ServiceError(f"{url} cannot be fetched (the server answers {status}); try again later, {else_by_hand}.")
    if isinstance(error, OSError) and error.errno in DISK_ERRORS:
        return OutputError(f"{target} cannot be stored ({error.strerror}); choose another folder or free some space.")
    reason = next(iter(str(error).splitlines()), "") or type(error).__name__
    if there:
        return ServiceError(
            f"{url} broke off after {there:,} bytes ({reason[:150]}); fetch it again to go on from there."
        )
    return ServiceError(f"{url} cannot be reached ({reason[:150]}); check the network and try again, {else_by_hand}.")
