"""Contact strips of a training run: original, label map and what is received, side by side."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from semcom.data.classes import CAMVID_PALETTE, CITYSCAPES_PALETTE, colourise
from semcom.files import write_atomically
from semcom.training.batches import Batch, TrainingSet
from semcom.training.objectives import Objective

__all__ = ["write_strip"]

#: pictures on a strip, evenly spaced over the training set
_ROWS = 3
_GAP = 4


def write_strip(
    out: Path, step: int, objective: Objective, network: nn.Module, samples: TrainingSet
) -> None:
    """Write ``out/pictures/STEP.png`` from what ``network``, evaluating, makes of a few pictures.

    Nothing is written for an objective that makes no pictures.
    """
    chosen = sorted({i * len(samples.images) // _ROWS for i in range(_ROWS)})
    image = samples.images[chosen].permute(0, 3, 1, 2).float() / 127.5 - 1
    batch = Batch(image, samples.label_maps[chosen].long())
    training = network.training
    with torch.no_grad():
        panels = objective.panels(network.eval(), batch)
    network.train(training)
    if not panels:
        return
    palette = CAMVID_PALETTE if len(samples.classes) <= 11 else CITYSCAPES_PALETTE
    columns = [_pixels(panel, palette) for panel in panels]
    height, width = columns[0].shape[1:3]
    sheet = np.full(
        (len(chosen) * (height + _GAP) + _GAP, len(columns) * (width + _GAP) + _GAP, 3),
        255,
        np.uint8,
    )
    for column, pictures in enumerate(columns):
        left = _GAP + column * (width + _GAP)
        for row, picture in enumerate(pictures):
            top = _GAP + row * (height + _GAP)
            sheet[top : top + height, left : left + width] = picture
    write_atomically(out / "pictures" / f"{step:06d}.png", _png(sheet))


def _pixels(panel: Tensor, palette: np.ndarray) -> np.ndarray:
    """Label maps [B, H, W] or pictures [B, 3, H, W] in [-1, 1] as [B, H, W, 3] uint8."""
    if panel.ndim == 3:
        return colourise(panel.to("cpu", torch.uint8).numpy(), palette)
    whole = ((panel.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return whole.permute(0, 2, 3, 1).cpu().numpy()


def _png(picture: np.ndarray) -> bytes:
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(picture).save(data, "PNG")
    return data.getvalue()
