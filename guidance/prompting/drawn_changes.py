"""The lexicon's changes that are drawn, under the names of their events. Adding one is one entry.

The phrasings are everyday English for views from above, written by hand and not fitted to a guide's scores.
"""

from __future__ import annotations

from .change import Change, phrasings

_SHIP = r"(war)?ship(?!yard|ping)|deck|hull|vessel|boat|tanker|ferr(y|ies)"
_PIERCED = _SHIP + r"|roof|tanks?\b|building|house"
_HOLES_IN = phrasings(
    """holes in the {subject}; {subject} full of holes; punctured {subject}; large dark holes in the {subject};
    {subject} with gaping holes; pierced {subject}; breach in the {subject}; {subject} torn open"""
)
_CRATERS_IN = phrasings(
    """craters in the {subject}; bomb craters on the {subject}; a huge crater in the {subject}; cratered {subject};
    a sinkhole in the {subject}; deep pits in the {subject}; the {subject} has caved in"""
)

DRAWN_CHANGES: tuple[Change, ...] = (
    Change(
        "burn_scar",
        r"burn scar|burnt|burned|charred|scorched|blackened|carboni[sz]ed|ash(es)?\b|post (wild)?fire"
        r"|after (the|a) (\w+ )?(wild)?fire|fire (damage|aftermath)",
        phrasings(
            """burnt {subject}; charred {subject}; burn scar across the {subject}; blackened, scorched {subject};
            {subject} after a fire; ash and charcoal over the {subject}; the {subject} burned down"""
        ),
        phrasings(
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
        phrasings(
            """{subject} on fire; heavily burning {subject}; {subject} in flames; bright orange flames and smoke
            over the {subject}; fierce blaze on the {subject}; fire engulfing the {subject}; {subject} ablaze;
            large fire with smoke on the {subject}"""
        ),
        phrasings(
            """heavily burning; bright orange flames and smoke; large blaze; in flames; everything is on fire;
            fierce fire with dark smoke; burning fiercely; glowing flames; fire out of control; engulfed in flames"""
        ),
    ),
    Change(
        "smoke",
        r"smok(e|es|ing|y)\b|smoulder|smolder|fumes\b|smog\b|(?<!sediment )(?<!muddy )plumes?\b",
        phrasings(
            """{colour}smoke over the {subject}; {subject} covered in {colour}smoke; {colour}plume of smoke from the
            {subject}; thick {colour}smoke above the {subject}; smoking {subject}; {subject} veiled by {colour}smoke"""
        ),
        phrasings(
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
        phrasings(
            """flooded {subject}; {subject} under water; inundated {subject}; muddy flood water covering the {subject};
            submerged {subject}; {subject} overflowed by brown water; high water at the {subject};
            flood at the {subject}"""
        ),
        phrasings(
            """flooding; muddy flood water; land under water; inundated area; river out of its banks;
            brown water covering the land; overflowing water; flooded streets and fields; high water after heavy rain;
            widespread flood"""
        ),
        not_of=r"(water|land|ground)s?$",
    ),
    Change(
        "snow",
        r"snow|blizzard|winter|frost(y|ed)?\b|wintry",
        phrasings(
            """snow-covered {subject}; {subject} under snow; {subject} in winter; white snow on the {subject};
            fresh snow over the {subject}; snowy {subject}; {subject} buried in deep snow"""
        ),
        phrasings(
            """covered in snow; snowy winter landscape; fresh white snow; deep snow on the ground; after heavy snowfall;
            white winter scene; blanket of snow; snow everywhere; frost and snow; wintry ground"""
        ),
        supersedes=("freezing",),
    ),
    Change(
        "drought",
        r"drought|dr(y|ied|ying)\b|parched|arid\b|wither|wilt|shrivel|dehydrated|desiccat|lack of (rain|water)|thirst"
        r"|yellowed|dead (crop|plant|grass|lawn|tree|vegetation)"
        r"|(crop|plant|grass|lawn|tree|field|vegetation|forest)\w* (\w+ ){0,2}(died|dying|dead)\b",
        phrasings(
            """dried out {subject}; {subject} in a drought; parched {subject}; dry brown {subject}; withered, dry
            {subject}; {subject} without water; cracked dry soil of the {subject}"""
        ),
        phrasings(
            """severe drought; parched dry land; dried out vegetation; withered brown plants; cracked dry soil;
            dry yellow grass; arid ground; dried up; lack of rain; dead dry plants"""
        ),
    ),
    Change(
        "deforestation",
        r"deforest|clear ?cut|fell(ed|ing)\b|logg(ed|ing)\b|cut(ting)? down|chopp|cleared forest|forest (clearing|loss)"
        r"|tree (loss|removal)|(timber|lumber) harvest|(remove|clear|erase|delete) (\w+ ){0,2}(tree|forest|wood)"
        r"|(trees?|forest|woodland|woods) (\w+ ){0,3}(removed|cut|cleared|gone)\b|stumps?\b",
        phrasings(
            """{subject} cut down; cleared {subject}; felled {subject}; {subject} after logging; clear-cut {subject};
            stumps instead of {subject}; bare soil where the {subject} stood"""
        ),
        phrasings(
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
        phrasings(
            """landslide on the {subject}; collapsed {subject}; mud and rocks sliding down the {subject};
            brown scar of earth on the {subject}; mudslide across the {subject}; {subject} buried by a landslide"""
        ),
        phrasings(
            """landslide; mudslide; slope failure; collapsed hillside; earth and rocks slid down; bare brown slide scar;
            debris flow; slipped slope; rockslide; muddy slide"""
        ),
        not_of=r"(land|ground|soil)s?$",
        supersedes=("damaged_building", "debris"),
    ),
    Change(
        "debris",
        r"debris|tsunami|wreckage|rubble|flotsam|trash|garbage|rubbish|litter|junk|swept away|strewn|smashed|devastat",
        phrasings(
            """debris on the {subject}; {subject} littered with debris; wreckage scattered over the {subject};
            {subject} after a tsunami; rubble and mud on the {subject}; {subject} strewn with wreckage"""
        ),
        phrasings(
            """scattered debris; wreckage everywhere; tsunami debris; rubble and mud; debris field; washed up wreckage;
            littered ground; storm debris; broken pieces strewn around; devastated area"""
        ),
    ),
    Change(
        "collapsed_bridge",
        r"collaps|broke|fallen\b|fell\b|destr|ruin|damag|bombed|missing|gap\b|failure|washed|snapped|wreck",
        phrasings(
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
        phrasings(
            """damaged {subject}; destroyed {subject}; {subject} in ruins; collapsed {subject}; wrecked {subject};
            broken, torn {subject}; rubble of the {subject}; {subject} hit by a storm; heavily damaged {subject}"""
        ),
        phrasings(
            """heavy damage; destroyed structure; in ruins; collapsed structure; broken and torn; earthquake damage;
            storm damage; wreck; demolished; shattered"""
        ),
    ),
    Change(
        "cracks",
        r"crack|fissur|fractur|crevice|split\b|rupture",
        phrasings(
            """cracked {subject}; cracks in the {subject}; fractured {subject}; long dark cracks across the {subject};
            fissures in the {subject}; {subject} split by cracks; branching cracks on the {subject}"""
        ),
        phrasings(
            """cracked surface; long dark cracks; branching fissures; fracture lines; deep cracks; many cracks;
            fractured surface; network of cracks; fissures; hairline cracks"""
        ),
    ),
    Change(
        "holes",
        r"holes?\b|punctur|perforat|pierc|gaping|openings?\b|breach",
        _HOLES_IN,
        phrasings(
            """large holes; dark gaping holes; punctured surface; several big holes; torn open;
            pierced surface; deep holes; perforated; blasted holes"""
        ),
    ),
    Change(
        "craters",
        rf"(crater|(pot|sink) ?holes?\b|cav(ed|es|ing) in\b|impact site)(?!.*\b({_PIERCED}))",
        _CRATERS_IN,
        phrasings(
            """craters; bomb craters; deep pits with earth thrown out around them; cratered ground; impact craters;
            a huge hole in the ground; sinkhole; the ground has caved in"""
        ),
        supersedes=("holes",),
    ),
    Change(
        "craters",
        r"(holes?|pits?)\b",
        _CRATERS_IN,
        (),
        of=r"ground|earth|roads?\b|streets?\b|(high|free|motor|run|taxi)ways?\b|pavement|asphalt|tarmac|car park"
        r"|parking|fields?\b|meadow|lawn|grass|beach|sand|desert|square|apron|airfield|airport",
        supersedes=("holes",),
    ),
    Change(
        "holes",
        r"crater",
        _HOLES_IN,
        (),
        of=_PIERCED,
    ),
    Change(
        "holes",
        r"damag|destr(oy|uct)|wreck|bombed|hit by|torpedo|broken",
        phrasings(
            """damaged {subject}; heavily damaged {subject}; holes in the {subject}; {subject} torn open;
            {subject} hit by bombs; wrecked {subject}; dark gaping holes in the {subject}"""
        ),
        (),
        of=_SHIP,
        not_of=r"(?!ship|boat|vessel|tanker|ferr|deck|hull|container|cargo)",
        supersedes=("damaged_building", "debris"),
    ),
    Change(
        "oil_spill",
        r"(crude |black )?oil (\w+ ){0,3}(spill|slick|leak|film|pollut|stain|sheen|contaminat)|oily\b"
        r"|(spill|leak|pollut|contaminat|los)\w* (\w+ ){0,3}(oil|fuel|diesel)|oil (floats|on|in) "
        r"|petroleum|crude\b|slick|(fuel|diesel) (spill|leak)",
        phrasings(
            """oil spill at the {subject}; black oil slick near the {subject}; oil leaking around the {subject};
            {subject} polluted with oil; dark oil film by the {subject}; crude oil around the {subject}"""
        ),
        phrasings(
            """oil spill; black oil slick; crude oil on the water; oily film on the surface; water polluted with oil;
            leaking oil; dark petroleum slick; iridescent oil sheen; oil pollution; spilled oil"""
        ),
        not_of=r"(water|oil)",
    ),
    Change(
        "new_buildings",
        r"(new|more|additional|further|newly built|recently built) (\w+ )?(building|house|home|hous|apartment"
        r"|skyscraper|suburb|warehouse|factory)|urbani[sz]|urban (growth|expansion|sprawl)|built up"
        r"|housing (estate|development)"
        r"|(village|town|city|suburb) (\w+ )?(grow\w*|expand\w*)"
        r"|(hous|home|building|warehouse|hall|factor)\w* (\w+ ){0,2}built",
        (),
        phrasings(
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
        phrasings(
            """site where the {subject} stood; bare plot in place of the {subject}; {subject} removed without a trace;
            cleared ground of the {subject}"""
        ),
        phrasings(
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
        phrasings("new {subject}; newly built {subject}; freshly paved {subject}; additional {subject}"),
        phrasings("newly built road; freshly paved road; new asphalt road; additional road; recently built street"),
        not_of=r"(?!road|street|highway|motorway|freeway|railway)",
        supersedes=("construction",),
    ),
)
