"""The lexicon's changes that no event draws, common in views from above. Adding one is one entry.

The phrasings are everyday English for views from above, written by hand and not fitted to a guide's scores.
"""

from __future__ import annotations

from ..compact.vocabulary import COLOURS
from .change import Change, phrasings

FURTHER_CHANGES: tuple[Change, ...] = (
    Change(
        "freezing",
        r"fr(oze|ozen|eez\w*)\b|ice\b|icy\b|iced\b",
        phrasings(
            """frozen {subject}; {subject} covered with ice; ice on the {subject}; icy {subject};
            pale blue ice over the {subject}; {subject} frozen solid; cracked ice sheet on the {subject}"""
        ),
        phrasings(
            """frozen over; covered with ice; pale blue ice; ice sheet; frozen water; icy surface;
            thick white ice; floating ice; solid ice; ice floes"""
        ),
        tone=(0.74, 0.86, 0.93),
    ),
    Change(
        "desertification",
        r"sand ?storm|dust ?storm|desertif|dunes?\b|(covered|buried|filled) (in|with|by|under) sand"
        r"|sand (\w+ )?(cover|buri|bury|blow|blew|drift)",
        phrasings(
            """sand covering the {subject}; {subject} buried under sand; sandstorm over the {subject};
            sand dunes on the {subject}; {subject} turned to desert; dusty, sandy {subject}"""
        ),
        phrasings(
            """desert sand; sand dunes; sandstorm; land turned to desert; drifting sand; dust storm; dry sandy ground;
            sand everywhere; yellow dust; encroaching desert"""
        ),
        not_of=r"(desert|sand)",
        tone=(0.84, 0.72, 0.50),
    ),
    Change(
        "flowering",
        r"flower|bloom(s|ing)?\b|blossom|lavender|sunflower|rapeseed|tulip",
        phrasings(
            """{subject} full of {colour}flowers; {colour}blooming {subject}; {subject} in {colour}blossom;
            {colour}flowers covering the {subject}; {subject} dotted with {colour}flowers"""
        ),
        phrasings(
            """{colour}flowers in bloom; {colour}blossom everywhere; flowering plants; carpet of {colour}flowers;
            {colour}blooming flowers; many {colour}flowers; {colour}spring flowers; {colour}wildflowers"""
        ),
    ),
    Change(
        "algae",
        r"alga|cyanobacteria|duckweed|eutroph",
        phrasings(
            """algae bloom on the {subject}; green algae in the {subject}; {subject} green with algae;
            {subject} covered by algae; algae floating on the {subject}"""
        ),
        phrasings(
            """algae bloom; green algae on the water; water green with algae; floating algae; green scum on the water;
            eutrophic green water; swirls of green algae"""
        ),
        not_of=r"waters?$",
        supersedes=("flowering",),
        tone=(0.30, 0.43, 0.16),
    ),
    Change(
        "lava",
        r"lava|volcan\w* (\w+ ){0,2}erupt|erupt",
        phrasings(
            """lava on the {subject}; lava flow across the {subject}; glowing lava over the {subject}; erupting
            {subject}; {subject} covered with lava"""
        ),
        phrasings(
            """glowing lava; lava flow; volcanic eruption; streams of red-hot lava; molten rock; erupting volcano;
            black lava with glowing cracks"""
        ),
    ),
    Change(
        "shipwreck",
        r"ship ?wreck|(sunk\w*|sank|sinking|capsized|stranded|aground)\b",
        phrasings(
            "sunken {subject}; sinking {subject}; wreck of the {subject}; stranded {subject}; capsized {subject}"
        ),
        phrasings(
            """shipwreck; sunken ship; wreck of a ship; ship run aground; sinking ship; stranded ship;
            half-submerged wreck"""
        ),
        not_of=r"(?!ship|boat|vessel|tanker|ferr|barge|container|cargo)",
        supersedes=("debris", "damaged_building", "flood"),
    ),
    Change(
        "construction",
        r"construction|under construction|building site|excavat|earthworks?",
        phrasings(
            """construction site at the {subject}; {subject} under construction; unfinished {subject};
            excavated ground at the {subject}"""
        ),
        phrasings(
            """construction site; building site with bare earth; earthworks; excavation; unfinished structures;
            cranes and building material; ground being built on"""
        ),
    ),
    Change(
        "full_parking_lot",
        r"(filled|full|crowded|packed|many|lots?) (\w+ ){0,2}(car|vehicle|truck)|parked"
        r"|cars? (\w+ ){0,2}everywhere",
        phrasings("{subject} full of cars; cars parked on the {subject}; {subject} crowded with vehicles"),
        phrasings(
            """rows of parked cars; many cars; full car park; crowded with vehicles; parked vehicles;
            cars side by side; closely parked cars"""
        ),
        not_of=r"(car|truck)s?$",
    ),
    Change(
        "solar_farm",
        r"solar|photovoltaic",
        phrasings(
            "solar panels on the {subject}; {subject} covered with solar panels; photovoltaic panels on the {subject}"
        ),
        phrasings(
            """rows of solar panels; solar farm; photovoltaic panels; dark blue solar panels; solar power station;
            array of solar panels; photovoltaic plant"""
        ),
        not_of=r"(solar|power)",
    ),
    Change(
        "harvest",
        r"harvested|stubble|mown\b|mowed|ploughed|plowed|hay bales?|straw",
        phrasings("harvested {subject}; {subject} after the harvest; stubble on the {subject}; mown {subject}"),
        phrasings(
            """after the harvest; harvested crops; yellow stubble; straw on the ground; bare ground after harvest;
            tracks of a harvester; reaped crops"""
        ),
    ),
    Change(
        "autumn",
        r"autumn|(fall|autumnal) (leaves|colou?rs|foliage)|foliage",
        phrasings("{subject} in autumn; autumn colours of the {subject}; orange and red {subject} in autumn"),
        phrasings(
            """autumn leaves; orange and red foliage; autumn colours; yellow autumn trees; trees in autumn;
            colourful foliage; golden leaves"""
        ),
    ),
    Change(
        "night",
        r"night|in the dark\b|darkness|after dark",
        phrasings(
            "{subject} at night; {subject} in the dark; dark {subject} with lights; lights of the {subject} at night"
        ),
        phrasings(
            """at night; night-time; lights in the dark; dark night view; after sunset; night view with lights;
            in darkness"""
        ),
    ),
    Change(
        "clouds",
        r"cloud(s|y)?\b(?! of (smoke|dust|ash))|fog|mist(y)?\b|haz(e|y)\b|overcast",
        phrasings(
            "clouds over the {subject}; {subject} in fog; {subject} hidden by clouds; white mist over the {subject}"
        ),
        phrasings(
            """white clouds; thick fog; cloudy; scattered clouds; misty; low clouds over the ground; dense white fog;
            cloud cover"""
        ),
    ),
    Change(
        "rust",
        r"rust|corro",
        phrasings("rusty {subject}; corroded {subject}; brown rust on the {subject}; {subject} eaten by rust"),
        phrasings(
            "rusty metal; corroded surface; brown rust; rust stains; heavy corrosion; rusted plates; rust patches"
        ),
    ),
    Change(
        "paint",
        r"paint|graffiti|repaint",
        phrasings(
            """{colour}painted {subject}; {subject} in fresh {colour}paint; {colour}paint on the {subject};
            a coat of {colour}paint over the {subject}; {subject} covered with {colour}paint"""
        ),
        phrasings("fresh {colour}paint; {colour}painted surface; a {colour}coat of paint; {colour}paint all over"),
    ),
    Change(
        "recolouring",
        r"(turn(s|ed|ing)?|became|becom(es|ing)|dyed|tinted|colou?red|stained|discolou?red)\b (\w+ ){0,2}"
        rf"({'|'.join(COLOURS)})\b",
        phrasings(
            """{colour}{subject}; {subject} in {colour}colour; {colour}coloured {subject}; the {subject} is {colour};
            {subject} turned {colour}"""
        ),
        phrasings("{colour}ground; {colour}all over; {colour}colour; {colour}tint; everything is {colour}"),
    ),
)
