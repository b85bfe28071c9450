"""From one request to an ensemble of prompts that mean the same, and from those to one direction for the guide."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from ...errors import InputError, MissingPackageError, OutputError, ServiceError, number_text
from ..guide import Guide
from ..settings import PROMPTS, check_prompt
from .cache import CacheKey, read_cached, write_cached
from .lexicon import PLAIN_SCENES, rephrase, wording
from .llm import TEMPLATE_VERSION, LlmSettings, ask_llm

DEFAULT_COUNT = 10
MAX_COUNT = 50
MAX_WEIGHT = 100.0

FAR = 0.5
"""A prompt less similar than this to both the request and the other prompts' mean is far from the ensemble."""
STRAYED = 0.05
"""By so much a prompt must be more similar to a competing scene than to the request to be dropped for it."""
RELATED = 0.6
"""A scene this similar to the request does not compete with it.

All three are cosines of centred embeddings (``_centred``), chosen on the compact guide with 15 requests, their
paraphrases and strays; tests/guidance/test_prompts.py holds others to them.
"""

_WEIGHT = re.compile(r"^(.*):\s*([-+]?(?:[\d.,]+(?:e[-+]?\d+)?|nan|inf|infinity))$", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Prompt:
    """One wording and how much it counts. Raises InputError for a weight that is not in 0…MAX_WEIGHT, or is 0."""

    text: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.weight <= MAX_WEIGHT:
            raise InputError(
                f"The weight {self.weight:g} of the prompt '{self.text}' is no number above 0 and up to"
                f" {MAX_WEIGHT:g}; 1 is usual."
            )


@dataclass(frozen=True)
class Dropped:
    """A wording that is not used, and why."""

    text: str
    reason: str


@dataclass(frozen=True)
class PromptEnsemble:
    """What the guide is to look for. source: "none", "offline", "llm" or "list" (the user's own)."""

    request: str
    prompts: tuple[Prompt, ...]
    source: str
    dropped: tuple[Dropped, ...] = ()
    warnings: tuple[str, ...] = ()


def make_ensemble(
    text: str, source: str = "offline", count: int = DEFAULT_COUNT, llm: LlmSettings | None = None
) -> PromptEnsemble:
    """The request, first, and other wordings of it from ``source`` (one of PROMPTS): at most ``count`` in all.

    A language model that gives nothing is replaced by the offline lexicon, with a warning, unless ``llm.required``;
    then ServiceError or MissingPackageError is raised. InputError for a text, source or count that cannot be.
    """
    request = check_prompt(text)
    if source not in PROMPTS:
        raise InputError(f"Prompts cannot come from '{source}'; choose one of {', '.join(PROMPTS)}.")
    if not isinstance(count, int):
        raise InputError(f"The number of prompts {count!r} is no whole number; choose 1 to {MAX_COUNT}.")
    if not 1 <= count <= MAX_COUNT:
        raise InputError(f"{number_text(count)} prompts cannot be made; choose 1 to {MAX_COUNT}.")
    if source == "none" or count == 1:
        return PromptEnsemble(request, (Prompt(request),), source)
    if source == "llm":
        return _from_llm(request, count, llm or LlmSettings())
    return _from_lexicon(request, count)


def _from_lexicon(request: str, count: int) -> PromptEnsemble:
    return PromptEnsemble(request, _as_prompts([request, *rephrase(request, count - 1)]), "offline")


def _from_llm(request: str, count: int, llm: LlmSettings) -> PromptEnsemble:
    key = CacheKey(request, count, llm.model, TEMPLATE_VERSION)
    others = None if llm.cache is None else read_cached(llm.cache, key)
    warnings = []
    if others is None:
        try:
            others = ask_llm(request, count - 1, llm)
        except (ServiceError, MissingPackageError) as error:
            if llm.required:
                raise
            warning = f"{str(error).rstrip('.')} (the offline lexicon's prompts are used instead)."
            return replace(_from_lexicon(request, count), warnings=(warning,))
        if llm.cache is not None:
            try:
                write_cached(llm.cache, key, others)
            except OutputError as error:
                warnings.append(f"The prompts were not kept for the next time: {error}")
    known = {wording(each) for each in (request, *others)}
    missing = count - 1 - len(others)
    if missing > 0:
        further = [each for each in rephrase(request, count - 1) if wording(each) not in known][:missing]
        warnings.append(
            f"The language model gave {len(others)} of {count - 1} prompts; {len(further)} of the offline lexicon"
            " were added."
        )
        others = [*others, *further]
    return PromptEnsemble(request, _as_prompts([request, *others[: count - 1]]), "llm", warnings=tuple(warnings))


def _as_prompts(texts: Sequence[str]) -> tuple[Prompt, ...]:
    return tuple(Prompt(text) for text in texts)


def parse_prompts(text: str, request: str) -> PromptEnsemble:
    """The user's own prompts: one a line or between '|', each with ':' and a weight at its end if it likes.

    Lines that begin with '#' are comments. Raises InputError for a weight that is not above 0, for no prompt at all
    and for more than MAX_COUNT.
    """
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    parts = [part for line in lines for part in line.split("|") if part.strip()]
    if not parts:
        raise InputError("The list holds no prompt; write one a line, or several between '|'.")
    if len(parts) > MAX_COUNT:
        raise InputError(f"The list holds {len(parts):,} prompts; give at most {MAX_COUNT}.")
    return PromptEnsemble(check_prompt(request), tuple(_parse_prompt(part.strip()) for part in parts), "list")


def _parse_prompt(part: str) -> Prompt:
    found = _WEIGHT.match(part)
    if found is None:
        return Prompt(check_prompt(part))
    try:
        weight = float(found.group(2))
    except ValueError:
        raise InputError(f"The weight in '{part}' is no number; write it as in 'smoke:0.5'.") from None
    return Prompt(check_prompt(found.group(1)), weight)


def consistent(ensemble: PromptEnsemble, guide: Guide, competing: Sequence[str] | None = None) -> PromptEnsemble:
    """The ensemble without the prompts that mean something else, which ``dropped`` names with the reason.

    A prompt goes when it is far both from the request and from the mean of all other prompts, or when it is clearly
    nearer to a ``competing`` scene (default PLAIN_SCENES) than to the request. Scenes that the request itself is near
    to, as "a forest" for "a forest of bare trees", do not compete. The request is never dropped, and a user's own
    list is kept as it is.
    """
    if ensemble.source in ("none", "list") or len(ensemble.prompts) == 1:
        return ensemble
    scenes = PLAIN_SCENES if competing is None else tuple(competing)
    texts = [prompt.text for prompt in ensemble.prompts]
    vectors = guide.embed_texts([ensemble.request, *texts, *scenes]).double()
    centred = _centred(vectors, len(scenes))
    request, prompts, places = centred[:1], centred[1 : 1 + len(texts)], centred[1 + len(texts) :]
    to_request = (prompts @ request.T)[:, 0]
    others = F.normalize(prompts.sum(0, keepdim=True) - prompts, dim=1)
    to_ensemble = torch.maximum(to_request, (prompts * others).sum(1))
    rivals = [i for i in range(len(scenes)) if float(request[0] @ places[i]) < RELATED]
    kept: list[Prompt] = []
    dropped = list(ensemble.dropped)
    for i, prompt in enumerate(ensemble.prompts):
        to_rivals = places[rivals] @ prompts[i]
        if prompt.text == ensemble.request:
            kept.append(prompt)
        elif rivals and float(to_rivals.max()) > float(to_request[i]) + STRAYED:
            rival = scenes[rivals[int(to_rivals.argmax())]]
            numbers = f"{float(to_rivals.max()):.2f} against {float(to_request[i]):.2f}"
            dropped.append(Dropped(prompt.text, f"nearer to '{rival}' than to the request ({numbers})"))
        elif float(to_ensemble[i]) < FAR:
            dropped.append(Dropped(prompt.text, f"far from the other prompts ({float(to_ensemble[i]):.2f})"))
        else:
            kept.append(prompt)
    return replace(ensemble, prompts=tuple(kept), dropped=tuple(dropped))


def _centred(vectors: Tensor, scenes: int) -> Tensor:
    """Unit vectors around the mean of the last ``scenes``: what all texts share, a guide's bias, tells none apart."""
    centre = vectors[-scenes:].mean(0) if scenes else torch.zeros_like(vectors[0])
    return F.normalize(vectors - centre, dim=1)


def embed_ensemble(ensemble: PromptEnsemble, guide: Guide, templates: Sequence[str] = ("{}",)) -> Tensor:
    """The weighted mean of the unit vectors of all prompts in all templates, as a unit vector [D]."""
    texts = [template.format(prompt.text) for prompt in ensemble.prompts for template in templates]
    vectors = guide.embed_texts(texts)
    largest = max(prompt.weight for prompt in ensemble.prompts)
    weights = [prompt.weight / largest for prompt in ensemble.prompts for _ in templates]
    return F.normalize(vectors.new_tensor(weights) @ vectors, dim=0)
