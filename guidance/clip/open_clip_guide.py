"""Any open_clip model behind the ``Guide`` protocol."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import InputError
from ..templates import REMOTE_SENSING
from .architectures import CONFIG_FILE, Architecture, build, file_architecture, folder_architecture, preset_architecture
from .pictures import normalised, precision_on
from .presets import Preset
from .texts import checked_texts
from .weights import PICKLES, SAFE, read_weights

if TYPE_CHECKING:
    from typing_extensions import Self


class OpenClipGuide:
    """A CLIP of open_clip as a guide; implements ``Guide``.

    Size, mean and deviation of the pictures are the model's own. Its type of number is the model's; embeddings are
    float32 all the same.
    """

    templates = REMOTE_SENSING

    def __init__(self, name: str, model: nn.Module, tokenizer: Any) -> None:
        self.name = name
        self.model = model
        self._tokenizer = tokenizer
        visual: Any = model.visual
        # A model in which only the first size is known is square.
        size = visual.image_size
        self.view_side: int = size if isinstance(size, int) else int(size[0])
        self.mean: tuple[float, ...] = tuple(visual.preprocess_cfg["mean"])
        self.std: tuple[float, ...] = tuple(visual.preprocess_cfg["std"])
        self.context_length: int = int(tokenizer.context_length)

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return next(self.model.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Type of the first filters, hence of their input; norms and positions may be float32 beside them."""
        return next(each for each in self.model.parameters() if each.ndim == 4).dtype

    @property
    def quick_gelu(self) -> bool:
        """Whether its activation is OpenAI's QuickGELU instead of GELU."""
        from open_clip.transformer import QuickGELU  # noqa: PLC0415 (takes seconds)

        return any(isinstance(each, QuickGELU) for each in self.model.modules())

    def with_other_activation(self) -> OpenClipGuide:
        """The same weights, shared and not copied, with GELU instead of QuickGELU or the reverse."""
        from open_clip.transformer import QuickGELU  # noqa: PLC0415 (takes seconds)

        shared = {id(each): each for each in (*self.model.parameters(), *self.model.buffers())}
        model = copy.deepcopy(self.model, shared)
        other = nn.GELU if self.quick_gelu else QuickGELU
        for module in list(model.modules()):
            for name, child in list(module.named_children()):
                if isinstance(child, (nn.GELU, QuickGELU)):
                    setattr(module, name, other())
        return OpenClipGuide(self.name, model, self._tokenizer)

    def to(self, device: str | torch.device) -> Self:
        """Move the model, as ComfyUI does between its devices; its type of number stays."""
        self.model.to(device)
        return self

    def embed_images(self, images: Tensor) -> Tensor:
        """float [B, 3, H, W] in 0…1 → float32 [B, D] unit vectors, differentiable with respect to ``images``.

        Raises InputError for another shape.
        """
        pictures = normalised(images.to(self.device), self.view_side, self.mean, self.std)
        encoder: Any = self.model
        return F.normalize(encoder.encode_image(pictures.to(self.dtype)).float(), dim=-1)

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """N texts → float32 [N, D] unit vectors, without gradient, in one batch. Raises InputError for an empty text.

        A text beyond the context length loses its end, with a warning.
        """
        read = checked_texts(texts, self.truncated, f"{self.name} reads {self.context_length} tokens")
        encoder: Any = self.model
        with torch.no_grad():
            tokens = self._tokenizer(read).to(self.device)
            return F.normalize(encoder.encode_text(tokens).float(), dim=-1)

    def truncated(self, text: str) -> bool:
        """Whether ``text`` is longer than the model reads (its tokens and the two that begin and end a text)."""
        return len(self._tokenizer.encode(text)) + 2 > self.context_length


def load_preset(preset: Preset, path: Path, device: str | torch.device = "cpu") -> OpenClipGuide:
    """The preset's guide from a weight file. Raises InputError for a file that is damaged or of another model."""
    return _guide(preset.name, preset_architecture(preset), read_weights(path), path, preset.strict, device)


def load_file(path: Path, device: str | torch.device = "cpu") -> OpenClipGuide:
    """A guide from a weight file of any of open_clip's models, found by its shapes. Raises InputError."""
    weights = read_weights(path)
    return _guide(path.stem, file_architecture(path, weights), weights, path, False, device)


def load_folder(folder: Path, device: str | torch.device = "cpu") -> OpenClipGuide:
    """A guide from a folder with an open_clip_config.json and one weight file. Raises InputError."""
    architecture = folder_architecture(folder)
    files = [path for suffix in (SAFE, *PICKLES) for path in sorted(folder.glob(f"open_clip*{suffix}"))]
    if not files:
        raise InputError(
            f"{folder} has a {CONFIG_FILE} but no open_clip_model{SAFE} beside it; fetch the folder again."
        )
    return _guide(folder.name, architecture, read_weights(files[0]), files[0], True, device)


def _guide(
    name: str,
    architecture: Architecture,
    weights: dict[str, Tensor],
    source: Path,
    strict: bool,
    device: str | torch.device,
) -> OpenClipGuide:
    from open_clip import SimpleTokenizer  # noqa: PLC0415 (takes seconds)

    target = torch.device(device)
    model = build(architecture, weights, source, strict, precision_on(target))
    text = architecture.config["text_cfg"]
    tokenizer = SimpleTokenizer(context_length=text.get("context_length", 77), **text.get("tokenizer_kwargs", {}))
    return OpenClipGuide(name, model, tokenizer).to(target)
