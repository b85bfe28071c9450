"""A SigLIP of transformers behind the ``Guide`` protocol, from a folder as ``save_pretrained`` writes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import InputError, MissingPackageError
from ...sinddm.pickles import check_pickle
from ..templates import REMOTE_SENSING
from .pictures import normalised, precision_on
from .presets import FOLDER_WEIGHTS
from .texts import checked_texts

if TYPE_CHECKING:
    from typing_extensions import Self


CONFIG_FILE = "config.json"
PREPROCESSOR_FILE = "preprocessor_config.json"
TYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


class SiglipGuide:
    """A SigLIP as a guide; implements ``Guide``. Mean and deviation of the pictures are those of its folder."""

    templates = REMOTE_SENSING

    def __init__(
        self, name: str, model: nn.Module, tokenizer: Any, mean: Sequence[float], std: Sequence[float]
    ) -> None:
        self.name = name
        self.model = model
        self._tokenizer = tokenizer
        self.mean, self.std = tuple(mean), tuple(std)
        config: Any = model.config
        self.view_side: int = int(config.vision_config.image_size)
        self.context_length: int = int(config.text_config.max_position_embeddings)

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return next(self.model.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Type of its weights."""
        return next(self.model.parameters()).dtype

    def to(self, device: str | torch.device) -> Self:
        """Move the model, as ComfyUI does between its devices; its type of number stays."""
        self.model.to(device)
        return self

    def embed_images(self, images: Tensor) -> Tensor:
        """float [B, 3, H, W] in 0…1 → float32 [B, D] unit vectors, differentiable with respect to ``images``.

        Raises InputError for another shape.
        """
        pictures = normalised(images.to(self.device), self.view_side, self.mean, self.std).to(self.dtype)
        tower: Any = self.model.vision_model
        return F.normalize(tower(pixel_values=pictures).pooler_output.float(), dim=-1)

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """N texts → float32 [N, D] unit vectors, without gradient, in one batch. Raises InputError for an empty text.

        A text beyond the context length loses its end, with a warning.
        """
        read = checked_texts(texts, self.truncated, f"{self.name} reads {self.context_length} tokens")
        # SigLIP is trained on texts padded to their full length, without a mask.
        tokens = self._tokenizer(
            read, padding="max_length", truncation=True, max_length=self.context_length, return_tensors="pt"
        )
        tower: Any = self.model.text_model
        with torch.no_grad():
            return F.normalize(tower(input_ids=tokens["input_ids"].to(self.device)).pooler_output.float(), dim=-1)

    def truncated(self, text: str) -> bool:
        """Whether ``text`` is longer than the model reads."""
        return len(self._tokenizer(text, truncation=False, verbose=False)["input_ids"]) > self.context_length


def is_siglip(folder: Path) -> bool:
    """Whether ``folder`` holds a model that transformers calls a SigLIP."""
    try:
        return bool(json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8")).get("model_type") == "siglip")
    except (OSError, ValueError, AttributeError):
        return False


def load_siglip(folder: Path, device: str | torch.device = "cpu", name: str | None = None) -> SiglipGuide:
    """The guide in a folder with model, tokenizer and preprocessor_config.json; never downloads.

    Raises MissingPackageError without transformers, InputError for a folder that is incomplete, no SigLIP, or whose
    weights are a pickle that this torch does not read safely.
    """
    try:
        from transformers import AutoTokenizer, SiglipModel  # noqa: PLC0415 (optional, and takes seconds)
    except ImportError as error:
        raise MissingPackageError(
            'A SigLIP guide needs the package transformers; pip install "comfyui-sinddm-rs[siglip]".'
        ) from error
    if not is_siglip(folder):
        raise InputError(f"{folder} has no {CONFIG_FILE} of a SigLIP; give a folder that transformers saved one in.")
    first, pickled = (folder / name for name in FOLDER_WEIGHTS)
    if not first.is_file():
        check_pickle(pickled)
    mean, std = _colours(folder)
    target = torch.device(device)
    try:
        with torch.random.fork_rng(devices=[]):
            loaded: Any = SiglipModel.from_pretrained(folder, local_files_only=True, output_loading_info=True)
        model, report = loaded
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except ImportError as error:
        raise MissingPackageError(
            f'The tokenizer in {folder} needs another package; pip install "comfyui-sinddm-rs[siglip]" sentencepiece.'
        ) from error
    except Exception as error:  # transformers and safetensors raise whatever their readers meet
        reason = next(iter(str(error).splitlines()), type(error).__name__)[:150]
        raise InputError(f"{folder} is no complete SigLIP ({reason}); fetch it again.") from error
    # transformers draws what the file lacks at random, and only tells a log.
    lacking = sorted(str(each) for each in report["missing_keys"])
    if lacking:
        raise InputError(f"{folder} lacks {len(lacking)} weights of its SigLIP such as {lacking[0]}; fetch it again.")
    model = model.eval().requires_grad_(False).to(device=target, dtype=TYPES[precision_on(target)])
    return SiglipGuide(name or folder.name, model, tokenizer, mean, std)


def _colours(folder: Path) -> tuple[list[float], list[float]]:
    path = folder / PREPROCESSOR_FILE
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return [float(each) for each in stored["image_mean"]], [float(each) for each in stored["image_std"]]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} does not say the model's image_mean and image_std; fetch the folder again."
        ) from error
