"""Event renderers. Adding an event is one file with one class, and one line here."""

from __future__ import annotations

from .base import Drawing, Event
from .burn_scar import BURN_SCAR
from .collapsed_bridge import COLLAPSED_BRIDGE
from .cracks import CRACKS
from .damaged_building import DAMAGED_BUILDING
from .debris import DEBRIS
from .deforestation import DEFORESTATION
from .drought import DROUGHT
from .fire import FIRE
from .flood import FLOOD
from .holes import HOLES
from .landslide import LANDSLIDE
from .new_buildings import NEW_BUILDINGS
from .new_road import NEW_ROAD
from .oil_spill import OIL_SPILL
from .removed_buildings import REMOVED_BUILDINGS
from .scene import Scene
from .smoke import SMOKE
from .snow import SNOW

EVENTS: tuple[Event, ...] = (
    FIRE,
    SMOKE,
    BURN_SCAR,
    FLOOD,
    SNOW,
    DROUGHT,
    DEFORESTATION,
    LANDSLIDE,
    DEBRIS,
    DAMAGED_BUILDING,
    COLLAPSED_BRIDGE,
    CRACKS,
    HOLES,
    OIL_SPILL,
    NEW_BUILDINGS,
    NEW_ROAD,
    REMOVED_BUILDINGS,
)

__all__ = ["EVENTS", "Drawing", "Event", "Scene"]
