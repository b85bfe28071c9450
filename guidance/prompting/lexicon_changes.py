"""The curated changes of the offline lexicon. Adding one is one entry of CHANGES.

The phrasings are everyday English for views from above, written by hand and not fitted to a guide's scores.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """A change as people speak of it.

    meant: pattern found in a lower-case request that means it. of: nouns one of which the request must name, any of
    them where empty. about, plain: phrasings with and without the slot {subject}, the nearest first; {colour} becomes
    the request's colour and a blank, or nothing. not_of: words that name the change itself and are no subject of it.
    supersedes: changes that the same words would mean too.
    """

    name: str
    meant: str
    about: tuple[str, ...]
    plain: tuple[str, ...]
    of: str = ""
    not_of: str = ""
    supersedes: tuple[str, ...] = ()

    def is_meant(self, words: str) -> bool:
        """Whether lower-case ``words`` speak of this change."""
        return bool(re.search(rf"\b(?:{self.meant})", words)) and bool(re.search(rf"\b(?:{self.of})", words))

    def may_happen_to(self, subject: str) -> bool:
        """Whether this change makes sense of a lower-case ``subject``."""
        return not self.not_of or not re.match(self.not_of, subject)


def _list(text: str) -> tuple[str, ...]:
    return tuple(" ".join(phrase.split()) for phrase in text.split(";"))


CHANGES: tuple[Change, ...] = (
    Change(
        "burn_scar",
        r"burn scar|burnt|burned|charred|scorched|blackened|carboni[sz]ed|ash(es)?\b|post (wild)?fire"
        r"|after (the|a) (\w+ )?(wild)?fire|fire (damage|aftermath)",
        _list(
            """burnt {subject}; charred {subject}; burn scar across the {subject}; blackened, scorched {subject};
            {subject} after a fire; ash and charcoal over the {subject}; the {subject} burned down"""
        ),
        _list(
            """burned area; burn scar; charred ground; scorched black ground; ash after a fire; fire aftermath;
            blackened burnt vegetation; ground covered with ash and charcoal; land after a wildfire;
            dark scar of a fire"""
        ),
        supersedes=("fire",),
    ),
    Change(
        "fire",
        r"fires?\b(?! (station|truck|engine|hydrant|brigade))|burn(s|ing)?\b|flam(e|es|ing)\b|ablaze|blaz(e|es|ing)\b"
        r"|inferno|wildfire|bushfire|ignit|conflagration|explo(de|sion)s?(?! of (colou?r|flower))",
        _list(
            """{subject} on fire; heavily burning {subject}; {subject} in flames; bright orange flames and smoke
            over the {subject}; fierce blaze on the {subject}; fire engulfing the {subject}; {subject} ablaze;
            large fire with smoke on the {subject}"""
        ),
        _list(
            """heavily burning; bright orange flames and smoke; large blaze; in flames; everything is on fire;
            fierce fire with dark smoke; burning fiercely; glowing flames; fire out of control; engulfed in flames"""
        ),
    ),
    Change(
        "smoke",
        r"smok(e|es|ing|y)\b|smoulder|smolder|fumes\b|smog\b|(?<!sediment )(?<!muddy )plumes?\b",
        _list(
            """{colour}smoke over the {subject}; {subject} covered in {colour}smoke; {colour}plume of smoke from the
            {subject}; thick {colour}smoke above the {subject}; smoking {subject}; {subject} veiled by {colour}smoke"""
        ),
        _list(
            """plume of {colour}smoke; thick {colour}smoke; drifting {colour}smoke; column of {colour}smoke;
            clouds of {colour}smoke; dense smoky haze; {colour}smoke in the wind; billowing {colour}smoke;
            ground hidden by {colour}smoke; rising {colour}smoke"""
        ),
    ),
    Change(
        "flood",
        r"flood|inundat|overflow|submerged|under ?water|burst (its|the) banks|deluge|storm surge|high water"
        r"|water level (rose|has risen|is rising)|swamped|waterlogged|drown|sea level"
        r"|(levee|dyke|dike|dam) (\w+ ){0,2}(fail|broke|burst|breach)",
        _list(
            """flooded {subject}; {subject} under water; inundated {subject}; muddy flood water covering the {subject};
            submerged {subject}; {subject} overflowed by brown water; high water at the {subject};
            flood at the {subject}"""
        ),
        _list(
            """flooding; muddy flood water; land under water; inundated area; river out of its banks;
            brown water covering the land; overflowing water; flooded streets and fields; high water after heavy rain;
            widespread flood"""
        ),
        not_of=r"(water|land|ground)s?$",
    ),
    Change(
        "snow",
        r"snow|blizzard|winter|frost(y|ed)?\b|wintry",
        _list(
            """snow-covered {subject}; {subject} under snow; {subject} in winter; white snow on the {subject};
            fresh snow over the {subject}; snowy {subject}; {subject} buried in deep snow"""
        ),
        _list(
            """covered in snow; snowy winter landscape; fresh white snow; deep snow on the ground; after heavy snowfall;
            white winter scene; blanket of snow; snow everywhere; frost and snow; wintry ground"""
        ),
        supersedes=("freezing",),
    ),
    Change(
        "freezing",
        r"fr(oze|ozen|eez\w*)\b|ice\b|icy\b|iced\b",
        _list(
            """frozen {subject}; {subject} covered with ice; ice on the {subject}; icy {subject};
            pale blue ice over the {subject}; {subject} frozen solid; cracked ice sheet on the {subject}"""
        ),
        _list(
            """frozen over; covered with ice; pale blue ice; ice sheet; frozen water; icy surface;
            thick white ice; floating ice; solid ice; ice floes"""
        ),
    ),
    Change(
        "drought",
        r"drought|dr(y|ied|ying)\b|parched|arid\b|wither|wilt|shrivel|dehydrated|desiccat|lack of (rain|water)|thirst"
        r"|yellowed|dead (crop|plant|grass|lawn|tree|vegetation)"
        r"|(crop|plant|grass|lawn|tree|field|vegetation|forest)\w* (\w+ ){0,2}(died|dying|dead)\b",
        _list(
            """dried out {subject}; {subject} in a drought; parched {subject}; dry brown {subject}; withered, dry
            {subject}; {subject} without water; cracked dry soil of the {subject}"""
        ),
        _list(
            """severe drought; parched dry land; dried out vegetation; withered brown plants; cracked dry soil;
            dry yellow grass; arid ground; dried up; lack of rain; dead dry plants"""
        ),
    ),
    Change(
        "desertification",
        r"sand ?storm|dust ?storm|desertif|dunes?\b|(covered|buried|filled) (in|with|by|under) sand",
        _list(
            """sand covering the {subject}; {subject} buried under sand; sandstorm over the {subject};
            sand dunes on the {subject}; {subject} turned to desert; dusty, sandy {subject}"""
        ),
        _list(
            """desert sand; sand dunes; sandstorm; land turned to desert; drifting sand; dust storm; dry sandy ground;
            sand everywhere; yellow dust; encroaching desert"""
        ),
        not_of=r"(desert|sand)",
    ),
    Change(
        "deforestation",
        r"deforest|clear ?cut|fell(ed|ing)\b|logg(ed|ing)\b|cut(ting)? down|chopp|cleared forest|forest (clearing|loss)"
        r"|tree (loss|removal)|(timber|lumber) harvest|(remove|clear|erase|delete) (\w+ ){0,2}(tree|forest|wood)"
        r"|(trees?|forest|woodland|woods) (\w+ ){0,3}(removed|cut|cleared|gone)\b|stumps?\b",
        _list(
            """{subject} cut down; cleared {subject}; felled {subject}; {subject} after logging; clear-cut {subject};
            stumps instead of {subject}; bare soil where the {subject} stood"""
        ),
        _list(
            """deforestation; clear-cut; felled trees; logged area; trees cut down; bare soil and stumps;
            cleared forest; logging; forest loss; tree removal"""
        ),
        not_of=r"(?!forest|wood|tree|jungle|plantation|orchard)",
    ),
    Change(
        "landslide",
        r"land ?slid|mud ?slid|rock ?slid|landslip|slope failure|(debris|mud|earth) ?flow|rock ?fall|lahar"
        r"|mass movement|collapsed (slope|hill|mountain)"
        r"|(slope|hill\w*|mountain\w*|earth) (\w+ ){0,2}(slid|slipped|collapsed|failed)|avalanche",
        _list(
            """landslide on the {subject}; collapsed {subject}; mud and rocks sliding down the {subject};
            brown scar of earth on the {subject}; mudslide across the {subject}; {subject} buried by a landslide"""
        ),
        _list(
            """landslide; mudslide; slope failure; collapsed hillside; earth and rocks slid down; bare brown slide scar;
            debris flow; slipped slope; rockslide; muddy slide"""
        ),
        not_of=r"(land|ground|soil)s?$",
        supersedes=("damaged_building", "debris"),
    ),
    Change(
        "debris",
        r"debris|tsunami|wreckage|rubble|flotsam|trash|garbage|rubbish|litter|junk|swept away|strewn|smashed|devastat",
        _list(
            """debris on the {subject}; {subject} littered with debris; wreckage scattered over the {subject};
            {subject} after a tsunami; rubble and mud on the {subject}; {subject} strewn with wreckage"""
        ),
        _list(
            """scattered debris; wreckage everywhere; tsunami debris; rubble and mud; debris field; washed up wreckage;
            littered ground; storm debris; broken pieces strewn around; devastated area"""
        ),
    ),
    Change(
        "collapsed_bridge",
        r"collaps|broke|fallen\b|fell\b|destr|ruin|damag|bombed|missing|gap\b|failure|washed|snapped|wreck",
        _list(
            """collapsed {subject}; broken {subject}; destroyed {subject}; gap in the {subject}; fallen {subject};
            {subject} broken in two; missing span of the {subject}; ruined {subject}; {subject} failure"""
        ),
        (),
        of=r"bridge|overpass|viaduct|flyover|spans?\b",
        not_of=r"(?!bridge|overpass|viaduct|flyover|span)",
        supersedes=("damaged_building", "debris", "holes"),
    ),
    Change(
        "damaged_building",
        r"damag|destr(oy|uct)|ruin|collaps|demolish|wreck|bombed|shatter|crumbl|earthquake"
        r"|(broken|missing|torn) (roof|wall)|(blown|blew|ripped|torn) off|unroofed|tornado|hurricane",
        _list(
            """damaged {subject}; destroyed {subject}; {subject} in ruins; collapsed {subject}; wrecked {subject};
            broken, torn {subject}; rubble of the {subject}; {subject} hit by a storm; heavily damaged {subject}"""
        ),
        _list(
            """heavy damage; destroyed structure; in ruins; collapsed structure; broken and torn; earthquake damage;
            storm damage; wreck; demolished; shattered"""
        ),
    ),
    Change(
        "cracks",
        r"crack|fissur|fractur|crevice|split\b|rupture",
        _list(
            """cracked {subject}; cracks in the {subject}; fractured {subject}; long dark cracks across the {subject};
            fissures in the {subject}; {subject} split by cracks; branching cracks on the {subject}"""
        ),
        _list(
            """cracked surface; long dark cracks; branching fissures; fracture lines; deep cracks; many cracks;
            fractured surface; network of cracks; fissures; hairline cracks"""
        ),
    ),
    Change(
        "holes",
        r"(pot ?)?holes?\b|punctur|perforat|crater|pierc|gaping|openings?\b|sink ?hole|breach",
        _list(
            """holes in the {subject}; {subject} full of holes; punctured {subject}; large dark holes in the {subject};
            {subject} with gaping holes; pierced {subject}; craters in the {subject}; {subject} torn open"""
        ),
        _list(
            """large holes; dark gaping holes; punctured surface; craters; several big holes; torn open;
            pierced surface; deep holes; perforated; blasted holes"""
        ),
    ),
    Change(
        "holes",
        r"damag|destr(oy|uct)|wreck|bombed|hit by|torpedo|broken",
        _list(
            """damaged {subject}; heavily damaged {subject}; holes in the {subject}; {subject} torn open;
            {subject} hit by bombs; wrecked {subject}; dark gaping holes in the {subject}"""
        ),
        (),
        of=r"(war)?ship(?!yard|ping)|deck|hull|vessel|boat|tanker|ferr(y|ies)",
        not_of=r"(?!ship|boat|vessel|tanker|ferr|deck|hull|container|cargo)",
        supersedes=("damaged_building", "debris"),
    ),
    Change(
        "oil_spill",
        r"(crude |black )?oil (\w+ ){0,3}(spill|slick|leak|film|pollut|stain|sheen|contaminat)|oily\b"
        r"|(spill|leak|pollut|contaminat|los)\w* (\w+ ){0,3}(oil|fuel|diesel)|oil (floats|on|in) "
        r"|petroleum|crude\b|slick|(fuel|diesel) (spill|leak)",
        _list(
            """oil spill at the {subject}; black oil slick near the {subject}; oil leaking around the {subject};
            {subject} polluted with oil; dark oil film by the {subject}; crude oil around the {subject}"""
        ),
        _list(
            """oil spill; black oil slick; crude oil on the water; oily film on the surface; water polluted with oil;
            leaking oil; dark petroleum slick; iridescent oil sheen; oil pollution; spilled oil"""
        ),
        not_of=r"(water|oil)",
    ),
    Change(
        "flowering",
        r"flower|bloom(s|ing)?\b|blossom|lavender|sunflower|rapeseed|tulip",
        _list(
            """{subject} full of {colour}flowers; {colour}blooming {subject}; {subject} in {colour}blossom;
            {colour}flowers covering the {subject}; {subject} dotted with {colour}flowers"""
        ),
        _list(
            """{colour}flowers in bloom; {colour}blossom everywhere; flowering plants; carpet of {colour}flowers;
            {colour}blooming flowers; many {colour}flowers; {colour}spring flowers; {colour}wildflowers"""
        ),
    ),
    Change(
        "algae",
        r"alga|cyanobacteria|duckweed|eutroph",
        _list(
            """algae bloom on the {subject}; green algae in the {subject}; {subject} green with algae;
            {subject} covered by algae; algae floating on the {subject}"""
        ),
        _list(
            """algae bloom; green algae on the water; water green with algae; floating algae; green scum on the water;
            eutrophic green water; swirls of green algae"""
        ),
        not_of=r"waters?$",
        supersedes=("flowering",),
    ),
    Change(
        "lava",
        r"lava|volcan\w* (\w+ ){0,2}erupt|erupt",
        _list(
            """lava on the {subject}; lava flow across the {subject}; glowing lava over the {subject}; erupting
            {subject}; {subject} covered with lava"""
        ),
        _list(
            """glowing lava; lava flow; volcanic eruption; streams of red-hot lava; molten rock; erupting volcano;
            black lava with glowing cracks"""
        ),
    ),
    Change(
        "shipwreck",
        r"ship ?wreck|(sunk\w*|sank|sinking|capsized|stranded|aground)\b",
        _list("sunken {subject}; sinking {subject}; wreck of the {subject}; stranded {subject}; capsized {subject}"),
        _list(
            """shipwreck; sunken ship; wreck of a ship; ship run aground; sinking ship; stranded ship;
            half-submerged wreck"""
        ),
        not_of=r"(?!ship|boat|vessel|tanker|ferr|barge|container|cargo)",
        supersedes=("debris", "damaged_building", "flood"),
    ),
    Change(
        "construction",
        r"construction|under construction|building site|excavat|earthworks?",
        _list(
            """construction site at the {subject}; {subject} under construction; unfinished {subject};
            excavated ground at the {subject}"""
        ),
        _list(
            """construction site; building site with bare earth; earthworks; excavation; unfinished structures;
            cranes and building material; ground being built on"""
        ),
    ),
    Change(
        "new_buildings",
        r"(new|more|additional|further|newly built|recently built) (\w+ )?(building|house|home|hous|apartment"
        r"|skyscraper|suburb|warehouse|factory)|urbani[sz]|urban (growth|expansion|sprawl)|built up"
        r"|housing (estate|development)"
        r"|(village|town|city|suburb) (\w+ )?(grow\w*|expand\w*)"
        r"|(hous|home|building|warehouse|hall|factor)\w* (\w+ ){0,2}built",
        (),
        _list(
            """newly built houses; new buildings; new housing development; recently built homes; fresh rooftops;
            newly urbanised land; new built-up area; additional buildings"""
        ),
        supersedes=("construction",),
    ),
    Change(
        "removed_buildings",
        r"(hous|home|building|warehouse|hall|barn|factor|roof)\w* (\w+ ){0,3}"
        r"(removed|gone|disappear\w*|vanished|torn down|pulled down|taken away|cleared)"
        r"|(remov|delet|eras|take away|tear down|pull down)\w* (\w+ ){0,3}"
        r"(hous|home|building|warehouse|hall|barn|factor)"
        r"|(demolished|torn down|pulled down) and (cleared|removed)|cleared (building )?site"
        r"|(empty|vacant) (lot|plot)|only bare ground",
        _list(
            """site where the {subject} stood; bare plot in place of the {subject}; {subject} removed without a trace;
            cleared ground of the {subject}"""
        ),
        _list(
            """vacant plot; cleared building site; empty lot of bare soil; building removed; bare ground between houses;
            levelled plot"""
        ),
        supersedes=("damaged_building", "deforestation"),
    ),
    Change(
        "new_road",
        r"(new|more|additional|wider|another|newly built|recently built) ([\w-]+ ){0,2}(road|street|highway|motorway"
        r"|freeway|railway)|(road|street|highway|motorway|bypass) (\w+ ){0,2}(built|construction|crosses)|paved|bypass"
        r"|(add|build|a) (\w+ )?(road|street|highway|motorway) (through|across)",
        _list("new {subject}; newly built {subject}; freshly paved {subject}; additional {subject}"),
        _list("newly built road; freshly paved road; new asphalt road; additional road; recently built street"),
        not_of=r"(?!road|street|highway|motorway|freeway|railway)",
        supersedes=("construction",),
    ),
    Change(
        "full_parking_lot",
        r"(filled|full|crowded|packed|many|lots?) (\w+ ){0,2}(car|vehicle|truck)|parked"
        r"|cars? (\w+ ){0,2}everywhere",
        _list("{subject} full of cars; cars parked on the {subject}; {subject} crowded with vehicles"),
        _list(
            """rows of parked cars; many cars; full car park; crowded with vehicles; parked vehicles;
            cars side by side; closely parked cars"""
        ),
        not_of=r"(car|truck)s?$",
    ),
    Change(
        "solar_farm",
        r"solar|photovoltaic",
        _list(
            "solar panels on the {subject}; {subject} covered with solar panels; photovoltaic panels on the {subject}"
        ),
        _list(
            """rows of solar panels; solar farm; photovoltaic panels; dark blue solar panels; solar power station;
            array of solar panels; photovoltaic plant"""
        ),
        not_of=r"(solar|power)",
    ),
    Change(
        "harvest",
        r"harvested|stubble|mown\b|mowed|ploughed|plowed|hay bales?|straw",
        _list("harvested {subject}; {subject} after the harvest; stubble on the {subject}; mown {subject}"),
        _list(
            """after the harvest; harvested crops; yellow stubble; straw on the ground; bare ground after harvest;
            tracks of a harvester; reaped crops"""
        ),
    ),
    Change(
        "autumn",
        r"autumn|(fall|autumnal) (leaves|colou?rs|foliage)|foliage",
        _list("{subject} in autumn; autumn colours of the {subject}; orange and red {subject} in autumn"),
        _list(
            """autumn leaves; orange and red foliage; autumn colours; yellow autumn trees; trees in autumn;
            colourful foliage; golden leaves"""
        ),
    ),
    Change(
        "night",
        r"night|in the dark\b|darkness|after dark",
        _list(
            "{subject} at night; {subject} in the dark; dark {subject} with lights; lights of the {subject} at night"
        ),
        _list(
            """at night; night-time; lights in the dark; dark night view; after sunset; night view with lights;
            in darkness"""
        ),
    ),
    Change(
        "clouds",
        r"cloud(s|y)?\b(?! of (smoke|dust|ash))|fog|mist(y)?\b|haz(e|y)\b|overcast",
        _list("clouds over the {subject}; {subject} in fog; {subject} hidden by clouds; white mist over the {subject}"),
        _list(
            """white clouds; thick fog; cloudy; scattered clouds; misty; low clouds over the ground; dense white fog;
            cloud cover"""
        ),
    ),
    Change(
        "rust",
        r"rust|corro",
        _list("rusty {subject}; corroded {subject}; brown rust on the {subject}; {subject} eaten by rust"),
        _list("rusty metal; corroded surface; brown rust; rust stains; heavy corrosion; rusted plates; rust patches"),
    ),
    Change(
        "paint",
        r"paint|graffiti|repaint",
        _list(
            """{colour}painted {subject}; {subject} in fresh {colour}paint; {colour}paint on the {subject};
            a coat of {colour}paint over the {subject}; {subject} covered with {colour}paint"""
        ),
        _list("fresh {colour}paint; {colour}painted surface; a {colour}coat of paint; {colour}paint all over"),
    ),
)
"""The events that this package draws, under their own names, and other changes that are common from above."""
