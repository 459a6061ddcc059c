"""Daylight: the sky as an environment picture, the sun as a parallel beam."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semcom.data.street.textures import noise

__all__ = ["WEATHERS", "Weather", "draw_weather", "sky_picture", "sun_direction"]

#: weather and how often it comes
WEATHERS = {"clear": 0.36, "hazy": 0.24, "overcast": 0.2, "rain": 0.12, "dusk": 0.08}


@dataclass(frozen=True)
class Weather:
    """``sun`` is the irradiance of the beam (linear RGB), the sky's mean radiance is about 1."""

    kind: str
    elevation: float
    azimuth: float
    sun: tuple[float, float, float]
    zenith: tuple[float, float, float]
    horizon: tuple[float, float, float]
    clouds: float
    visibility: float

    @property
    def wet(self) -> bool:
        return self.kind == "rain"

    @property
    def dark(self) -> bool:
        return self.kind == "dusk"


def draw_weather(rng: np.random.Generator, kind: str | None = None) -> Weather:
    """A random sky, of a random ``kind`` unless one is given."""
    kind = kind or str(rng.choice(list(WEATHERS), p=list(WEATHERS.values())))
    azimuth = rng.uniform(0, 2 * np.pi)
    elevation = np.radians(rng.uniform(14, 60))
    warm = np.array([1.0, 0.93, 0.82]) * (1 - 0.35 * np.exp(-np.degrees(elevation) / 12)) ** (
        np.array([0, 1, 2.2])
    )
    if kind == "clear":
        beam, zenith, horizon = 9 * warm, (0.42, 0.66, 1.15), (1.5, 1.75, 2.0)
        clouds, visibility = rng.choice([0.0, rng.uniform(0.2, 0.7)]), 5000.0
    elif kind == "hazy":
        beam, zenith, horizon = 5 * warm, (0.95, 1.1, 1.35), (2.2, 2.2, 2.15)
        clouds, visibility = rng.uniform(0.0, 0.5), 1300.0
    elif kind == "overcast":
        beam, zenith, horizon = 0.25 * warm, (1.3, 1.35, 1.45), (1.1, 1.15, 1.25)
        clouds, visibility = rng.uniform(0.7, 1.0), 2500.0
    elif kind == "rain":
        beam, zenith, horizon = 0 * warm, (0.95, 1.0, 1.1), (1.1, 1.15, 1.22)
        clouds, visibility = 0.9, 1000.0
    else:
        elevation = np.radians(rng.uniform(2, 5))
        beam, zenith, horizon = (
            np.array([0.9, 0.42, 0.2]),
            (0.35, 0.45, 0.8),
            (1.7, 1.2, 0.95),
        )
        clouds, visibility = rng.uniform(0, 0.6), 1500.0
    red, green, blue = (float(v) for v in beam)
    return Weather(kind, float(elevation), float(azimuth), (red, green, blue), zenith, horizon,
                   float(clouds), float(visibility))  # fmt: skip


def sun_direction(weather: Weather) -> np.ndarray:
    """Unit vector towards the sun; azimuth 0 is straight ahead, counter-clockwise."""
    c = np.cos(weather.elevation)
    return np.array(
        [c * np.cos(weather.azimuth), c * np.sin(weather.azimuth), np.sin(weather.elevation)]
    )


def sky_picture(rng: np.random.Generator, weather: Weather, height: int = 256) -> np.ndarray:
    """Radiance [height, 2 height, 3] float32 over (polar angle from z, azimuth), sun disc left out.

    Column 0 is azimuth 0; azimuth grows to the left as seen from inside.
    """
    theta = (np.arange(height) + 0.5) / height * np.pi
    phi = (np.arange(2 * height) + 0.5) / height * np.pi
    up = np.cos(theta)[:, None] * np.ones_like(phi)
    direction = np.stack(
        [np.sin(theta)[:, None] * np.cos(phi), np.sin(theta)[:, None] * np.sin(phi), up], axis=-1
    )
    blend = np.exp(-np.maximum(up, 0) / 0.22)[..., None]
    sky = np.array(weather.zenith) * (1 - blend) + np.array(weather.horizon) * blend
    near_sun = direction @ sun_direction(weather)
    glow = 0.9 * np.exp((near_sun - 1) * 18) + 2.5 * np.exp((near_sun - 1) * 160)
    beam = np.array(weather.sun)
    sky = sky + glow[..., None] * beam / (beam.max() + 4.0) * 1.6
    if weather.clouds > 0:
        sky = _with_clouds(rng, sky, direction, near_sun, weather)
    ground = np.array([0.25, 0.24, 0.22]) * (0.5 + 0.5 * beam.mean() / 9)
    return np.where(up[..., None] > -0.005, sky, ground).astype(np.float32)


def _with_clouds(
    rng: np.random.Generator,
    sky: np.ndarray,
    direction: np.ndarray,
    near_sun: np.ndarray,
    weather: Weather,
) -> np.ndarray:
    """``sky`` behind a flat layer of fractal clouds."""
    side = 512
    layer = noise(rng, (side, side), 1.75, 2)
    fine = noise(rng, (side, side), 1.2, 6)
    up = np.maximum(direction[..., 2], 0.02)
    position = direction[..., :2] / (up[..., None] + 0.08) * 60 + side / 2
    x, y = (position.astype(int) % side).transpose(2, 0, 1)
    density = layer[y, x] + 0.25 * fine[y, x]
    threshold = 1.4 - 2.6 * weather.clouds
    cover = np.clip((density - threshold) / 0.9, 0, 1)[..., None]
    shade = np.clip(0.85 + 0.16 * density, 0.5, 1.3)[..., None]
    beam = np.array(weather.sun)
    bright = (0.9 * np.array(weather.zenith).mean() + 0.14 * beam) * shade
    bright = bright * (1 + 0.8 * np.exp((near_sun - 1) * 6))[..., None]
    if weather.kind in ("overcast", "rain"):
        bright = np.array(weather.zenith) * (0.9 + 0.14 * density[..., None])
    fade = np.clip(direction[..., 2:] / 0.12, 0, 1) ** 0.7
    return sky * (1 - cover * fade * 0.95) + bright * cover * fade * 0.95
