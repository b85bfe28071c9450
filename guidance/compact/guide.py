"""The guide inside the package: a small convolutional image tower beside WordLlama's static word embeddings.

The image tower is trained adversarially (Engstrom et al., "Adversarial Robustness as a Prior for Learned
Representations", arXiv 1906.00945), so that its gradient paints what the text names instead of noise, and for each
place of the picture, so that a small event counts and can be found. ``weights/MODEL_CARD.md`` has its data, its
accuracy and its limits; ``training.py`` trains it.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ...errors import InputError, MissingPackageError
from ..templates import AS_WRITTEN
from .vocabulary import COLOURS, COVER_PHRASINGS, EVENT_PHRASINGS, SCENE_PHRASINGS, UNCHANGED_PHRASINGS

WEIGHTS = Path(__file__).parent / "weights" / "compact.safetensors"
FORMAT = "sinddm-rs-compact-guide"
VERSION = "1"
DIM = 128
WORD_DIM = 256
STRIDE = 8
MIN_SIDE = 32
WORKING_SIDE = 96
"""Pictures with a longer short side are reduced to it, or to the pixels that a guide was trained at if those are more.

The guide in the package was trained at 64 to 96.
"""
MOST_WORKING_SIDE = 256
"""Whatever a weight file says that it was trained at."""

VOCABULARY_THRESHOLD = 0.55
"""``vocabulary_similarity`` below which a prompt is foreign to the guide (measured in MODEL_CARD.md)."""


class WordTable:
    """WordLlama's tokens and their 256-d embeddings, read from its wheel; never downloads."""

    def __init__(self) -> None:
        root = logging.getLogger()
        handlers, level = list(root.handlers), root.level
        try:
            import wordllama  # noqa: PLC0415 (its import changes the root logger, which is restored below)
        except ImportError as error:
            raise MissingPackageError(
                "The compact guide needs the package wordllama: pip install wordllama."
            ) from error
        finally:
            # Importing wordllama sets up the root logger; a library must leave its host's logging alone.
            root.handlers[:] = handlers
            root.setLevel(level)
        folder = Path(cast(str, wordllama.__file__)).parent
        model: Any = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
        self._tokenizer = model.tokenizer
        self._embedding = torch.from_numpy(model.embedding)

    def __call__(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """N texts → token embeddings float [N, L, 256] and their mask float [N, L] (0 on padding)."""
        cleaned = [" ".join(text.lower().split()) for text in texts]
        if not all(cleaned):
            raise InputError("The prompt is empty: describe in a few words what the image should show.")
        encoded = self._tokenizer.encode_batch(cleaned, add_special_tokens=False)
        ids = torch.tensor([item.ids for item in encoded], dtype=torch.long)
        mask = torch.tensor([item.attention_mask for item in encoded], dtype=torch.float32)
        return self._embedding[ids.clamp(max=len(self._embedding) - 1)] * mask[..., None], mask


@cache
def word_table() -> WordTable:
    """The one table of the process: it holds 33 MB and never changes."""
    return WordTable()


class TextSide(nn.Module):
    """Token embeddings → unit vector: a gated mean (which words matter), then a linear map with a small correction."""

    def __init__(self, dim: int = DIM) -> None:
        super().__init__()
        self.gate = nn.Linear(WORD_DIM, 1)
        self.project = nn.Linear(WORD_DIM, dim, bias=False)
        self.correct = nn.Sequential(nn.Linear(WORD_DIM, WORD_DIM), nn.SiLU(), nn.Linear(WORD_DIM, dim))
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.gate.bias)
        nn.init.orthogonal_(self.project.weight)
        nn.init.zeros_(cast(nn.Linear, self.correct[2]).weight)

    def pool(self, words: Tensor, mask: Tensor) -> Tensor:
        """[N, L, 256], [N, L] → [N, 256] unit vectors."""
        weight = torch.exp(3.0 * torch.tanh(self.gate(F.normalize(words, dim=-1))[..., 0])) * mask
        return F.normalize((weight[..., None] * words).sum(1), dim=-1)

    def forward(self, words: Tensor, mask: Tensor) -> Tensor:
        pooled = self.pool(words, mask)
        return F.normalize(self.project(pooled) + self.correct(pooled), dim=-1)


def _conv(channels_in: int, channels_out: int, kernel: int, gain: float = 1.0) -> nn.Conv2d:
    # Replicated edges: a zero frame would be something to see at the border, and gradients would paint there.
    conv = nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, padding_mode="replicate")
    if not conv.weight.is_meta:  # where nothing is drawn, and to ask for it imports torch's compiler
        nn.init.normal_(conv.weight, std=gain / math.sqrt(channels_in * kernel**2))
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    return conv


class _Residual(nn.Module):
    """Two 3×3 convolutions beside the identity; no normalisation, so brightness and colour are not divided away."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _conv(width, width, 3, gain=1.7)
        self.second = _conv(width, width, 3, gain=0.3)

    def forward(self, x: Tensor) -> Tensor:
        return x + cast(Tensor, self.second(F.silu(self.first(F.silu(x)))))


class ImageTower(nn.Module):
    """Fully convolutional, stride 8, receptive field about 100 pixels; smooth activations, blurred down-sampling."""

    def __init__(self, dim: int = DIM, widths: tuple[int, int, int, int] = (32, 64, 128, 192)) -> None:
        super().__init__()
        stem, half, quarter, eighth = widths
        self.stem = _conv(3, stem, 5)
        self.stage_2 = nn.Sequential(_conv(stem, half, 3, gain=1.7), _Residual(half))
        self.stage_4 = nn.Sequential(_conv(half, quarter, 3, gain=1.7), _Residual(quarter))
        self.stage_8 = nn.Sequential(_conv(quarter, eighth, 3, gain=1.7), _Residual(eighth))
        self.place = nn.Conv2d(eighth, dim, 1)
        self.salience = nn.Conv2d(eighth, 1, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """float [B, 3, H, W] in 0…1 → places [B, D, ⌈H/8⌉, ⌈W/8⌉], and pictures [B, D] as salience-weighted means."""
        x = self.stem((images - 0.45) / 0.25)
        for stage in (self.stage_2, self.stage_4, self.stage_8):
            x = stage(F.avg_pool2d(F.silu(x), 3, 2, padding=1, count_include_pad=False))
        x = F.silu(x)
        places = self.place(x)
        attention = torch.softmax(self.salience(x).flatten(1), dim=1)
        flat = places.flatten(2)
        pictures = torch.einsum("bdn,bn->bd", flat, 0.75 * attention + 0.25 / flat.shape[2])
        return places, pictures


def to_working_size(images: Tensor, side: int) -> Tensor:
    """Reduce [B, 3, H, W] so that the short side is at most ``side``: whole-pixel means first, then bilinear."""
    factor = min(images.shape[-2:]) // side
    if factor > 1:
        images = F.avg_pool2d(images, factor)
    short = min(images.shape[-2:])
    if short <= side:
        return images
    size = [round(length * side / short) for length in images.shape[-2:]]
    return F.interpolate(images, size=size, mode="bilinear", align_corners=False)


class CompactGuide:
    """The shipped guide; implements ``PlacingGuide``. Pictures of any size from 32 pixels, any aspect, any batch."""

    name = "compact"
    view_side = 64
    templates = AS_WRITTEN

    def __init__(self, image: ImageTower, text: TextSide, header: dict[str, str], name: str | None = None) -> None:
        self.name = name or CompactGuide.name
        self.image = image.eval().requires_grad_(False)
        self.text = text.eval().requires_grad_(False)
        self.header = header
        """The weight file's header: format, version, labels (JSON list), how it was trained."""
        self.events: tuple[str, ...] = tuple(json.loads(header.get("events", "[]")))
        """Names of the events that it was taught; a file that does not say so is asked about none."""
        self.working_side = min(max(WORKING_SIDE, int(header.get("side", WORKING_SIDE))), MOST_WORKING_SIDE)

    @property
    def device(self) -> torch.device:
        return self.image.place.weight.device

    def _run(self, images: Tensor) -> tuple[Tensor, Tensor]:
        if images.ndim != 4 or images.shape[1] != 3 or min(images.shape[-2:]) < MIN_SIDE:
            raise InputError(
                f"The compact guide reads RGB pictures [B, 3, H, W] of at least {MIN_SIDE}×{MIN_SIDE} pixels, "
                f"not {list(images.shape)}."
            )
        result: tuple[Tensor, Tensor] = self.image(to_working_size(images.to(self.device), self.working_side))
        return result

    def embed_images(self, images: Tensor) -> Tensor:
        """float [B, 3, H, W] in 0…1 → float [B, 128] unit vectors, differentiable with respect to ``images``."""
        return F.normalize(self._run(images)[1], dim=1)

    def embed_places(self, images: Tensor) -> Tensor:
        """float [B, 3, H, W] in 0…1 → float [B, 128, h, w] unit vectors, h = ⌈H'/8⌉ of the working height H'."""
        return F.normalize(self._run(images)[0], dim=1)

    def truncated(self, text: str) -> bool:  # noqa: ARG002 (the mean of words has no longest text)
        return False

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """N texts → float [N, 128] unit vectors. Raises InputError for an empty text."""
        words, mask = word_table()(texts)
        with torch.no_grad():
            return cast(Tensor, self.text(words.to(self.device), mask.to(self.device)))

    @cached_property
    def _vocabulary(self) -> Tensor:
        groups: Iterable[Sequence[str]] = (
            *EVENT_PHRASINGS.values(),
            *SCENE_PHRASINGS.values(),
            *COVER_PHRASINGS.values(),
            *(colour.phrasings for colour in COLOURS.values()),
            UNCHANGED_PHRASINGS,
        )
        return self._pool([phrase for group in groups for phrase in group])

    def _pool(self, texts: Sequence[str]) -> Tensor:
        words, mask = word_table()(texts)
        with torch.no_grad():
            return self.text.pool(words.to(self.device), mask.to(self.device))

    def vocabulary_similarity(self, text: str) -> float:
        """How near ``text`` is to the phrasings the guide was trained with, −1…1.

        Below ``VOCABULARY_THRESHOLD`` the guide probably does not know what is meant, and its score means little.
        """
        return float((self._pool([text]) @ self._vocabulary.T).max())


def save_compact(path: Path, image: ImageTower, text: TextSide, header: dict[str, str]) -> None:
    """Write the two sides as one float16 safetensors file; ``header`` is added to format and version."""
    tensors = {f"image.{key}": value for key, value in image.state_dict().items()}
    tensors |= {f"text.{key}": value for key, value in text.state_dict().items()}
    halves = {key: value.detach().cpu().half().contiguous() for key, value in tensors.items()}
    partial = path.with_suffix(".partial")
    save_file(halves, partial, metadata={"format": FORMAT, "version": VERSION, **header})
    partial.replace(path)


def is_compact(path: Path) -> bool:
    """Whether a file says that it holds a compact guide, of whatever version."""
    try:
        with safe_open(path, framework="pt") as file:
            return (file.metadata() or {}).get("format") == FORMAT
    except Exception:  # safetensors raises its own error class, which it does not export to Python
        return False


def load_compact_guide(device: str | torch.device = "cpu", path: Path = WEIGHTS) -> CompactGuide:
    """The guide from a weight file, by default the one in the package. Raises InputError for any other file."""
    try:
        with safe_open(path, framework="pt") as file:
            header: dict[str, str] = dict(file.metadata() or {})
            if header.get("format") != FORMAT or header.get("version") != VERSION:
                raise InputError(f"{path} is not a compact guide of version {VERSION}: train or install it again.")
            tensors = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
        # On the meta device no weight is drawn, so torch's global generator stays as it is.
        with torch.device("meta"):
            image, text = ImageTower(), TextSide()
        for module, prefix in ((image, "image."), (text, "text.")):
            own = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
            module.load_state_dict(own, assign=True)
        if not all(bool(torch.isfinite(each).all()) for each in tensors.values()):
            raise InputError(f"{path} is damaged (its weights are no finite numbers): install the package again.")
        # A guide of one's own is called as its file, so that it is not taken for the one in the package.
        name = None if path == WEIGHTS else path.stem
        return CompactGuide(image.to(device), text.to(device), header, name)
    except InputError:
        raise
    except Exception as error:  # safetensors raises its own error class, which it does not export to Python
        raise InputError(f"{path} cannot be read as a compact guide: install the package again.") from error
