"""``sinddm-rs doctor``: what is installed, which weights are where, and whether the guides know what they see.

Fetches nothing, and writes nothing but a nameless file in the cache folder that is gone at once. Exit code 1 where
something that is installed does not work.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

import torch

from ..errors import SinDDMError
from ..guidance.checks import checked_device
from ..guidance.clip.open_clip_guide import OpenClipGuide
from ..guidance.clip.presets import PRESETS, how_to_get, size_text
from ..guidance.clip.weights import FOLDERS_VARIABLE, find_weights, model_folders, safe_metadata
from ..guidance.compact import guide as compact
from ..guidance.guide import Guide
from ..guidance.guides import COMPACT, load_guide
from ..guidance.prompting.cache import cache_folder
from ..guidance.prompting.llm import KEY_VARIABLE
from ..guidance.settings import EditSettings
from ..guidance.zero_shot import BOUND, ZeroShot, drawn_events_check, zero_shot_check
from ..sinddm.network import pretrained
from ..version import DISTRIBUTION
from .console import say

VARIABLES = (KEY_VARIABLE, FOLDERS_VARIABLE, "SINDDM_RS_CACHE", "HF_HUB_OFFLINE")
SHIPPED = {"compact guide": compact.WEIGHTS, "network start": pretrained.WEIGHTS}
BATCH = 16
ACTIVATIONS = {False: "GELU", True: "QuickGELU"}


def add_to(commands: Any) -> None:
    parser = commands.add_parser("doctor", help="what is installed, and whether the guides work", description=__doc__)
    parser.add_argument(
        "--guide", metavar="NAME|FILE", help="check this guide only (default: the shipped one and all that are found)"
    )
    parser.add_argument("--models", metavar="DIR", help="folder of models to look in before the usual ones")
    parser.add_argument(
        "--device", default=EditSettings.device, help="where the guides run, for example cpu or cuda (%(default)s)"
    )
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    begun = time.perf_counter()
    checked_device(chosen.device)
    further = [Path(chosen.models).expanduser()] if chosen.models else []
    folders = model_folders(further)
    found = _weights(folders)
    if chosen.guide is not None and found.get(chosen.guide) is None and not Path(chosen.guide).expanduser().exists():
        load_guide(chosen.guide, chosen.device, further)  # says in its own words what is not there
    answer: dict[str, Any] = {
        "version": _installed(DISTRIBUTION),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "torch": _torch(),
        "packages": _packages(),
        "environment": {name: bool(os.environ.get(name)) for name in VARIABLES},
        "cache": _cache(cache_folder()),
        "shipped": {name: path.is_file() for name, path in SHIPPED.items()},
        "folders": {str(folder): folder.is_dir() for folder in folders},
        "guides": {name: None if path is None else _described(path) for name, path in found.items()},
    }
    _say_installed(answer)
    _say_weights(answer, folders[0])
    names = [name for name, path in found.items() if path is not None] if chosen.guide is None else [chosen.guide]
    answer["checks"] = {name: _proved(name, chosen.device, further) for name in names}
    passed = all(answer["shipped"].values()) and all(check["passed"] for check in answer["checks"].values())
    say("Everything that is installed works." if passed else "Something that is installed does not work: see FAIL.")
    return answer | {
        "passed": passed,
        "seconds": round(time.perf_counter() - begun, 2),
        "exit_code": 0 if passed else 1,
    }


def activation_advice(quick_gelu: bool, own: ZeroShot, other: ZeroShot) -> str:
    """Which activation suits weights whose authors do not state it, when they do so well with the own and the other."""
    used, rival = ACTIVATIONS[quick_gelu], ACTIVATIONS[not quick_gelu]
    figures = f"{used} {own.accuracy:.0%}, margin {own.margin:.4f}; {rival} {other.accuracy:.0%}, {other.margin:.4f}"
    if own.clearly_better(other):
        return f"{used}, as it is used, suits the weights better ({figures})."
    if other.clearly_better(own):
        name = "has neither 'quickgelu' nor 'openai'" if quick_gelu else "has 'quickgelu'"
        return (
            f"WARNING: {rival} suits the weights better than {used}, which is used ({figures}); rename the file to a"
            f" name that {name} in it and give its path as the guide."
        )
    return f"{used} is used, and the check does not tell it from {rival} ({figures})."


def _installed(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _torch() -> dict[str, Any]:
    cards = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    return {
        "version": torch.__version__,
        "threads": torch.get_num_threads(),
        "cuda": [{"name": card.name, "bytes": card.total_memory} for card in cards],
        "mps": torch.backends.mps.is_available(),
    }


def _packages() -> list[dict[str, Any]]:
    """What the package needs and what its extras add. Nothing is imported: a broken one must not stop the report."""
    try:
        requirements = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        return []
    rows = []
    for requirement in requirements:
        wanted, _, marker = (part.strip() for part in requirement.partition(";"))
        name = re.split(r"[^\w.-]", wanted, maxsplit=1)[0]
        extra = re.search(r"""extra == ["']([^"']+)""", marker)
        rows.append(
            {"name": name, "wanted": wanted, "extra": extra and extra.group(1), "version": _installed(name)},
        )
    return rows


def _cache(folder: Path | None) -> dict[str, Any]:
    if folder is None:
        return {"folder": None, "writable": False}
    if folder.is_dir():
        try:
            with tempfile.TemporaryFile(dir=folder):
                writable = True
        except OSError:
            writable = False
    else:
        nearest = next(parent for parent in folder.absolute().parents if parent.exists())
        writable = nearest.is_dir() and os.access(nearest, os.W_OK)
    return {"folder": str(folder), "writable": writable}


def _weights(folders: Sequence[Path]) -> dict[str, Path | None]:
    """Where the weights of each guide are."""
    shipped = compact.WEIGHTS if compact.WEIGHTS.is_file() else None
    return {COMPACT: shipped} | {name: find_weights(preset, folders) for name, preset in PRESETS.items()}


def _described(path: Path) -> dict[str, Any]:
    files = [each for each in path.iterdir() if each.is_file()] if path.is_dir() else [path]
    return {"path": str(path), "bytes": sum(each.stat().st_size for each in files)}


def _proved(name: str, device: str, folders: Sequence[Path]) -> dict[str, Any]:
    """Load the guide and check it; says and returns how that went."""
    say(f"Checking {name} ...")
    begun = time.perf_counter()
    try:
        guide = load_guide(name, device, folders)
        loaded = time.perf_counter() - begun
        check = (drawn_events_check if name == COMPACT else zero_shot_check)(guide)
        speed = _speed(guide)
        activation = _activation(name, guide, check)
    except (SinDDMError, RuntimeError, MemoryError) as error:  # torch raises RuntimeError where memory is short
        reason = str(error) if isinstance(error, SinDDMError) else f"It does not run here ({str(error)[:150]})."
        say(f"  FAIL  {reason}")
        return {"passed": False, "error": reason}
    what = "events drawn over scenes" if name == COMPACT else "views of scenes"
    verdict = "PASS" if check.passed else "FAIL"
    chance = 1 / len(check.kinds)
    say(f"  {verdict}  names {check.accuracy:.0%} of {what} (to pass: {BOUND:.0%}, by chance: {chance:.0%})")
    missed = [f"{each.expected} → {each.named}" for each in check.kinds if each.named != each.expected]
    if missed:
        say(f"        takes {', '.join(missed)}")
    say(f"        loaded in {loaded:.1f} s; embeds {speed:.1f} pictures a second")
    if activation is not None:
        say(f"        {activation}")
    return check.summary() | {"pictures_per_second": round(speed, 2), "activation": activation}


def _speed(guide: Guide) -> float:
    pictures = torch.rand(BATCH, 3, guide.view_side, guide.view_side, generator=torch.Generator().manual_seed(0))
    begun = time.perf_counter()
    with torch.no_grad():
        guide.embed_images(pictures).cpu()  # on the CPU it is finished, also where a card computes meanwhile
    return BATCH / (time.perf_counter() - begun)


def _activation(name: str, guide: Guide, check: ZeroShot) -> str | None:
    """Which activation suits the guide; None where that is known, since open_clip or the weights state it."""
    if not isinstance(guide, OpenClipGuide):
        return None
    path = Path(name).expanduser()
    if PRESETS[name].tag is not None if name in PRESETS else path.is_dir() or "quick_gelu" in safe_metadata(path):
        return None
    return activation_advice(guide.quick_gelu, check, zero_shot_check(guide.with_other_activation()))


def _say_installed(answer: Mapping[str, Any]) -> None:
    machine = answer["torch"]
    say(
        f"{DISTRIBUTION} {answer['version'] or 'not installed by pip'}, Python {answer['python']}, {answer['platform']}"
    )
    say(f"torch {machine['version']}, {machine['threads']} threads")
    for card in machine["cuda"]:
        say(f"  CUDA: {card['name']}, {size_text(card['bytes'])}")
    if machine["mps"]:
        say("  MPS: available, with the machine's own memory")
    if not machine["cuda"] and not machine["mps"]:
        say("  no CUDA and no MPS device: everything runs on the CPU")
    say("Packages:")
    for row in answer["packages"]:
        use = f" (for {row['extra']})" if row["extra"] else ""
        say(f"  {row['name']}{use}: " + (row["version"] or f'missing: pip install "{row["wanted"]}"'))
    say(
        "Variables: " + ", ".join(f"{name} {'yes' if there else 'no'}" for name, there in answer["environment"].items())
    )
    cache = answer["cache"]
    say(f"Cache: {cache['folder'] or 'no folder'}, {'can' if cache['writable'] else 'cannot'} be written")


def _say_weights(answer: Mapping[str, Any], folder: Path) -> None:
    for name, there in answer["shipped"].items():
        say(f"Shipped {name}: " + ("there" if there else "FAIL, missing: install the package again"))
    say("Folders of models:")
    for path, there in answer["folders"].items():
        say(f"  {path}: " + ("there" if there else "does not exist"))
    say("Guides:")
    for name, found in answer["guides"].items():
        if found is not None:
            say(f"  {name}: {found['path']}, {size_text(found['bytes'])}")
        elif name in PRESETS:
            preset = PRESETS[name]
            say(f"  {name}: not found ({size_text(preset.bytes)}); {how_to_get(preset, folder)}")
