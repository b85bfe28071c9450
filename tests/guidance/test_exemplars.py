from __future__ import annotations

import numpy as np
import pytest
import torch
from comfyui_sinddm_rs.guidance.events import DRAWN_ONCE, EVENTS, Drawing, Scene
from comfyui_sinddm_rs.guidance.exemplars import SHARE_OF_REGION, Canvas, DrawnExemplar, draw_exemplars
from comfyui_sinddm_rs.rasters.bundled import roi_path, scene_path
from comfyui_sinddm_rs.rasters.files import read_raster
from comfyui_sinddm_rs.rasters.layout import channels_last
from comfyui_sinddm_rs.rasters.regions import read_roi

BY_NAME = {event.name: event for event in EVENTS}


class Blot:
    """A blot, red on the left half or blue on the right; its share is half of the severity."""

    name = "blot"
    phrases = ("blot",)
    local = False

    def __init__(self, typical_share: float = 0.1, possible: float = 1.0) -> None:
        self.typical_share = typical_share
        self.possible = possible
        self.severities: list[float] = []

    def suitability(self, scene):
        return np.full(scene.shape, self.possible, np.float32)

    def draw(self, scene, area, severity, rng):
        self.severities.append(severity)
        height, width = scene.shape
        on_left, on_right = float(area[:, : width // 2].sum()), float(area[:, width // 2 :].sum())
        even = min(on_left, on_right) > 0.5 * max(on_left, on_right)
        left = bool(rng.random() < 0.5) if even else on_left > on_right
        mask = np.zeros(scene.shape, np.float32)
        reach = max(1, round(float(np.sqrt(0.5 * severity)) * height / 2))
        middle, centre = height // 2, width // 4 if left else width - width // 4
        mask[middle - reach : middle + reach, max(0, centre - reach) : centre + reach] = 1.0
        mask *= area
        colour = np.array([1, 0, 0] if left else [0, 0, 1], np.float32)
        image = scene.rgb + (colour - scene.rgb) * mask[..., None]
        return Drawing(image.astype(np.float32), mask)


def forest(bands: int = 3, side: int = 64, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    grain = 0.06 * torch.randn(1, side, side, generator=generator) + 0.02 * torch.randn(
        bands, side, side, generator=generator
    )
    return (torch.tensor([0.18, 0.30, 0.15, 0.5, 0.4, 0.3])[:bands, None, None] + grain).clamp(0.0, 1.0)


def region(side: int = 64) -> torch.Tensor:
    mask = torch.zeros(side, side)
    mask[side // 4 : -side // 4, side // 8 : side // 2] = 1.0
    return mask


def draw(event, image, guide, *, area=None, strength=1.0, seed=0, count=2, text="red"):
    target = guide.embed_texts([text])[0]
    return draw_exemplars(
        Canvas(image, guide, target, region=area, strength=strength), event, np.random.default_rng(seed), count
    )


@pytest.mark.parametrize("name", ["fire", "flood", "snow", "damaged_building", "cracks", "holes"])
def test_a_drawing_stays_in_its_region(colour_guide, name):
    image, area = forest(), region()
    drawn = draw(BY_NAME[name], image, colour_guide, area=area)
    assert len(drawn) == (1 if BY_NAME[name] in DRAWN_ONCE else 2)
    for each in drawn:
        assert each.image.shape == image.shape and each.mask.shape == area.shape
        assert each.mask.any() and not each.mask[area == 0].any()
        assert torch.equal(each.image[:, each.mask == 0], image[:, each.mask == 0])
        assert not torch.equal(each.image, image)
        assert each.image.min() >= 0.0 and each.image.max() <= 1.0
        assert each.mask.min() >= 0.0 and each.mask.max() <= 1.0


@pytest.mark.parametrize("name", ["fire", "burn_scar", "deforestation"])
@pytest.mark.parametrize("area", [None, region()], ids=["whole picture", "region"])
def test_the_changed_share_grows_with_the_strength(colour_guide, name, area):
    def share(strength):
        drawn = [
            each
            for seed in range(2)
            for each in draw(BY_NAME[name], forest(), colour_guide, area=area, strength=strength, seed=seed)
        ]
        return sum(float(each.mask.mean()) for each in drawn) / len(drawn)

    shares = [share(strength) for strength in (0.25, 1.0, 3.0)]
    assert shares[0] < 0.8 * shares[1] and shares[1] < shares[2]


@pytest.mark.parametrize("share", [0.05, 0.15])
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_the_severity_is_chosen_for_the_share_asked_for(colour_guide, share, strength):
    drawn = draw(Blot(share), forest(side=96), colour_guide, strength=strength)
    for each in drawn:
        assert float(each.mask.mean()) == pytest.approx(share * strength, abs=0.02)


def test_in_a_region_the_share_is_the_regions(colour_guide):
    area = torch.zeros(96, 96)
    area[:, :48] = 1.0
    for each in draw(Blot(0.02), forest(side=96), colour_guide, area=area):
        assert float(each.mask.mean()) == pytest.approx(SHARE_OF_REGION * float(area.mean()), abs=0.06)


def test_the_guide_chooses_the_place(colour_guide):
    sides = {"red": 0, "blue": 0}
    for text, left in (("red", True), ("blue", False)):
        for seed in range(12):
            drawn = draw(Blot(), forest(), colour_guide, text=text, seed=seed, count=6)
            if not drawn:
                continue
            weight = torch.stack([each.mask for each in drawn]).mean(0)
            sides[text] += (float(weight[:, :32].sum()) > float(weight[:, 32:].sum())) == left
    assert min(sides.values()) >= 9


def test_an_event_that_is_possible_nowhere_is_not_drawn(colour_guide):
    assert draw(Blot(possible=0.01), forest(), colour_guide) == []
    assert draw(Blot(possible=0.01), forest(), colour_guide, area=region()) != []


def test_drawings_come_from_the_generator_given(colour_guide):
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    one, same, other = (draw(BY_NAME["fire"], forest(), colour_guide, seed=seed) for seed in (1, 1, 2))
    assert all(torch.equal(a.image, b.image) and torch.equal(a.mask, b.mask) for a, b in zip(one, same, strict=True))
    assert not torch.equal(one[0].mask, other[0].mask)
    assert not torch.equal(one[0].image, one[1].image)
    assert torch.equal(torch.get_rng_state(), state)
    assert (np.random.get_state()[1] == numpy_state).all()


def test_the_image_drawn_over_is_not_touched(colour_guide):
    image, area = forest(5), region()
    kept = image.clone(), area.clone()
    draw(BY_NAME["fire"], image, colour_guide, area=area)
    assert torch.equal(image, kept[0]) and torch.equal(area, kept[1])


def test_further_bands_follow_the_visible_ones_as_they_do_in_the_scene(colour_guide):
    visible, area = forest(3), region()
    independent = torch.rand(1, 64, 64, generator=torch.Generator().manual_seed(9)) * 0.2 + 0.4
    image = torch.cat([visible, 0.2 + 0.5 * visible.mean(0, keepdim=True), independent])
    for each in draw(BY_NAME["fire"], image, colour_guide, area=area):
        delta = each.image - image
        strong = each.mask > 0.3
        expected = 0.5 * delta[:3].mean(0)[strong]
        assert float(expected.abs().mean()) > 0.01
        assert float(torch.corrcoef(torch.stack([delta[3][strong], expected]))[0, 1]) > 0.9
        assert float((delta[3][strong] / expected).median()) == pytest.approx(1.0, abs=0.25)
        assert float(delta[4].abs().mean()) < 0.5 * float(delta[3].abs().mean())
        assert torch.equal(each.image[:, each.mask == 0], image[:, each.mask == 0])


@pytest.mark.parametrize("bands", [1, 2])
def test_bands_without_colour_take_the_change_of_brightness(colour_guide, bands):
    image, area = forest(bands), region()
    for each in draw(BY_NAME["burn_scar"], image, colour_guide, area=area):
        assert each.image.shape == image.shape
        assert torch.equal(each.image[:, each.mask == 0], image[:, each.mask == 0])
        change = (each.image - image)[:, each.mask > 0.5]
        assert change.abs().mean() > 0.01
        torch.testing.assert_close(change, change[:1].expand(bands, -1), atol=0.01, rtol=0)


def test_one_bridge_falls_one_way(colour_guide):
    overpass = read_raster(scene_path("bridge")).pixels
    assert len(draw(BY_NAME["collapsed_bridge"], overpass, colour_guide, count=2)) == 1


@pytest.mark.parametrize("seed", range(4))
def test_the_place_of_a_bridge_does_not_cut_what_is_drawn_of_it(colour_guide, monkeypatch, seed):
    areas = []
    bridge = BY_NAME["collapsed_bridge"]
    original = type(bridge).draw

    def watched(self, scene, area, severity, rng):
        areas.append(area)
        return original(self, scene, area, severity, rng)

    monkeypatch.setattr(type(bridge), "draw", watched)
    (drawn,) = draw(bridge, read_raster(scene_path("bridge")).pixels, colour_guide, seed=seed, count=1)
    # What is hardly changed counts little; the place ends where nothing is drawn.
    assert (areas[-1][drawn.mask.numpy() > 0.5] > 0.5).mean() > 0.99


def test_all_drawings_of_an_edit_have_one_wind(colour_guide):
    winds = []

    class Vane(Blot):
        def draw(self, scene, area, severity, rng):
            winds.append(scene.wind)
            return super().draw(scene, area, severity, rng)

    draw(Vane(0.9), forest(), colour_guide, count=3)
    assert winds[0] is not None and len(set(winds)) == 1
    draw(Vane(0.9), forest(), colour_guide, seed=1)
    assert len(set(winds)) == 2


@pytest.fixture(scope="module")
def house() -> torch.Tensor:
    return read_raster(scene_path("house")).pixels


def flames(image: torch.Tensor, drawn: DrawnExemplar) -> torch.Tensor:
    """Where a drawing is much redder than the scene: [H, W]."""
    return (drawn.image - image)[0] - (drawn.image - image)[2] > 0.25


@pytest.mark.parametrize("text", ["The house is burning", "Fire in the buildings"])
def test_what_the_text_names_burns(house, colour_guide, text):
    roofs = Scene(channels_last(house).numpy()).roofs > 0.3
    shares = {}
    for each in (text, "A fire"):
        target = colour_guide.embed_texts(["red"])[0]
        drawn = draw_exemplars(Canvas(house, colour_guide, target, each), BY_NAME["fire"], np.random.default_rng(0), 1)
        burning = flames(house, drawn[0])
        shares[each] = float(burning[torch.from_numpy(roofs)].sum() / burning.sum())
    assert shares[text] > 0.5
    assert shares["A fire"] < 0.2


def test_a_fire_in_a_region_without_fuel_burns_what_is_marked(house, colour_guide):
    roof = read_roi(str(roi_path("house")), tuple(house.shape[-2:]))
    (drawn,) = draw(BY_NAME["fire"], house, colour_guide, area=roof, count=1)
    assert float(drawn.mask.sum()) > 0.25 * float(roof.sum())


def test_a_ship_has_no_roof(house, colour_guide):
    target = colour_guide.embed_texts(["red"])[0]
    ship, plain = (
        draw_exemplars(Canvas(house, colour_guide, target, text), BY_NAME["fire"], np.random.default_rng(0), 1)[0]
        for text in ("Large fire on the deck of a ship", "A fire")
    )
    assert torch.equal(ship.image, plain.image)


def ship_at_sea(side: int = 96) -> tuple[torch.Tensor, torch.Tensor]:
    """A picture [3, H, W] of a light hull in an even dark sea, and where the hull is, bool [H, W]."""
    waves = 0.01 * torch.randn(1, side, side, generator=torch.Generator().manual_seed(0))
    picture = torch.tensor([0.12, 0.19, 0.19])[:, None, None] + waves
    hull = torch.zeros(side, side, dtype=torch.bool)
    hull[36:50, 20:70] = True
    return torch.where(hull, torch.tensor([0.6, 0.5, 0.45])[:, None, None], picture), hull


def openings(image: torch.Tensor, drawn: DrawnExemplar) -> torch.Tensor:
    """Where a drawing is much darker than the scene: [H, W]."""
    return (drawn.image - image).mean(0) < -0.1


CASES = [("fire", "Large fire on a ship", flames), ("holes", "Big holes on deck", openings)]


@pytest.mark.parametrize(("event", "text", "seen"), CASES)
def test_what_happens_to_a_ship_happens_where_it_lies(colour_guide, event, text, seen):
    picture, hull = ship_at_sea()
    canvas = Canvas(picture, colour_guide, colour_guide.embed_texts(["red"])[0], text)
    seeds = [np.random.default_rng(seed) for seed in range(4)]
    drawn = [each for rng in seeds for each in draw_exemplars(canvas, BY_NAME[event], rng, 2)]
    assert len(drawn) == 8
    there = torch.stack([seen(picture, each) for each in drawn])
    assert int((there & hull).sum()) > max(160, 2 * int((there & ~hull).sum()))


def row_of_houses() -> tuple[torch.Tensor, list[torch.Tensor]]:
    """A picture [3, H, W] of four light roofs with shadows on a lawn, and where each is, bool [H, W]."""
    picture = torch.tensor([0.3, 0.42, 0.25])[:, None, None].repeat(1, 240, 240)
    picture += 0.02 * torch.randn(1, 240, 240, generator=torch.Generator().manual_seed(0))
    roofs = []
    for row, column in ((30, 30), (30, 160), (160, 40), (170, 170)):
        picture[:, row + 8 : row + 46, column + 8 : column + 56] = 0.06
        picture[:, row : row + 40, column : column + 50] = torch.tensor([0.75, 0.6, 0.5])[:, None, None]
        roofs.append(torch.zeros(240, 240, dtype=torch.bool))
        roofs[-1][row : row + 40, column : column + 50] = True
    return picture, roofs


@pytest.mark.parametrize(("text", "least", "most"), [("The house is damaged", 1, 1), ("The houses are damaged", 2, 4)])
def test_of_several_houses_each_is_drawn_on_and_the_first_stays_damaged(colour_guide, text, least, most):
    picture, roofs = row_of_houses()
    canvas = Canvas(picture, colour_guide, colour_guide.embed_texts(["red"])[0], text)
    (drawn,) = draw_exemplars(canvas, BY_NAME["damaged_building"], np.random.default_rng(0), 1)
    visible = (drawn.image - picture).abs().amax(0) > 0.1
    assert least <= sum(int(visible[roof].sum()) > 60 for roof in roofs) <= most
    assert not bool((visible & (drawn.mask <= 0.0)).any())


def test_several_houses_stay_in_the_region(colour_guide):
    picture, roofs = row_of_houses()
    region = torch.zeros(240, 240)
    region[:120] = 1.0
    canvas = Canvas(picture, colour_guide, colour_guide.embed_texts(["red"])[0], "The houses are damaged", region)
    (drawn,) = draw_exemplars(canvas, BY_NAME["damaged_building"], np.random.default_rng(0), 1)
    assert float(drawn.mask[120:].max()) == 0.0
    assert all(float(drawn.mask[roof].max()) > 0.5 for roof in roofs[:2])


@pytest.mark.parametrize(("text", "drawn"), [("An oil spill in the river", True), ("An oil spill", False)])
def test_water_that_looks_little_like_it_counts_where_the_text_names_it(colour_guide, text, drawn):
    generator = torch.Generator().manual_seed(0)
    picture = torch.tensor([0.34, 0.40, 0.24])[:, None, None] + 0.09 * torch.randn(1, 192, 192, generator=generator)
    picture = torch.nn.functional.avg_pool2d(picture[None], 3, 1, 1)[0]
    river = torch.zeros(192, 192, dtype=torch.bool)
    river[:, 70:120] = True
    green = torch.tensor([0.21, 0.27, 0.17])[:, None, None] + 0.004 * torch.randn(1, 192, 192, generator=generator)
    picture = torch.where(river, green, picture).clamp(0.0, 1.0)
    assert float(Scene(channels_last(picture).numpy()).water.mean()) < 0.01
    canvas = Canvas(picture, colour_guide, colour_guide.embed_texts(["red"])[0], text)
    found = draw_exemplars(canvas, BY_NAME["oil_spill"], np.random.default_rng(0), 1)
    assert bool(found) == drawn
    if drawn:
        there = found[0].mask > 0.5
        assert int((there & river).sum()) > 500 and int((there & ~river).sum()) < 0.1 * int(there.sum())
