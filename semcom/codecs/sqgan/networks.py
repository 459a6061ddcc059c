"""The trained parts of SQ-GAN, loaded once and shared by transmitter and receiver."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

from semcom import weights
from semcom.codecs.sqgan.config import SIZES
from semcom.codecs.sqgan.model import ImagePath, MapPath
from semcom.codecs.sqgan.quantizer import TRAINING_ONLY
from semcom.entropy import IndexModel
from semcom.layout import channels_last

__all__ = ["Networks", "load_networks"]


@dataclass(frozen=True)
class Networks:
    """Both paths and the index model of each; ``digest`` names this very set of weights."""

    image: ImagePath
    label_map: MapPath
    index_models: dict[str, IndexModel]
    digest: str

    @property
    def classes(self) -> int:
        """Label classes without void."""
        return self.image.classes

    @property
    def tag(self) -> int:
        """The byte that packets carry to name their network."""
        return int(self.digest[:2], 16)


@cache
def load_networks(image: str, label_map: str, prior: str, size: str = "compact") -> Networks:
    """Networks by the names (or files) of their weights; see :func:`semcom.weights.path`."""
    image_path, map_path = ImagePath(SIZES[size]), MapPath(SIZES[size])
    for network, name in ((image_path, image), (map_path, label_map)):
        missing, unexpected = network.load_state_dict(weights.load(name), strict=False)
        wrong = [k for k in missing if not k.endswith(TRAINING_ONLY)]
        if wrong or unexpected:
            raise ValueError(f"weights {name!r} do not fit SQ-GAN's size {size!r}: {wrong[:1]}")
        channels_last(network.eval().requires_grad_(False))
    tables = weights.load(prior)
    models = {
        part: IndexModel(
            {k.removeprefix(f"{part}."): v.numpy() for k, v in tables.items() if part in k}
        )
        for part in ("image", "label_map")
    }
    together = "".join(weights.digest(name) for name in (image, label_map, prior))
    digest = hashlib.sha256(together.encode()).hexdigest()[:16]
    return Networks(image_path, map_path, models, digest)
