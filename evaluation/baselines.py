"""The methods that edits are compared with: published diffusion models, run by the package diffusers.

Nothing is fetched unless the caller says so, only safetensors are read, and no code that comes with a model is run.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ..errors import InputError
from ..guidance.blending import blend
from ..guidance.checks import checked_device, checked_image, checked_region
from ..guidance.settings import check_prompt, check_seed
from ..rasters.layout import channels_first, eight_bit
from ..sinddm.pyramid import Size, resize, size_of
from .baseline_files import load_pipeline
from .baseline_models import BASELINES, Baseline, checked_options
from .method import Method

SIDES = (64, 2048)
LONGEST = 3
"""So many times the short side that a model was made for is the longest side it is given; its memory is limited."""


@dataclass(frozen=True)
class DiffusersMethod:
    """A loaded baseline; implements ``Method``.

    The request goes to the model as it is. InstructPix2Pix is trained on instructions ("add a fire"), all others on
    descriptions of the picture ("a burning forest").
    """

    name: str
    baseline: Baseline
    side: int
    options: Mapping[str, float]
    device: str
    pipeline: Any = field(repr=False)
    prior: Any = field(repr=False, default=None)

    def edit(self, image: Tensor, request: str, region: Tensor | None, seed: int) -> Tensor:
        """float [3, H, W] in 0…1, sides of 32 to 2,048 pixels → float32 [3, H, W] in 0…1 on the CPU.

        The model works on the whole image, resized to its own resolution. region: float [H, W] in 0…1; inpainting
        repaints it (without one, everything), the others repaint everything, and either way what is outside stays bit
        for bit. Raises InputError for an image without three bands, an empty request, a region of another size, one
        that selects nothing or everything, and a seed that is no whole number from 0 up.
        """
        with torch.inference_mode(False), torch.no_grad():
            source = checked_image(image, "The image")
            if len(source) != 3:
                raise InputError(
                    f"{self.name} edits red, green and blue, and the image has {len(source)} bands; give those three."
                )
            area = None if region is None else checked_region(region, source)
            text = check_prompt(request)
            check_seed(seed)
            size = size_of(source)
            drawn = resize(self._draw(source, text, area, torch.Generator().manual_seed(seed)), size)
            return drawn if area is None else blend(source, drawn, area)

    def _draw(self, source: Tensor, text: str, area: Tensor | None, generator: torch.Generator) -> Tensor:
        """What the model makes of ``source`` [3, H, W], at its own resolution."""
        height, width = working_size((source.shape[-2], source.shape[-1]), self.side, self.baseline.multiple)
        # Whatever the region touches is repainted; the blend decides how much of it is used.
        touched = torch.ones_like(source[:1]) if area is None else (area > 0).float()[None]
        mask = F.adaptive_max_pool2d(touched[None], (height, width))[0, 0]
        edit: dict[str, Any] = {
            "prompt": text,
            "image": Image.fromarray(eight_bit(resize(source, (height, width)))),
            "mask_image": Image.fromarray((mask * 255).byte().numpy()),
            "height": height,
            "width": width,
        }
        own = {key: value for key, value in self.options.items() if not key.startswith("prior_")}
        if self.prior is not None:
            of_prior = {key.removeprefix("prior_"): self.options[key] for key in self.options.keys() - own.keys()}
            embeds = self.prior(prompt=text, generator=generator, return_dict=False, **of_prior)
            edit |= {"image_embeds": embeds[0], "negative_image_embeds": embeds[1]}
        given = {key: edit[key] for key in edit.keys() & inspect.signature(self.pipeline.__call__).parameters.keys()}
        drawn = self.pipeline(**given, **own, generator=generator, output_type="np", return_dict=False)[0]
        made = channels_first(torch.from_numpy(drawn[0]).float())
        if not bool(torch.isfinite(made).all()):
            raise InputError(f"{self.name} made only NaN on {self.device}; choose cpu, or fetch its weights again.")
        return made.clamp(0.0, 1.0)


def working_size(size: Size, side: int, multiple: int) -> Size:
    """Height and width at which a model sees an image of ``size``: the short side about ``side``, both multiples.

    An image more than LONGEST times as long as wide is squeezed where a side would fall below one multiple.
    """
    scale = min(side / min(size), LONGEST * side / max(size))
    height, width = (max(multiple, round(length * scale / multiple) * multiple) for length in size)
    return height, width


def load_baseline(
    name: str,
    place: str | Path | None = None,
    device: str = "cpu",
    *,
    prior: str | Path | None = None,
    side: int | None = None,
    options: Mapping[str, float] | None = None,
    download: bool = False,
) -> Method:
    """The baseline of this name (a key of BASELINES), ready to edit.

    place: a folder as diffusers saves a pipeline, or a name on the Hugging Face Hub (None: the published one), which
        is looked for in the Hub's cache on this machine, and fetched only with ``download``.
    prior: the same for Kandinsky's prior; None: beside ``place`` under its published name, else that of the Hub.
    side: pixels of the short side at which the model works, instead of what it was made for.
    options: instead of some of the published ones, for example ``{"num_inference_steps": 20}``.
    Raises InputError for an unknown name, option or device and for a place that does not hold the model,
    MissingPackageError without diffusers, ServiceError where the Hub does not give the model.
    """
    if name not in BASELINES:
        raise InputError(f"There is no baseline '{name}'; choose one of {', '.join(BASELINES)}.")
    baseline = BASELINES[name]
    side = baseline.side if side is None else side
    if not SIDES[0] <= side <= SIDES[1]:
        raise InputError(f"A model cannot work at {side} px; choose a side of {SIDES[0]} to {SIDES[1]:,} px.")
    chosen = checked_options(name, baseline.options, options or {})
    checked_device(device)
    place = baseline.model.repo if place is None else place
    pipeline = load_pipeline(name, baseline.model, place, device, download)
    loaded_prior = None
    if baseline.prior is not None:
        beside = Path(place).expanduser().parent / baseline.prior.repo.rpartition("/")[2]
        of_prior = prior or (beside if beside.is_dir() else baseline.prior.repo)
        loaded_prior = load_pipeline(name, baseline.prior, of_prior, device, download)
    return DiffusersMethod(name, baseline, side, chosen, device, pipeline, loaded_prior)
