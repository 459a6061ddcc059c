"""The parts a street is built from: geometry, plans, weather, and the camera's processing."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcom.data.street import mesh, textures
from semcom.data.street.alignment import draw_alignment
from semcom.data.street.camera import denoise, develop, haze
from semcom.data.street.facades import wall_panel
from semcom.data.street.people import draw_cyclist, draw_pedestrian
from semcom.data.street.plan import LENGTH, SIDES, draw_plan
from semcom.data.street.render import Layers, majority
from semcom.data.street.sky import WEATHERS, draw_weather, sky_picture, sun_direction
from semcom.data.street.vehicles import BODIES, draw_vehicle

seeds = st.integers(0, 2**32 - 1)


def area(part: mesh.Mesh) -> float:
    a, b, c = part.vertices[part.faces].transpose(1, 0, 2).astype(float)
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def test_box_is_closed_and_faces_outwards() -> None:
    cube = mesh.box((-1, -2, -3), (1, 2, 3))
    assert area(cube) == pytest.approx(2 * (2 * 4 + 2 * 6 + 4 * 6))
    assert ((cube.vertices * cube.normals).sum(axis=1) > 0).all()


def test_ball_and_tube_have_the_area_of_their_ideals() -> None:
    ball = mesh.ellipsoid((0, 0, 0), (1, 1, 1), (1, 1, 1), sides=48)
    assert area(ball) == pytest.approx(4 * np.pi, rel=0.02)
    bar = mesh.tube([[0, 0, 0], [0, 0, 3]], 0.5, sides=48)
    assert area(bar) == pytest.approx(np.pi * 3, rel=0.02)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_rotation_keeps_lengths_and_normals(seed: int) -> None:
    rng = np.random.default_rng(seed)
    thing = mesh.box(-rng.random(3), rng.random(3))
    turned = thing.turned(rng.uniform(-7, 7)).moved(*rng.normal(size=3))
    assert area(turned) == pytest.approx(area(thing), rel=1e-4)
    np.testing.assert_allclose(np.linalg.norm(turned.normals, axis=1), 1, atol=1e-5)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_wall_area_is_what_the_openings_leave(seed: int) -> None:
    rng = np.random.default_rng(seed)
    columns = np.sort(rng.choice(np.arange(1, 20), 4, replace=False)) * 0.5
    openings = np.array([[columns[0], columns[1], 1, 2], [columns[2], columns[3], 0, 2.5]])
    holes = ((openings[:, 1] - openings[:, 0]) * (openings[:, 3] - openings[:, 2])).sum()
    assert area(wall_panel((0, 11), (-1, 4), openings)) == pytest.approx(55 - holes, rel=1e-4)


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_plots_fill_the_street_without_overlap_or_blocking_side_streets(seed: int) -> None:
    plan = draw_plan(np.random.default_rng(seed))
    for side in SIDES:
        plots = sorted((p for p in plan.plots if p.side == side), key=lambda p: p.start)
        for one, two in pairwise(plots):
            assert one.end <= two.start + 1e-9
        assert plots[-1].end == pytest.approx(LENGTH)
        for plot in plots:
            inside = np.linspace(plot.start, plot.end, 50)[1:-1]
            assert not any(plan.is_open(side, s) for s in inside)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_course_keeps_distances_across_the_street(seed: int) -> None:
    course = draw_alignment(np.random.default_rng(seed), LENGTH)
    s = np.linspace(0, 150, 40)
    left, _ = course.bend(np.stack([s, np.full(40, 5.0), np.zeros(40)], axis=1))
    right, _ = course.bend(np.stack([s, np.full(40, -5.0), np.zeros(40)], axis=1))
    np.testing.assert_allclose(np.linalg.norm(left - right, axis=1), 10, atol=1e-6)
    slopes = np.diff(course.height)
    assert np.abs(slopes).max() < 0.15


@pytest.mark.parametrize("kind", list(BODIES))
def test_vehicles_stand_on_their_wheels_within_their_length(kind: str) -> None:
    parts, length = draw_vehicle(np.random.default_rng(5), kind)
    assert {label for _, label, _ in parts} == {"car"}
    points = np.concatenate([part.vertices for _, _, part in parts])
    assert points[:, 2].min() == pytest.approx(0, abs=0.02)
    assert np.ptp(points[:, 0]) == pytest.approx(length, rel=0.05)
    assert 1.3 < points[:, 2].max() < 3.5


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_people_have_human_measures_and_feet_on_the_ground(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ((_, label, person),) = draw_pedestrian(rng)
    assert label == "pedestrian"
    assert person.vertices[:, 2].min() == pytest.approx(0, abs=1e-4)
    assert 0.9 < person.vertices[:, 2].max() < 2.15
    ((_, label, rider),) = draw_cyclist(rng)
    assert label == "bicyclist"
    assert rider.vertices[:, 2].min() == pytest.approx(0, abs=0.05)


def test_noise_tiles_and_is_normalised() -> None:
    field = textures.noise(np.random.default_rng(1), (64, 64), 1.5)
    assert field.mean() == pytest.approx(0, abs=1e-9)
    assert field.std() == pytest.approx(1)
    seam = np.abs(field[:, 0] - field[:, -1]).mean()
    inside = np.abs(np.diff(field, axis=1)).mean()
    assert seam < 2 * inside


@pytest.mark.parametrize("kind", list(WEATHERS))
def test_sky_is_brightest_towards_the_sun(kind: str) -> None:
    rng = np.random.default_rng(2)
    weather = draw_weather(rng, kind)
    sky = sky_picture(rng, weather, height=64)
    assert sky.shape == (64, 128, 3)
    assert np.isfinite(sky).all()
    assert (sky >= 0).all()
    assert np.linalg.norm(sun_direction(weather)) == pytest.approx(1)
    if kind == "clear":
        row = int((np.pi / 2 - weather.elevation) / np.pi * 64)
        column = int(weather.azimuth / (2 * np.pi) * 128) % 128
        assert sky[row, column].mean() > 1.3 * np.median(sky[:31].mean(axis=2))


def test_majority_prefers_the_most_frequent_then_the_lowest() -> None:
    ids = np.array([[2, 2, 7, 7], [2, 9, 4, 4]], np.uint8)
    assert majority(ids, 2).tolist() == [[2, 4]]


def layers(radiance: np.ndarray, albedo: np.ndarray) -> Layers:
    normal = np.zeros((*radiance.shape[:2], 3))
    normal[..., 2] = 1
    return Layers(radiance, albedo, normal, np.full(radiance.shape[:2], 10.0))


def test_denoising_lowers_noise_and_keeps_texture() -> None:
    rng = np.random.default_rng(4)
    albedo = np.where((np.arange(48) // 4 % 2 == 0)[None, :, None], 0.6, 0.1) * np.ones((48, 48, 3))
    clean = albedo * 1.5
    noisy = clean * rng.gamma(16, 1 / 16, (48, 48, 1))
    result = denoise(layers(noisy, albedo))
    error = np.sqrt(((result - clean) ** 2).mean())
    assert error < 0.5 * np.sqrt(((noisy - clean) ** 2).mean())


def test_denoising_leaves_the_sky_alone() -> None:
    sky = np.random.default_rng(0).random((8, 8, 3))
    nothing = Layers(sky, np.zeros_like(sky), np.zeros_like(sky), np.zeros((8, 8)))
    np.testing.assert_array_equal(denoise(nothing), sky)


def test_haze_grows_with_distance_and_spares_the_sky() -> None:
    air = np.array([1.0, 1.0, 1.0])
    depth = np.array([[0.0, 1.0, 100.0, 1e6]])
    veiled = haze(np.zeros((1, 4, 3)), depth, 500.0, air)[0, :, 0]
    assert veiled[0] == 0
    assert 0 < veiled[1] < veiled[2] < veiled[3] <= 1


@given(st.floats(0.2, 1e3))
@settings(max_examples=20, deadline=None)
def test_exposure_does_not_depend_on_the_unit_of_light(scale: float) -> None:
    radiance = np.random.default_rng(3).random((32, 64, 3)) + 0.5
    one = develop(radiance, np.random.default_rng(0)).astype(int)
    other = develop(radiance * scale, np.random.default_rng(0)).astype(int)
    assert np.abs(one - other).mean() < 4
    assert 40 < one.mean() < 190
