"""The CLIP models that have a name here: which architecture, whose weights, and where these come from.

Nothing is a copy of the weights or their licence: each is fetched from its authors, and only when the user says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SIGLIP = "git-rsclip"
"""The one preset that is a folder in transformers' format instead of a file in open_clip's."""
FOLDER_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""Weights in such a folder: where there are both, transformers reads the first."""


@dataclass(frozen=True)
class Preset:
    """A named CLIP model.

    architecture: open_clip's name. quick_gelu: which activation its authors load it with.
    repo, file: where it lies on the Hugging Face Hub; without them open_clip's own ``tag`` says it.
    page: where to get the file by hand, when no hub has it. bytes: about; for messages, never for checks.
    strict: whether names in the file that the architecture does not have are an error.
    """

    name: str
    architecture: str
    repo: str | None = None
    file: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    strict: bool = True
    quick_gelu: bool = False
    kind: Literal["open_clip", "siglip"] = "open_clip"
    tag: str | None = None
    page: str | None = None

    @property
    def local_name(self) -> str:
        """Name of the file (git-rsclip: of the folder) in a folder of models."""
        if self.kind == "siglip":
            return self.name
        return f"{self.name}.safetensors" if self.file is None else self.file.rpartition("/")[2]


def _remoteclip(architecture: str, size: int) -> Preset:
    # The authors' README (github.com/ChenDelong1999/RemoteCLIP) loads these into open_clip's plain RN50, ViT-B-32 and
    # ViT-L-14, whose activation is GELU; we do the same. Their training and their retrieval script begin from OpenAI's
    # weights, which open_clip gave QuickGELU at that time: a file name with "quickgelu" in it chooses that one.
    name = f"remoteclip-{architecture}"
    return Preset(name, architecture, "chendelong/RemoteCLIP", f"RemoteCLIP-{architecture}.pt", size)


def _georsclip(architecture: str, size: int, quick_gelu: bool) -> Preset:
    # The authors' inference.py (github.com/om-ai-lab/RS5M) loads ViT-B-32 over OpenAI's weights (QuickGELU) and
    # ViT-H-14 over LAION's (GELU), both with strict=False. It has no ViT-L-14; OpenAI's is the one that fits the paper.
    name, file = f"georsclip-{architecture}", f"ckpt/RS5M_{architecture}.pt"
    return Preset(name, architecture, "Zilun/GeoRSCLIP", file, size, strict=False, quick_gelu=quick_gelu)


def _skyclip(architecture: str, archive: str) -> Preset:
    # A zip on the authors' server (github.com/wangzhecheng/SkyScript) with a checkpoint of open_clip's training in it.
    # Their tests load it by the plain architecture, hence GELU.
    page = f"https://opendatasharing.s3.us-west-2.amazonaws.com/SkyScript/ckpt/{archive}.zip"
    return Preset(f"skyclip-{architecture}", architecture, file=f"{archive}_epoch_20.pt", page=page)


def _published(owner: str, architecture: str, tag: str, size: int) -> Preset:
    return Preset(f"{owner}-{architecture}", architecture, bytes=size, quick_gelu=owner == "openai", tag=tag)


_ALL = (
    _remoteclip("RN50", 408_000_000),
    _remoteclip("ViT-B-32", 605_000_000),
    _remoteclip("ViT-L-14", 1_710_000_000),
    _georsclip("ViT-B-32", 605_000_000, quick_gelu=True),
    _georsclip("ViT-L-14", 1_710_000_000, quick_gelu=True),
    _georsclip("ViT-H-14", 3_940_000_000, quick_gelu=False),
    _skyclip("ViT-B-32", "SkyCLIP_ViT_B32_top50pct"),
    _skyclip("ViT-L-14", "SkyCLIP_ViT_L14_top30pct"),
    Preset(SIGLIP, "SigLIP base", "lcybuaa/Git-RSCLIP-base", bytes=813_000_000, kind="siglip"),
    _published("openai", "RN50", "openai", 408_000_000),
    _published("openai", "ViT-B-32", "openai", 605_000_000),
    _published("openai", "ViT-L-14", "openai", 1_710_000_000),
    _published("laion", "ViT-B-32", "laion2b_s34b_b79k", 605_000_000),
)
PRESETS: dict[str, Preset] = {preset.name: preset for preset in _ALL}


def how_to_get(preset: Preset, folder: Path) -> str:
    """What to do for a preset whose weights are not there; folder: where they go by hand."""
    return f"run `sinddm-rs fetch-guide {preset.name}`" if preset.page is None else by_hand(preset, folder)


def by_hand(preset: Preset, folder: Path) -> str:
    """What to do for a preset that no hub has."""
    return f"fetch {preset.page}, unpack it and put its epoch_20.pt as {preset.local_name} into {folder}"


def size_text(count: int | None) -> str:
    """A number of bytes for people, for example "605 MB"."""
    if count is None:
        return "of unknown size"
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
