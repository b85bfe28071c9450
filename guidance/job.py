"""An edit made ready: its inputs checked and cut to a window, its text embedded, its event found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from ..rasters.layout import as_rgb
from ..sinddm.fingerprint import fingerprint
from ..sinddm.network.model import SinDDMModel
from ..sinddm.pyramid import size_of
from ..sinddm.value_range import to_signed
from .appearance import Paint, find_paint, found_surface
from .bands import BandUnits
from .checks import checked_device
from .event_lookup import find_events, is_known, is_negated, lookup_guide
from .events import WHOLE, Event
from .guide import Guide
from .guides import load_guide
from .presets import Steering
from .prompting.lexicon import wanted_colour
from .prompting.prompts import PromptEnsemble, consistent, embed_ensemble, make_ensemble
from .regions import Window, whole, window_around
from .settings import EditSettings
from .steering import Origin, Wish

PLAIN_TEXT = "a satellite image"
"""What a directional wish starts from: the image says the rest."""


@dataclass(frozen=True)
class Job:
    """One edit, all its inputs ready: image, region and valid are cut to ``window`` and lie on ``device``.

    valid: [h, w], 0 where there is no data: nothing is learnt or painted there. units: what the bands are.
    target: embedding [D] of the request as it was written, by which edits are scored. wish: what steers.
    events: what is drawn. paints: where nothing can be drawn, the guide chooses a colour.
    """

    image: Tensor
    region: Tensor | None
    valid: Tensor | None
    units: BandUnits | None
    window: Window
    text: str
    ensemble: PromptEnsemble
    guide: Guide
    target: Tensor
    wish: Wish
    steering: Steering
    strength: float
    events: tuple[Event, ...]
    paints: bool
    further: tuple[Tensor, ...]
    model: SinDDMModel | None
    warnings: tuple[str, ...]

    @property
    def model_name(self) -> str:
        """What paints: "patch", "network" or "hybrid"."""
        if self.model is None:
            return "patch"
        return "hybrid" if self.events or self.further else "network"

    @property
    def is_one_thing(self) -> bool:
        """Whether what happens is one thing, such as a road or the water of a flood, of which a part is none."""
        return all(event in WHOLE for event in self.events)

    @property
    def happens_to_an_object(self) -> bool:
        """Whether all that is drawn belongs to one object, which the program chooses, and patches alone paint it."""
        drawn_alone = bool(self.events) and not self.further and self.model is None
        return drawn_alone and self.region is None and all(event.local for event in self.events)

    @cached_property
    def paint(self) -> Paint | None:
        """The colour of what every candidate paints; None where each finds a place of its own for something new."""
        surface = found_surface(self.image, self.text, self.region)
        return None if surface is None else find_paint(self.image, surface, self.guide, self.wish.fine, self.text)

    def paste(self, source: Tensor, edited: Tensor, changed: Tensor) -> tuple[Tensor, Tensor]:
        """The edited window and its changed map in the whole picture, on the CPU."""
        nothing = torch.zeros(source.shape[-2:])
        return self.window.paste(source, edited.cpu()), self.window.paste(nothing, changed.cpu())


def prepare(
    source: Tensor,
    text: str,
    region: Tensor | None,
    settings: EditSettings,
    further: Sequence[Tensor],
    model: SinDDMModel | None,
    guide: Guide | None,
    ensemble: PromptEnsemble | None,
    valid: Tensor | None = None,
    units: BandUnits | None = None,
) -> Job:
    """Everything that is the same for all candidates of an edit.

    source: float [C, H, W] in 0…1; region, valid: [H, W]; further: exemplars [C, h, w]; all checked and on the CPU.
    Raises InputError and ServiceError, MissingPackageError without a package that the guide or language model needs.
    """
    device = checked_device(settings.device)
    guide = guide or load_guide(settings.guide, device)
    ensemble = consistent(ensemble or make_ensemble(text, settings.prompts), guide)
    target = guide.embed_texts([text])[0].to(device)
    lookup = lookup_guide(guide)
    known = is_known(lookup, text) or wanted_colour(text) is not None
    warnings = [*ensemble.warnings]
    if guide.truncated(text):
        warnings.append("The prompt is longer than what the guide reads, so its end is not heard; say it more shortly.")
    if not known and guide is lookup:
        warnings.append(f"The guide hardly knows the words of '{text}'; expect little, or name the event more plainly.")
    invents = settings.steering.invents and settings.strength > 0
    draws = invents and settings.exemplars == "auto"
    events = find_events(lookup, text) if draws else ()
    if model is not None and model.origin.source_hash != fingerprint(to_signed(source)):
        warnings.append("The model was trained on another image, so the edit takes on that image's texture.")
    negated = draws and not further and is_negated(text)
    if negated:
        # Steered toward "no fire", a picture would burn.
        warnings.append("The prompt says what is not to be seen; say what the image should show instead.")
    elif draws and known and not events and not further:
        warnings.append("No event that can be drawn was found in the prompt; the guide alone paints it.")
    unseen = [f"'{event.name}'" for event in events if model is not None and event.name not in model.origin.events]
    if unseen:
        # A network paints over what it has never seen.
        warnings.append(
            f"The model was not trained on {' and '.join(unseen)}, so patches alone paint it; "
            "train with --event to use it."
        )
        model = None
    window = whole(size_of(source)) if region is None else window_around(region)
    image = window.cut(source).to(device)
    return Job(
        image=image,
        region=None if region is None else window.cut(region).to(device),
        valid=None if valid is None else window.cut(valid).to(device),
        units=units,
        window=window,
        text=text,
        ensemble=replace(ensemble, warnings=()),
        guide=guide,
        target=target,
        wish=_wish(guide, ensemble, image if settings.steering.directional else None),
        steering=settings.steering,
        strength=0.0 if negated else settings.strength,
        events=events,
        paints=invents and not events and not further and (known or guide is not lookup),
        further=tuple(each.to(device) for each in further),
        model=model,
        warnings=tuple(warnings),
    )


def _wish(guide: Guide, ensemble: PromptEnsemble, origin: Tensor | None) -> Wish:
    templates = guide.templates
    fine = embed_ensemble(ensemble, guide, templates.fine)
    coarse = fine if templates.coarse == templates.fine else embed_ensemble(ensemble, guide, templates.coarse)
    if origin is None:
        return Wish(guide, coarse, fine)
    with torch.no_grad():
        image = guide.embed_images(as_rgb(origin)[None])[0]
    return Wish(guide, coarse, fine, Origin(image, guide.embed_texts([PLAIN_TEXT])[0]))
