"""What of a raster is copied as it is, beside the windows that an edit writes: its blocks, tags and sidecar files."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from typing import Any

from ..rasters.temporary import replacing
from .libraries import rasterio
from .source import GeoSource, opened

LOSSLESS = "DEFLATE"
BESIDE = (".aux.xml", ".msk", ".ovr")
"""What GDAL keeps beside ``name.tif`` as ``name.tif.aux.xml`` and so on."""
_OF_THE_FILE = ("IMAGE_STRUCTURE", "DERIVED_SUBDATASETS", "RPC", "COLOR_PROFILE", "rio_overview")
"""Domains of tags that say how a file is stored, or that are copied otherwise."""


def copy_lossless(source: GeoSource, target: Path) -> None:
    """All that the source holds but its overviews in a TIFF without loss, block by block.

    Raises InputError for a damaged source, OSError where the target cannot be written.
    """
    lib = rasterio()
    with opened(source.path) as file:
        profile = file.profile | {"driver": "GTiff", "compress": LOSSLESS}
        profile.pop("photometric", None)
        if not source.dtype.startswith("float"):
            profile["predictor"] = 2
        masked = any("per_dataset" in flag.name for flags in file.mask_flag_enums for flag in flags)
        bigtiff = {"BIGTIFF": "IF_SAFER", "SPARSE_OK": "FALSE"}
        with lib.Env(GDAL_TIFF_INTERNAL_MASK=True), lib.open(target, "w", **profile, **bigtiff) as copy:
            for _, place in file.block_windows(1):
                copy.write(file.read(window=place), window=place)
                if masked and source.alpha is None:
                    copy.write_mask(file.dataset_mask(window=place), window=place)
            _copy_tags(file, copy)
        # GDAL puts off errors of the disk until it closes a file, and then swallows them.
        with opened(target) as copy:
            for _, place in file.block_windows(1):
                if file.read(window=place).tobytes() != copy.read(window=place).tobytes():
                    raise OSError(errno.EIO, "it was not stored whole")


def copy_sidecars(source: Path, target: Path) -> None:
    """The files that say more of ``source`` (world file, metadata, mask), under the names of ``target``.

    Overviews are not among them: they show the source. What an older target left there is removed.
    Raises InputError for a damaged source, OSError where they cannot be written.
    """
    with opened(source) as file:
        found = [Path(each) for each in file.files if Path(each) != source]
    made = set()
    for each in found:
        if each.name.startswith(source.stem) and each.suffix != ".ovr":
            rest = each.name.removeprefix(source.name)
            name = target.name + rest if rest != each.name else target.stem + each.name.removeprefix(source.stem)
            with replacing(target.with_name(name)) as partial:
                shutil.copyfile(each, partial)
            made.add(name)
    for suffix in BESIDE:
        if f"{target.name}{suffix}" not in made:
            Path(f"{target}{suffix}").unlink(missing_ok=True)


def _copy_tags(file: Any, copy: Any) -> None:
    copy.colorinterp = file.colorinterp
    copy.descriptions = file.descriptions
    copy.scales, copy.offsets, copy.units = file.scales, file.offsets, file.units
    copy.update_tags(**file.tags())
    for domain in file.tag_namespaces():
        if domain not in _OF_THE_FILE and not domain.startswith("xml:"):
            copy.update_tags(ns=domain, **file.tags(ns=domain))
    for band in range(1, file.count + 1):
        copy.update_tags(band, **file.tags(band))
    if file.gcps[0]:
        copy.gcps = file.gcps
    if file.rpcs:
        copy.rpcs = file.rpcs
