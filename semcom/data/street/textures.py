"""Surface textures drawn in code: linear RGB reflectances [H, W, 3] float32 that tile."""

from __future__ import annotations

import numpy as np

__all__ = [
    "ashlar",
    "asphalt",
    "brick",
    "concrete",
    "grass",
    "noise",
    "paving",
    "planks",
    "plaster",
    "roof_tiles",
    "worn_paint",
]

Rgb = np.ndarray


def noise(
    rng: np.random.Generator, shape: tuple[int, int], roughness: float = 1.0, coarsest: float = 1.0
) -> np.ndarray:
    """Tileable 1/f**roughness noise [H, W], zero mean and unit variance.

    ``coarsest`` is the lowest frequency kept, in periods per tile.

    >>> float(noise(np.random.default_rng(0), (16, 16)).std().round(3))
    1.0
    """
    height, width = shape
    fy = np.fft.fftfreq(height)[:, None] * height
    fx = np.fft.rfftfreq(width)[None] * width
    radius = np.hypot(fy, fx)
    gain = np.where(radius >= coarsest, np.maximum(radius, 1e-9) ** -roughness, 0.0)
    field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal(shape)) * gain, s=shape)
    return (field - field.mean()) / field.std()


def _tinted(tone: np.ndarray, colour: np.ndarray) -> Rgb:
    return np.clip(tone[..., None] * colour, 0.003, 0.95).astype(np.float32)


def _courses(
    rng: np.random.Generator, size: int, rows: int, columns: int, joint: int, spread: float
) -> tuple[np.ndarray, np.ndarray]:
    """Running bond: brightness of each unit [size, size] and a mask of the joints."""
    y, x = np.mgrid[:size, :size]
    row = y * rows // size
    shifted = (x + (row % 2) * (size // columns // 2)) % size
    column = shifted * columns // size
    value = 1 + spread * rng.standard_normal((rows, columns))
    across = np.abs((shifted * columns) % size) < joint * columns
    down = (y * rows) % size < joint * rows
    return value[row, column], across | down


def brick(rng: np.random.Generator, colour: np.ndarray, size: int = 512) -> Rgb:
    """Brickwork, 3 m to the tile: courses of 75 mm, stretchers of 225 mm."""
    tone, joints = _courses(rng, size, 40, 14, 2, 0.16)
    hue = 1 + 0.05 * noise(rng, (size, size), 1.2)[..., None] * np.array([1, 0.3, -0.4])
    stain = 1 + 0.10 * noise(rng, (size, size), 1.6)
    grain = 1 + 0.05 * rng.standard_normal((size, size))
    wall = _tinted(tone * stain * grain, colour) * hue
    mortar = np.array([0.42, 0.40, 0.36]) * rng.uniform(0.5, 1.0)
    wall[joints] = (0.6 * mortar + 0.4 * colour) * (stain[joints])[:, None]
    return np.clip(wall, 0.003, 0.95).astype(np.float32)


def plaster(rng: np.random.Generator, colour: np.ndarray, size: int = 256) -> Rgb:
    """Painted render with faint stains, 6 m to the tile."""
    tone = 1 + 0.04 * noise(rng, (size, size), 1.5) + 0.02 * rng.standard_normal((size, size))
    streaks = noise(rng, (1, size), 0.8) * np.linspace(0.3, 1, size)[:, None]
    return _tinted(tone - 0.03 * np.maximum(streaks, 0), colour)


def concrete(rng: np.random.Generator, colour: np.ndarray, size: int = 512) -> Rgb:
    """Precast panels of 3 m by 1.5 m, 6 m to the tile."""
    tone, joints = _courses(rng, size, 4, 2, 2, 0.04)
    tone = tone * (1 + 0.07 * noise(rng, (size, size), 1.3))
    tone[joints] *= 0.55
    return _tinted(tone, colour)


def ashlar(rng: np.random.Generator, colour: np.ndarray, size: int = 512) -> Rgb:
    """Dressed stone in blocks of 0.6 m by 0.3 m, 4.8 m to the tile."""
    tone, joints = _courses(rng, size, 16, 8, 2, 0.07)
    tone = tone * (1 + 0.09 * noise(rng, (size, size), 1.2))
    tone[joints] *= 0.7
    return _tinted(tone, colour)


def planks(rng: np.random.Generator, colour: np.ndarray, size: int = 256) -> Rgb:
    """Vertical boards of 12.5 cm, 2 m to the tile."""
    board = np.arange(size) * 16 // size
    tone = (1 + 0.12 * rng.standard_normal(16))[board][None] * np.ones((size, 1))
    tone = tone * (1 + 0.10 * noise(rng, (size, size), 0.8).mean(0, keepdims=True))
    tone = tone + 0.06 * noise(rng, (size, size), 1.0)
    tone[:, (np.arange(size) * 16) % size < 24] *= 0.35
    return _tinted(tone, colour)


def roof_tiles(rng: np.random.Generator, colour: np.ndarray, size: int = 256) -> Rgb:
    """Overlapping tiles, 16 rows in 4 m."""
    tone, joints = _courses(rng, size, 16, 16, 1, 0.13)
    shade = 0.75 + 0.35 * ((np.arange(size) * 16 / size) % 1)[:, None]
    tone = tone * shade * (1 + 0.10 * noise(rng, (size, size), 1.4))
    tone[joints] *= 0.6
    return _tinted(tone, colour)


def paving(rng: np.random.Generator, colour: np.ndarray, size: int = 512) -> Rgb:
    """Concrete slabs of 0.6 m by 0.4 m, 4.8 m to the tile, some replaced."""
    tone, joints = _courses(rng, size, 8, 12, 2, 0.07)
    tone = tone * (1 + 0.08 * noise(rng, (size, size), 1.2))
    tone = tone + 0.04 * rng.standard_normal((size, size))
    tone[joints] *= 0.6
    return _tinted(tone, colour)


def grass(rng: np.random.Generator, colour: np.ndarray, size: int = 256) -> Rgb:
    """Lawn, 5 m to the tile."""
    patches, blades = noise(rng, (size, size), 1.2), noise(rng, (size, size), 0.2)
    lawn = _tinted(1 + 0.15 * patches + 0.22 * blades, colour)
    lawn[..., 0] *= 1 + 0.18 * np.clip(patches, -1, 2)
    return lawn


def worn_paint(rng: np.random.Generator, colour: np.ndarray, size: int = 256) -> Rgb:
    """Road paint that has come off in places, 4 m to the tile."""
    wear = noise(rng, (size, size), 0.7) > rng.uniform(1.0, 2.2)
    paint = _tinted(1 + 0.08 * noise(rng, (size, size), 1.0), colour)
    paint[wear] = 0.14
    return paint


def asphalt(
    rng: np.random.Generator, base: float, *, wet: bool, shape: tuple[int, int] = (1536, 384)
) -> tuple[Rgb, np.ndarray]:
    """Carriageway with wheel tracks, patches, cracks and manholes: colour and roughness [H, W].

    The width of the tile is the full road (two lanes), its height four times that.
    """
    height, width = shape
    v, u = np.mgrid[:height, :width] / width
    tone = 1 + 0.09 * noise(rng, shape, 1.1, 3) + 0.10 * rng.standard_normal(shape)
    for lane in (0.27, 0.73):
        for track in (-0.085, 0.085):
            polish = np.exp(-(((u - lane - track) / 0.035) ** 2))
            tone = tone + rng.uniform(-0.05, 0.09) * polish
        tone = tone - 0.10 * np.exp(-(((u - lane) / 0.03) ** 2)) * (
            0.6 + 0.4 * noise(rng, shape, 1.4)
        )
    tone = tone - 0.18 * (np.exp(-u / 0.03) + np.exp(-(1 - u) / 0.03))
    for _ in range(rng.integers(2, 6)):
        x, y = rng.uniform(0.02, 0.75), rng.uniform(0, 3.2)
        w, h = rng.uniform(0.08, 0.25), rng.uniform(0.15, 0.8)
        inside = (u > x) & (u < x + w) & (v > y) & (v < y + h)
        rim = inside & ~(
            (u > x + 0.006) & (u < x + w - 0.006) & (v > y + 0.006) & (v < y + h - 0.006)
        )
        tone = np.where(inside, tone * rng.uniform(0.72, 1.12), tone)
        tone = np.where(rim, tone * 0.6, tone)
    cracks = np.abs(noise(rng, shape, 1.7)) < 0.008
    tone = np.where(cracks & (noise(rng, shape, 1.5) > 0.4), tone * 0.5, tone)
    for _ in range(rng.integers(1, 4)):
        distance = np.hypot(u - rng.uniform(0.1, 0.9), v - rng.uniform(0.1, 3.9))
        tone = np.where(distance < 0.035, 0.55 + 0.1 * (distance > 0.03), tone)
    rough = np.full(shape, 0.75)
    if wet:
        puddles = noise(rng, shape, 1.6, 2)
        film = np.clip(0.55 + 0.35 * puddles, 0, 1)
        rough = 0.6 - 0.48 * film
        tone = tone * (0.62 - 0.15 * film)
    tint = np.array([1.0, 1.0, rng.uniform(0.98, 1.06)])
    return _tinted(np.clip(tone, 0.2, 2) * base, tint), rough.astype(np.float32)
