from __future__ import annotations

import numpy as np
import pytest
from comfyui_sinddm_rs.guidance.events import noise
from scipy import ndimage

SHAPES = [(32, 32), (37, 61), (200, 120)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("field", [noise.fractal_noise, noise.ridged_noise, noise.billow_noise])
def test_fields_are_seeded_and_in_range(field, shape):
    a, b, c = (field(shape, 20, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert a.shape == shape and a.dtype == np.float32
    assert a.min() >= 0.0 and a.max() <= 1.0
    assert a.tobytes() == b.tobytes()
    assert np.abs(a - c).mean() > 0.05


@pytest.mark.parametrize("size", [4.0, 24.0, 300.0])
def test_fractal_noise_keeps_its_mean_and_spread_at_any_size(size):
    field = noise.fractal_noise((128, 160), size, np.random.default_rng(0))
    assert field.mean() == pytest.approx(0.5, abs=0.02)
    assert field.std() == pytest.approx(0.19, abs=0.03)


def test_value_noise_has_unit_spread_and_the_feature_size_asked_for():
    field = noise.value_noise((400, 400), 16, np.random.default_rng(0))
    assert field.std() == pytest.approx(1.0, abs=0.1)

    def correlation(lag):
        return float(np.corrcoef(field[:, lag:].ravel(), field[:, :-lag].ravel())[0, 1])

    assert correlation(2) > 0.9
    assert abs(correlation(64)) < 0.2


def test_value_noise_stretches():
    field = noise.value_noise((300, 300), (4, 40), np.random.default_rng(0))
    assert np.abs(np.diff(field, axis=0)).mean() > 4 * np.abs(np.diff(field, axis=1)).mean()


def test_smoothstep_rises_and_falls():
    x = np.array([-1.0, 0.0, 0.5, 1.0, 2.0])
    np.testing.assert_allclose(noise.smoothstep(x, 0, 1), [0, 0, 0.5, 1, 1])
    np.testing.assert_allclose(noise.smoothstep(x, 1, 0), [1, 1, 0.5, 0, 0])


def test_mix_takes_pictures_colours_and_fields():
    picture = np.zeros((4, 5, 3), np.float32)
    red = np.array([1, 0, 0], np.float32)
    alpha = np.full((4, 5), 0.25, np.float32)
    np.testing.assert_allclose(noise.mix(picture, red, alpha)[2, 3], [0.25, 0, 0])
    assert noise.mix(red, red * 0, alpha).shape == (4, 5, 3)
    np.testing.assert_allclose(noise.mix(alpha, alpha + 1, alpha), 0.5)
    np.testing.assert_allclose(noise.mix(red, red * 0, 0.5), red * 0.5)


def test_shift_moves_down_and_right():
    field = np.zeros((9, 9), np.float32)
    field[3, 3] = 1.0
    assert noise.shift(field, 2, 1)[5, 4] == pytest.approx(1.0)


def test_along_measures_pixels_along_and_across():
    u, v = noise.along((5, 7), (0.0, 1.0), (2.0, 3.0))
    assert u[0, 6] == 3.0 and u[4, 0] == -3.0
    assert abs(float(v[4, 3])) == 2.0 and v[2, 6] == 0.0


def test_pick_point_follows_the_weight():
    weight = np.zeros((6, 8), np.float32)
    weight[4, 1] = 3.0
    assert noise.pick_point(weight, np.random.default_rng(0)) == (4, 1)
    assert noise.pick_point(weight * 0, np.random.default_rng(0)) == (3, 4)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_organic_place_covers_its_share_in_one_piece(share, seed):
    area = np.ones((120, 160), np.float32)
    place = noise.organic_place(area, share, np.random.default_rng(seed))
    assert place.sum() / area.sum() == pytest.approx(share, rel=0.35)
    pieces = ndimage.label(place > 0.5)[0]
    assert np.bincount(pieces.ravel())[1:].max() > 0.95 * (place > 0.5).sum()


def test_organic_place_moves_with_the_seed():
    area = np.ones((96, 96), np.float32)
    places = [noise.organic_place(area, 0.15, np.random.default_rng(seed)) > 0.5 for seed in (0, 0, 1, 2)]
    assert (places[0] == places[1]).all()
    for other in places[2:]:
        assert (places[0] & other).sum() < 0.8 * (places[0] | other).sum()


def test_organic_place_stays_in_a_region_and_fades_at_its_border():
    area = np.zeros((120, 120), np.float32)
    area[30:90, 20:100] = 1.0
    place = noise.organic_place(area, 0.9, np.random.default_rng(3))
    assert (place[area == 0] == 0).all()
    assert place[30, 20:100].max() < 0.5 and place[:, 20].max() < 0.5
    assert place.max() > 0.9


def test_organic_place_of_nothing_is_nothing():
    assert noise.organic_place(np.zeros((40, 40), np.float32), 0.3, np.random.default_rng(0)).max() == 0.0
