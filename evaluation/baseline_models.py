"""The baselines as data: which published pipeline each is, where it comes from and how it is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..errors import InputError


@dataclass(frozen=True)
class Model:
    """A published pipeline of diffusers. also: another class, of the same parts, that its folder may be saved as.

    without: parts that are left out, and not fetched.
    """

    pipeline: str
    repo: str
    also: str = ""
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Baseline:
    """A method of the literature.

    source: where it was published. options: arguments of its pipeline (with ``prior_``, of its prior) at the defaults
        that diffusers publishes. side: pixels of the short side that it was made for. multiple: of what its sides are.
    """

    model: Model
    source: str
    options: Mapping[str, float]
    side: int = 768
    multiple: int = 64
    prior: Model | None = None


# The filter paints a picture that it takes for indecent black, and then it would be the filter that is measured.
_FILTER = ("safety_checker", "feature_extractor")
_HUB = "kandinsky-community/kandinsky"
_PRIOR_21 = Model("KandinskyPriorPipeline", f"{_HUB}-2-1-prior")
_PRIOR_22 = Model("KandinskyV22PriorPipeline", f"{_HUB}-2-2-prior")


def _kandinsky(decoder: Model, prior: Model, guidance_scale: float = 4.0, **further: float) -> Baseline:
    options = {"num_inference_steps": 100, "guidance_scale": guidance_scale, **further}
    of_prior = {"prior_num_inference_steps": 25, "prior_guidance_scale": 4.0}
    return Baseline(
        decoder, "Razzhigaev et al., EMNLP 2023 (demos), arXiv 2310.03502", {**options, **of_prior}, prior=prior
    )


BASELINES: Mapping[str, Baseline] = {
    "sd-inpaint": Baseline(
        Model("StableDiffusionInpaintPipeline", "stable-diffusion-v1-5/stable-diffusion-inpainting", without=_FILTER),
        "Rombach et al., CVPR 2022, arXiv 2112.10752",
        {"num_inference_steps": 50, "guidance_scale": 7.5, "strength": 1.0},
        side=512,
        multiple=8,
    ),
    "sd-img2img": Baseline(
        Model(
            "StableDiffusionImg2ImgPipeline",
            "stable-diffusion-v1-5/stable-diffusion-v1-5",
            also="StableDiffusionPipeline",
            without=_FILTER,
        ),
        "SDEdit: Meng et al., ICLR 2022, arXiv 2108.01073, with the model of arXiv 2112.10752",
        {"num_inference_steps": 50, "guidance_scale": 7.5, "strength": 0.8},
        side=512,
        multiple=8,
    ),
    "instruct-pix2pix": Baseline(
        Model("StableDiffusionInstructPix2PixPipeline", "timbrooks/instruct-pix2pix", without=_FILTER),
        "Brooks et al., CVPR 2023, arXiv 2211.09800",
        {"num_inference_steps": 100, "guidance_scale": 7.5, "image_guidance_scale": 1.5},
        side=512,
    ),
    "kandinsky-2.1-inpaint": _kandinsky(Model("KandinskyInpaintPipeline", f"{_HUB}-2-1-inpaint"), _PRIOR_21),
    "kandinsky-2.1-img2img": _kandinsky(
        Model("KandinskyImg2ImgPipeline", f"{_HUB}-2-1", also="KandinskyPipeline"),
        _PRIOR_21,
        guidance_scale=7.0,
        strength=0.3,
    ),
    "kandinsky-2.2-inpaint": _kandinsky(Model("KandinskyV22InpaintPipeline", f"{_HUB}-2-2-decoder-inpaint"), _PRIOR_22),
    "kandinsky-2.2-img2img": _kandinsky(
        Model("KandinskyV22Img2ImgPipeline", f"{_HUB}-2-2-decoder", also="KandinskyV22Pipeline"),
        _PRIOR_22,
        strength=0.3,
    ),
}
LIMITS = {
    "num_inference_steps": (1, 1000),
    "guidance_scale": (1.0, 100.0),
    "image_guidance_scale": (1.0, 100.0),
    "strength": (0.01, 1.0),
    "prior_num_inference_steps": (2, 1000),
    "prior_guidance_scale": (1.0, 100.0),
}


def checked_options(name: str, defaults: Mapping[str, float], given: Mapping[str, float]) -> Mapping[str, float]:
    """The ``defaults`` of the baseline ``name`` with those ``given`` in their place.

    Raises InputError for an option that it has not, a value outside LIMITS, and a strength at which no step is made.
    """
    for key, value in given.items():
        if key not in defaults:
            raise InputError(f"{name} has no option '{key}'; choose among {', '.join(defaults)}.")
        low, high = LIMITS[key]
        whole = isinstance(defaults[key], int)
        if not isinstance(value, int if whole else (int, float)) or not low <= value <= high:
            kind = "a whole number" if whole else "a number"
            raise InputError(f"The {key} of {name} cannot be {value!r}; give {kind} from {low:g} to {high:g}.")
    chosen = {**defaults, **given}
    if int(chosen["num_inference_steps"] * chosen.get("strength", 1.0)) < 1:
        raise InputError(
            f"{name} makes no step at strength {chosen['strength']:g} of {chosen['num_inference_steps']} steps;"
            " raise one of them."
        )
    return MappingProxyType(chosen)
