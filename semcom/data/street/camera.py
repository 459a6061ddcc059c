"""From radiance to the picture a car's camera would hand on: noise, haze, exposure, tone curve."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from semcom.data.street.render import Layers

__all__ = ["denoise", "develop", "haze"]


def denoise(layers: Layers, radius: int = 3) -> np.ndarray:
    """Radiance [H, W, 3] smoothed where albedo, normal and depth do not change.

    A joint bilateral filter over the irradiance (radiance / albedo), so that textures stay sharp.
    Its weights come from the guides and from the brightness of a pre-smoothed picture.
    """
    albedo = np.maximum(layers.albedo, 0.02)
    light = layers.radiance / albedo
    level = np.log(light.mean(axis=2) + 0.02)
    smooth = ndimage.median_filter(level, 3)
    depth = np.log(np.maximum(layers.depth, 0.1))
    guides = [
        (layers.normal, 0.25),
        (np.log(albedo), 0.45),
        (depth[..., None], 0.06),
        (smooth[..., None], 0.30),
    ]
    total = np.zeros_like(light)
    weights = np.zeros(light.shape[:2])
    limit = 3 * np.exp(smooth)[..., None]
    clipped = np.minimum(light, np.maximum(limit, 0.05))
    pad = [(radius, radius), (radius, radius), (0, 0)]
    padded = [(np.pad(guide, pad, mode="edge"), sigma) for guide, sigma in guides]
    source = np.pad(clipped, pad, mode="edge")
    height, width = light.shape[:2]
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            view = (
                slice(radius + dy, radius + dy + height),
                slice(radius + dx, radius + dx + width),
            )
            cost = (dy * dy + dx * dx) / (2.0 * (radius / 1.5) ** 2)
            for (guide, sigma), (centre, _) in zip(padded, guides, strict=True):
                cost = cost + ((guide[view] - centre) ** 2).sum(axis=2) / (2 * sigma**2)
            weight = np.exp(-cost)
            total += weight[..., None] * source[view]
            weights += weight
    seen = layers.depth > 0
    return np.where(seen[..., None], total / weights[..., None] * albedo, layers.radiance)


def haze(radiance: np.ndarray, depth: np.ndarray, visibility: float, air: np.ndarray) -> np.ndarray:
    """Radiance veiled by the light ``air`` [3] over ``depth`` metres (Koschmieder's law)."""
    veil = np.where(depth > 0, 1 - np.exp(-1.5 * depth / visibility), 0.0)[..., None]
    return radiance * (1 - veil) + air * veil


def develop(radiance: np.ndarray, rng: np.random.Generator, *, dark: bool = False) -> np.ndarray:
    """Display values [H, W, 3] uint8: metered on the lower two thirds, highlights rolled off."""
    height, width = radiance.shape[:2]
    luminance = radiance @ [0.2126, 0.7152, 0.0722]
    metered = np.exp(np.mean(np.log(luminance[height // 3 :] + 1e-3)))
    key = 0.165 * 2 ** rng.normal(-0.1, 0.33) * (0.62 if dark else 1.0)
    exposed = radiance * (key / metered) * (1 + rng.normal(0, 0.02, 3))
    y, x = np.mgrid[-1 : 1 : height * 1j, -2 : 2 : width * 1j]
    exposed = exposed * (1 - rng.uniform(0.02, 0.05) * (x**2 + y**2)[..., None])
    grey = exposed @ [0.2126, 0.7152, 0.0722]
    exposed = np.maximum(grey[..., None] + rng.uniform(0.95, 1.2) * (exposed - grey[..., None]), 0)
    shoulder = 0.6
    over = np.maximum(exposed - shoulder, 0) / (1 - shoulder)
    rolled = np.minimum(exposed, shoulder) + (1 - shoulder) * (1 - np.exp(-over))
    rolled = rolled * (1 - 0.25 * np.exp(-rolled / 0.08))
    display = np.where(rolled < 0.0031308, 12.92 * rolled, 1.055 * rolled ** (1 / 2.4) - 0.055)
    return np.clip(display * 255 + 0.5, 0, 255).astype(np.uint8)
