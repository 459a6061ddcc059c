"""Mitsuba descriptions of the surfaces."""

from __future__ import annotations

from typing import Any

import numpy as np

from semcom.data.street.stage import Surface

__all__ = ["BSDFS", "bsdf"]

#: parameters of the principled reflection model (Burley 2012) by kind; matt and leaf are diffuse
BSDFS: dict[str, dict[str, float] | None] = {
    "matt": None,
    "leaf": None,
    "gloss": {"roughness": 0.35, "specular": 0.5},
    "paint": {"roughness": 0.3, "specular": 0.5, "metallic": 0.15, "clearcoat": 1.0,
              "clearcoat_gloss": 0.97},
    "glass": {"roughness": 0.06, "specular": 0.85},
    "metal": {"roughness": 0.4, "specular": 0.5, "metallic": 0.7},
    "ground": {"specular": 0.4},
}  # fmt: skip


def bitmap(pixels: np.ndarray) -> dict[str, Any]:
    """A repeating Mitsuba texture of linear values [H, W, C] or [H, W]."""
    import mitsuba as mi

    pixels = np.ascontiguousarray(pixels if pixels.ndim == 3 else pixels[..., None], np.float32)
    return {
        "type": "bitmap",
        "bitmap": mi.Bitmap(pixels),
        "raw": True,
        "wrap_mode": "repeat",
    }


def bsdf(surface: Surface) -> dict[str, Any]:
    """Two-sided Mitsuba BSDF of ``surface``."""
    if surface.texture is not None:
        colour = bitmap(surface.texture)
    else:
        colour = {"type": "mesh_attribute", "name": "vertex_color"}
    parameters = BSDFS[surface.kind]
    if parameters is None:
        inner: dict[str, Any] = {"type": "diffuse", "reflectance": colour}
    else:
        inner = {"type": "principled", "base_color": colour, **parameters}
        if surface.roughness is not None:
            inner["roughness"] = bitmap(surface.roughness)
    return {"type": "twosided", "inner": inner}
