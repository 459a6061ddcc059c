"""The trained parts of SQ-GAN, loaded once and shared by transmitter and receiver."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, cached_property

from semcom import weights
from semcom.codecs.sqgan.config import SIZES
from semcom.codecs.sqgan.model import ImagePath, MapPath
from semcom.codecs.sqgan.palette import LEVELS
from semcom.codecs.sqgan.quantizer import TRAINING_ONLY
from semcom.entropy import IndexModel, PaletteModel, SecondModel
from semcom.layout import for_inference

__all__ = ["Networks", "load_networks"]


@dataclass(frozen=True)
class Networks:
    """Both paths and the index model of each; ``digest`` names this very set of weights.

    ``palette_model`` is there where the tables of colours were counted with the index models,
    ``second_model`` where the label map's path has second tokens.
    """

    image: ImagePath
    label_map: MapPath
    index_models: dict[str, IndexModel]
    digest: str
    palette_model: PaletteModel | None = None

    @property
    def classes(self) -> int:
        """Label classes without void."""
        return self.image.classes

    @cached_property
    def second_model(self) -> SecondModel | None:
        """Where second tokens are and which they are; None for a network without."""
        residual = self.label_map.residual
        return None if residual is None else SecondModel(len(residual.quantizer.codebook))

    @property
    def tag(self) -> int:
        """The byte that packets carry to name their network."""
        return int(self.digest[:2], 16)


@cache
def load_networks(image: str, label_map: str, prior: str, size: str = "compact") -> Networks:
    """Networks by the names (or files) of their weights; see :func:`semcom.weights.path`."""
    of_image, of_map = weights.load(image), weights.load(label_map)
    residual = any(key.startswith("residual.") for key in of_map)
    image_path, map_path = ImagePath(SIZES[size]), MapPath(SIZES[size], residual)
    for network, name, state in ((image_path, image, of_image), (map_path, label_map, of_map)):
        wanted = network.state_dict()
        needed = {k: v.shape for k, v in wanted.items() if not k.endswith(TRAINING_ONLY)}
        found = {k: v.shape for k, v in state.items() if not k.endswith(TRAINING_ONLY)}
        wrong = sorted(k for k in {*needed, *found} if needed.get(k) != found.get(k))
        if wrong:
            raise ValueError(f"weights {name!r} do not fit SQ-GAN's size {size!r}: {wrong[0]}")
        network.load_state_dict(state, strict=False)
        for_inference(network)
    tables = weights.load(prior)
    models = {
        part: IndexModel(
            {k.removeprefix(f"{part}."): v.numpy() for k, v in tables.items() if part in k}
        )
        for part in ("image", "label_map")
    }
    palette = None
    if "palette.presence" in tables:
        presence, usual = (tables[f"palette.{k}"].numpy() for k in ("presence", "usual"))
        palette = PaletteModel(presence, usual, LEVELS)
    together = "".join(weights.digest(name) for name in (image, label_map, prior))
    digest = hashlib.sha256(together.encode()).hexdigest()[:16]
    return Networks(image_path, map_path, models, digest, palette)
