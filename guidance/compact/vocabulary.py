"""The words the compact guide is trained with: phrasings of events, scenes, ground cover and colours.

A label's phrasings are sampled anew at every training step and put into templates. ``split_phrasings`` holds a
quarter of them, and ``HELD_OUT_TEMPLATES`` all of theirs, back for evaluation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(" ".join(phrase.split()) for phrase in text.split(",") if phrase.strip())


EVENT_PHRASINGS: dict[str, tuple[str, ...]] = {
    "fire": _phrases(
        """fire, a fire, wildfire, forest fire, a forest on fire, burning trees, heavily burning, flames, large fire,
        bright orange flames, a raging blaze, an active fire front, the vegetation is ablaze, an inferno, bushfire,
        fire spreading, flames and smoke, burning, the woods are burning, a burning house, the building is on fire,
        huge flames engulfing everything, intense blaze, fire outbreak, engulfed in fire, grass fire, ignited,
        a blazing fire, ship on fire, hot glowing flames, conflagration, uncontrolled burning"""
    ),
    "smoke": _phrases(
        """smoke, a smoke plume, thick grey smoke, white smoke drifting, smoke covering the ground, billowing smoke,
        dense smoke, a column of smoke, smoky haze, wildfire smoke, plume of smoke rising, clouds of smoke, fumes,
        smoke blowing in the wind, smoke pollution, a hazy plume, smoke obscuring the view, smouldering smoke,
        dark smoke rising, drifting haze, smoke from a chimney, veiled by smoke, smog"""
    ),
    "burn_scar": _phrases(
        """burn scar, burned area, charred ground, burnt forest, blackened vegetation, scorched earth, ash covered land,
        after the fire, charred trees, a burnt patch of land, fire aftermath, black ash, burned down forest,
        the land after a wildfire, charcoal and ash, scorched trees, burnt grass, incinerated vegetation, burned out,
        carbonized ground, post fire landscape, burnt field, black scorched area, ashes everywhere"""
    ),
    "snow": _phrases(
        """snow, snow covered, covered in snow, a snowy landscape, fresh snow, white winter landscape, snowfall,
        frozen and white, ice and snow, winter, blanket of snow, heavy snowfall, snow on the roofs, frost, a snowstorm,
        deep snow, snow covered trees, buried under snow, snowy ground, wintry scene, it snowed,
        white snow on the ground, icy ground, blizzard, glacier, frosted"""
    ),
    "drought": _phrases(
        """drought, dried out, dry vegetation, parched land, withered crops, brown dry grass, dried up,
        cracked dry soil, arid and dry, wilted plants, dead dry vegetation, dehydrated soil, severe drought,
        the land is dry, lack of water, yellowed grass, desiccated ground, drought stricken field, dry season,
        dried river bed, shrivelled crops, heat wave dried the land, sun scorched dry fields, desertification"""
    ),
    "deforestation": _phrases(
        """deforestation, clear cut, felled trees, logging, trees cut down, cleared forest, clearcutting, logged area,
        bare clearing in the forest, forest clearing, tree removal, the forest has been cut, cut down forest, stumps,
        illegal logging, timber harvest, trees removed, forest loss, cleared land, a logging road and stumps,
        slash and stumps, razed forest, chopped down trees, lumber harvest"""
    ),
    "landslide": _phrases(
        """landslide, mudslide, a debris flow, slope failure, earth slip, mud flow, rockslide, the hillside collapsed,
        a slope slid down, soil slide, landslip, the slope has failed, muddy slide scar, avalanche of earth,
        slipped hillside, earth flow, collapsed slope, sliding mud and rocks, bare earth scar of a landslide,
        mud and rock slid down the hill, lahar, rock fall, hillside erosion, mass movement"""
    ),
    "flood": _phrases(
        """flood, flooding, flooded, inundated, flood water, the river is flooding, muddy flood water, submerged land,
        overflowing river, under water, the river burst its banks, inundation, flooded streets, flooded fields,
        water covers the land, waterlogged, high water, the water level rose, drowned in water, flash flood,
        deluge, water everywhere, brown flood water around the houses, flooded homes, storm surge, overflow, swamped"""
    ),
    "debris": _phrases(
        """debris, tsunami debris, scattered debris, wreckage, rubble everywhere, storm debris, tsunami,
        trash and wreckage, debris field, washed up debris, broken wood and rubbish, littered with debris,
        tornado debris, remains scattered, hurricane debris, swept away by a tsunami, scattered wreckage,
        debris on the ground, junk strewn around, strewn with rubble, fragments scattered, garbage, flotsam,
        devastation after a tsunami"""
    ),
    "damaged_building": _phrases(
        """damaged building, damaged house, the house is damaged, destroyed house, collapsed building, ruined building,
        the roof is destroyed, roof damage, a building in ruins, earthquake damage, collapsed roof, broken roof,
        wrecked house, demolished building, bombed building, the building has collapsed, missing roof, torn roof,
        house destroyed by a storm, structural damage, ruins, rubble of a house, crumbled building, shattered house,
        hurricane damaged roof, partially collapsed house, devastated buildings, tornado damage"""
    ),
    "collapsed_bridge": _phrases(
        """collapsed bridge, the bridge is collapsed, broken bridge, the bridge has fallen, destroyed bridge,
        the bridge is broken, bridge failure, missing bridge span, a gap in the bridge, bridge collapse, damaged bridge,
        fallen bridge deck, the bridge fell into the water, ruined bridge, broken span, bridge washed away,
        the bridge is destroyed, collapsed span, snapped bridge, bridge wreck, collapsed overpass,
        bridge broken in two"""
    ),
    "cracks": _phrases(
        """cracks, cracks on the storage, cracked surface, a crack, fissures, cracks on the tank, fractured,
        fracture lines, cracked concrete, long cracks, branching cracks, the storage tank is cracked, hairline cracks,
        split surface, cracked roof, cracks in the pavement, crevices, rusty cracks, ruptured tank, cracks in the road,
        a fissured runway, dark cracks spreading, crack pattern, broken by cracks"""
    ),
    "holes": _phrases(
        """holes, big holes, big holes on deck, a hole in the roof, holes in the deck, punctured, large hole,
        dark holes, perforated, holes in the surface, a gaping hole, pierced deck,
        holes torn open, breach in the hull, several holes, damaged deck with holes, shell holes,
        openings torn in the deck, blasted hole, bullet holes"""
    ),
    "craters": _phrases(
        """craters, bomb craters, a crater, craters in the runway, a sinkhole, a sinkhole in the road, cratered ground,
        pits, a pit in the ground, potholes, shell craters, impact crater, a huge hole in the ground, cratered field,
        the road has caved in, a bombed runway, the ground has collapsed, deep pits with thrown out earth,
        cratered road, holes in the road"""
    ),
    "oil_spill": _phrases(
        """oil spill, oil slick, oil on the water, crude oil leak, black oil on the sea, spilled oil, petroleum spill,
        oil pollution, oily water, leaking oil, tanker spill, an oil film, iridescent oil sheen,
        oil leaked into the water, contaminated water with oil, slick on the water, fuel spill, oil contamination,
        dark slick of crude, polluted by oil, diesel leak, oil stained water"""
    ),
    "new_buildings": _phrases(
        """new buildings, a new building, new houses, newly built houses, a new housing estate, recently built homes,
        new houses on the field, the village has grown, urban expansion, urban growth, more houses, new rooftops,
        additional buildings, new warehouses, a new factory hall, houses have been built, the town expands,
        a new neighbourhood, fresh development, built up land, new apartment blocks, urban sprawl, newly built hall"""
    ),
    "new_road": _phrases(
        """a new road, newly built road, a new road through the forest, new asphalt, a fresh road, a new highway,
        a road has been built, a freshly paved street, a bypass, road construction, an additional road,
        a newly paved track, a new motorway, a road cut through the trees, a road crosses the fields,
        a new street, recently built road, a road under construction"""
    ),
    "removed_buildings": _phrases(
        """removed building, the building has been removed, the house is gone, the house has disappeared,
        a vacant plot, an empty lot, demolished and cleared, the building was torn down, a cleared building site,
        bare ground where a house stood, the buildings are gone, a levelled plot, the house was taken away,
        an empty plot after demolition, the roof has vanished, the houses were pulled down"""
    ),
}
"""Event name → phrasings. A renderer without an entry is trained with its own phrases alone."""

SCENE_PHRASINGS: dict[str, tuple[str, ...]] = {
    "agricultural": _phrases(
        """farmland, a field, crops, agricultural field, green crop rows, cropland, farm, ploughed field, plantation,
        cultivated land, rows of plants, arable land"""
    ),
    "airplane": _phrases(
        """airplane, parked airplanes, an aircraft, planes at an airport, a jet on the apron, airport, airliner,
        aeroplanes"""
    ),
    "baseballdiamond": _phrases(
        """baseball diamond, a baseball field, ballpark, a sports ground for baseball, softball field,
        infield and outfield"""
    ),
    "beach": _phrases(
        "beach, a sandy beach, sea and sand, the coast, shoreline, waves on the beach, coastline, seaside, surf"
    ),
    "buildings": _phrases(
        """buildings, large buildings, office buildings, commercial area, city blocks, factory roofs, downtown,
        industrial area"""
    ),
    "chaparral": _phrases(
        "chaparral, shrubland, dry shrubs, scattered bushes, scrubland, bushes on sandy ground, brush, semi arid shrubs"
    ),
    "denseresidential": _phrases(
        "dense residential area, crowded houses, closely packed houses, a dense neighbourhood, tightly packed homes"
    ),
    "forest": _phrases(
        """forest, a green forest, trees, woodland, dense trees, the woods, tree canopy, jungle, tree crowns,
        a lush green forest, healthy forest, woods"""
    ),
    "freeway": _phrases(
        "freeway, highway, motorway, a wide road with cars, lanes of a highway, expressway, traffic lanes"
    ),
    "golfcourse": _phrases(
        "golf course, a golf green, fairway and bunkers, putting green, golf links, sand traps on grass"
    ),
    "harbor": _phrases(
        "harbor, harbour, marina, boats at the pier, docked boats, a port, ships in the harbour, moored yachts, ships"
    ),
    "intersection": _phrases(
        "intersection, crossroads, a road junction, street crossing, crossing streets, road intersection"
    ),
    "mediumresidential": _phrases(
        "residential area, houses and gardens, a suburb, suburban houses, houses, a neighbourhood, homes with yards"
    ),
    "mobilehomepark": _phrases(
        "mobile home park, trailer park, rows of mobile homes, caravans, trailers, manufactured homes"
    ),
    "overpass": _phrases(
        "overpass, a bridge, flyover, viaduct, a road bridge, bridge over a road, an intact bridge, interchange"
    ),
    "parkinglot": _phrases("parking lot, parked cars, car park, rows of cars, a full parking area, vehicles in a lot"),
    "river": _phrases("river, a stream, a calm river, the river and its banks, waterway, river bend, creek, canal"),
    "runway": _phrases("runway, an airstrip, airport runway, landing strip, taxiway, tarmac of a runway"),
    "sparseresidential": _phrases(
        """a single house, sparse residential area, a house among trees, an isolated house, a rural house,
        a detached house, villa"""
    ),
    "storagetanks": _phrases(
        "storage tanks, a storage tank, oil tanks, round tanks, fuel storage, tank farm, cylindrical tanks, the storage"
    ),
    "tenniscourt": _phrases("tennis court, tennis courts, a sports court, hard court, a tennis club, courts with nets"),
}
"""UC Merced class → phrasings."""

COVER_PHRASINGS: dict[str, tuple[str, ...]] = {
    "trees": _phrases("trees, tree crowns, tree canopy, wooded, shrubs and trees, leafy trees, green trees"),
    "grass": _phrases("grass, green grass, a lawn, meadow, green field, low vegetation, turf, grassland"),
    "water": _phrases(
        "water, calm water, clear water, lake, pond, smooth water surface, the sea, open water, a body of water"
    ),
    "bare": _phrases("bare soil, bare ground, earth, dirt, sand and soil, barren land, gravel, unpaved ground"),
    "built": _phrases(
        "roofs and roads, pavement, concrete, asphalt, rooftops, built up area, paved surface, urban area"
    ),
}
"""Ground cover of a place → phrasings."""

COVERS_BY_SCENE: dict[str, tuple[str, ...]] = {
    "agricultural": ("grass", "bare"),
    "beach": ("bare",),
    "chaparral": ("trees", "bare"),
    "forest": ("trees",),
    "golfcourse": ("trees", "grass", "bare"),
    "harbor": ("water",),
    "river": ("trees", "water", "bare"),
    "sparseresidential": ("trees", "grass", "built"),
    "mediumresidential": ("trees", "built"),
    "denseresidential": ("trees", "built"),
    "buildings": ("built",),
    "intersection": ("trees", "built"),
    "parkinglot": ("built",),
    "freeway": ("grass", "built"),
    "runway": ("bare",),
}
"""Covers that the colour heuristics tell reliably in scenes of a class (smooth asphalt is no lake)."""


@dataclass(frozen=True)
class Colour:
    """A colour as sRGB in 0…1, and how people speak of it."""

    rgb: tuple[float, float, float]
    phrasings: tuple[str, ...]


COLOURS: dict[str, Colour] = {
    "red": Colour(
        (0.75, 0.12, 0.10),
        _phrases("red, red paint, bright red, red soil, crimson, red roof, scarlet, red flowers"),
    ),
    "orange": Colour(
        (0.90, 0.50, 0.12), _phrases("orange, orange colour, orange paint, orange roof, autumn orange leaves")
    ),
    "yellow": Colour(
        (0.90, 0.80, 0.15),
        _phrases("yellow, bright yellow, yellow flowers, golden field, yellow paint, rapeseed in bloom, sunflowers"),
    ),
    "green": Colour(
        (0.20, 0.62, 0.18),
        _phrases(
            """green, bright green, vivid green, green paint, lush green, emerald green, algae bloom,
            grown over with plants"""
        ),
    ),
    "turquoise": Colour(
        (0.20, 0.72, 0.70),
        _phrases("turquoise, turquoise water, cyan, teal, tropical lagoon, turquoise sea, aqua"),
    ),
    "blue": Colour(
        (0.12, 0.28, 0.75),
        _phrases("blue, deep blue, blue paint, blue roof, navy blue, bright blue, swimming pool, blue tarpaulin"),
    ),
    "purple": Colour(
        (0.50, 0.20, 0.65),
        _phrases("purple, purple flowers, violet, lavender field, magenta, purple paint, lilac"),
    ),
    "pink": Colour(
        (0.92, 0.52, 0.65),
        _phrases("pink, pink flowers, cherry blossoms, rose coloured, pink paint, pink lake"),
    ),
    "brown": Colour(
        (0.42, 0.28, 0.16),
        _phrases("brown, dark brown, brown earth, chocolate brown, brown paint, rust brown, autumn brown"),
    ),
    "sand": Colour(
        (0.84, 0.72, 0.50),
        _phrases("desert sand, sand dunes, a sandy desert, beige, sandy, desert, dunes, sand"),
    ),
    "white": Colour(
        (0.95, 0.95, 0.95),
        _phrases("white, bright white, white paint, white roof, pure white, salt flat, chalk"),
    ),
    "ice": Colour(
        (0.74, 0.86, 0.93),
        _phrases("frozen lake, ice, pale blue ice, frozen water, icy water, frozen river, ice sheet"),
    ),
    "grey": Colour((0.52, 0.52, 0.52), _phrases("grey, gray, concrete grey, grey paint, silver, steel grey, cement")),
    "black": Colour(
        (0.06, 0.06, 0.07),
        _phrases("black, pitch black, black paint, black surface, dark, solar panels, lava, coal"),
    ),
}

EVENT_SCENES: dict[str, tuple[str, ...]] = {
    "fire": ("forest", "chaparral", "sparseresidential", "river", "golfcourse", "agricultural", "mediumresidential"),
    "burn_scar": ("forest", "chaparral", "agricultural", "golfcourse", "river", "sparseresidential"),
    "snow": ("forest", "agricultural", "sparseresidential", "mediumresidential", "golfcourse", "river", "freeway"),
    "drought": ("agricultural", "golfcourse", "forest", "river", "sparseresidential", "baseballdiamond"),
    "deforestation": ("forest", "forest", "river", "sparseresidential", "golfcourse"),
    "landslide": ("forest", "chaparral", "river", "golfcourse", "sparseresidential", "beach", "freeway"),
    "flood": (
        "river", "agricultural", "sparseresidential", "mediumresidential", "golfcourse", "freeway", "mobilehomepark",
    ),
    "debris": (
        "beach", "mobilehomepark", "mediumresidential", "sparseresidential", "harbor", "denseresidential", "river",
    ),
    "damaged_building": (
        "sparseresidential", "mediumresidential", "denseresidential", "buildings", "mobilehomepark", "storagetanks",
    ),
    "collapsed_bridge": ("overpass", "overpass", "freeway", "river", "intersection"),
    "cracks": ("storagetanks", "storagetanks", "runway", "parkinglot", "buildings", "freeway", "tenniscourt"),
    "holes": ("buildings", "storagetanks", "harbor", "denseresidential", "overpass"),
    "craters": ("runway", "freeway", "parkinglot", "agricultural", "baseballdiamond", "intersection"),
    "oil_spill": ("harbor", "river", "beach"),
    "new_buildings": ("agricultural", "sparseresidential", "golfcourse", "chaparral", "parkinglot"),
    "new_road": ("forest", "agricultural", "chaparral", "golfcourse", "sparseresidential"),
    "removed_buildings": ("sparseresidential", "mediumresidential", "denseresidential", "buildings", "mobilehomepark"),
}  # fmt: skip
"""Scene classes where an event is drawn three times out of four; the fourth time anywhere it is possible."""

OTHER_EVENTS_SHOWN: dict[str, tuple[str, ...]] = {"fire": ("smoke", "burn_scar")}
"""Further events that a drawing may show, so that their words are neither right nor wrong there."""

UNCHANGED = "unchanged"
UNCHANGED_PHRASINGS = _phrases(
    """an aerial image, a satellite photo, an ordinary scene, nothing happened, an undamaged place, an intact scene,
    remote sensing image, unchanged, a normal landscape, an aerial photograph, a view from above, no damage,
    calm and intact"""
)

PLACES = _phrases(
    """forest, field, village, town, trees, river, road, street, houses, city, harbour, coast, beach, farmland, garden,
    park, meadow, hill, roof, bridge, ship, deck, tank, storage, warehouse, factory, lake, sea, house, building, runway,
    car park, residential area, countryside, suburb, mountain, valley, bank of the river, ground, land"""
)
TEMPLATES = (
    "{}", "{}", "{}", "{} in the {place}", "{} near the {place}", "{} on the {place}", "{} over the {place}",
    "an aerial image of {}", "a satellite image of {}", "{} seen from above", "the {place} with {}",
    "{} at the {place}", "a photo of {}", "there is {}", "{} {place}",
)  # fmt: skip
HELD_OUT_TEMPLATES = (
    "a drone picture showing {} by the {place}",
    "a remote sensing scene with {}",
    "{} across the whole {place}",
    "please add {}",
    "{} around the {place}",
    "the {place} shows {}",
)


def split_phrasings(phrasings: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(training, held out): every fourth phrasing is held out; the first two, the plainest names, never are."""
    held_out = tuple(phrase for i, phrase in enumerate(phrasings) if i % 4 == 3)
    return tuple(phrase for phrase in phrasings if phrase not in held_out), held_out
