"""Event renderers. Adding an event is one file with one class, and one line in EVENTS (and in the other lists)."""

from __future__ import annotations

from .base import Drawing, Event
from .burn_scar import BURN_SCAR
from .collapsed_bridge import COLLAPSED_BRIDGE
from .cracks import CRACKS
from .craters import CRATERS
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
    CRATERS,
    OIL_SPILL,
    NEW_BUILDINGS,
    NEW_ROAD,
    REMOVED_BUILDINGS,
)

ABOVE_ALL: tuple[Event, ...] = (DEBRIS, FIRE, SMOKE)
"""What lies over every other event, the highest last."""
DRAWN_ONCE: tuple[Event, ...] = (
    COLLAPSED_BRIDGE,
    CRACKS,
    CRATERS,
    LANDSLIDE,
    NEW_ROAD,
    NEW_BUILDINGS,
    REMOVED_BUILDINGS,
)
"""Events of which two different drawings of one scene would show together what is meant to be one thing."""
WHOLE: tuple[Event, ...] = (*DRAWN_ONCE, FLOOD, SNOW, DROUGHT)
"""What is there as a whole or looks cut: a road, a deck's fall, water between its shores."""
ENDS_BY_ITSELF: tuple[Event, ...] = (*(event for event in EVENTS if event.local), LANDSLIDE, NEW_ROAD)
"""What is drawn of one thing ends where the thing does: its place must not cut it."""
BURNING: tuple[Event, ...] = (FIRE, SMOKE)
"""What can be asked for on things that are no fuel, such as a house."""
ON_SHIPS: tuple[Event, ...] = (*BURNING, CRACKS, HOLES)
"""What can be asked for on a ship."""
ON_BUILDINGS: tuple[Event, ...] = (DAMAGED_BUILDING, REMOVED_BUILDINGS)
"""What happens to a building even if the text names none."""
ON_TOPS: tuple[Event, ...] = (*BURNING, CRACKS, HOLES, *ON_BUILDINGS)
"""What can be asked for on a building or a tank."""
IN_SURFACES: tuple[Event, ...] = (CRACKS, HOLES, CRATERS)
"""What can be asked for in paved ground or in the deck of a bridge."""
AT_WATER: tuple[Event, ...] = (OIL_SPILL, DROUGHT, DEBRIS)
"""What depends on where the water is, also where that looks little like it but the text says that there is some."""

__all__ = [
    "ABOVE_ALL",
    "AT_WATER",
    "BURNING",
    "DRAWN_ONCE",
    "ENDS_BY_ITSELF",
    "EVENTS",
    "IN_SURFACES",
    "ON_BUILDINGS",
    "ON_SHIPS",
    "ON_TOPS",
    "WHOLE",
    "Drawing",
    "Event",
    "Scene",
]
