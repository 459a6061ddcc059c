"""A training recipe: one YAML file that says everything a training run depends on."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from semcom.scenario_errors import explain
from semcom.yaml_source import YamlSource

__all__ = ["KeepFractions", "Recipe", "TrainingData", "load_recipe"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TrainingData(_Strict):
    """One data set to train on."""

    name: str
    split: str = "train"
    count: int | None = Field(None, ge=1)
    #: only samples whose name starts with this (a recording, say)
    only: str = ""
    root: str | None = None
    #: the data set's own maps, or what the transmitter's segmenter makes of the pictures
    label_map: Literal["truth", "segmenter"] = "truth"


class KeepFractions(_Strict):
    """Keep fractions drawn in training: log-normal, snapped to the nearest of ``levels``.

    Released SQ-GAN: mu -0.95, sigma 0.4, five equally spaced levels of [0.05, 1].
    """

    mu: float = -0.95
    sigma: float = Field(default=0.4, gt=0)
    levels: tuple[float, ...] = (0.05, 0.2875, 0.525, 0.7625, 1.0)


class PasteRare(_Strict):
    """Rare objects pasted between the pictures of a batch, see :mod:`semcom.training.paste`."""

    classes: tuple[str, ...] = Field(min_length=1, description="what is rare, by class name")
    probability: float = Field(default=0.9, ge=0, le=1, description="of a picture to get any")


class Recipe(_Strict):
    """See the YAML files beside this module for complete examples."""

    name: str
    objective: Literal[
        "segmenter",
        "map_path",
        "image_path",
        "index_prior",
        "transform_codec",
        "crop_classifier",
        "layered_codec",
        "jscc",
        "lost_map",
        "map_residual",
    ]
    network: str = Field("compact", description="a size of the network, e.g. compact or scorer")
    data: tuple[TrainingData, ...] = Field(min_length=1)
    size: tuple[int, int] = (256, 512)
    crop: tuple[int, int] = (128, 256)
    scales: tuple[float, float] = Field((1.0, 1.0), description="zoom range of the random crop")
    paste_rare: PasteRare | None = Field(None, description="paste rare objects between pictures")
    batch: int = Field(8, ge=1)
    steps: int = Field(ge=1)
    warmup: int = Field(50, ge=0)
    cooldown: float = Field(0.25, ge=0, le=1, description="share of the steps, learning rate to 0")
    learning_rate: float = Field(6e-4, gt=0)
    backbone_learning_rate: float | None = Field(None, gt=0)
    weight_decay: float = Field(1e-4, ge=0)
    ema: float = Field(0.998, ge=0, lt=1)
    seed: int = 0
    keep_fractions: KeepFractions = KeepFractions()
    map_keep_fractions: KeepFractions | None = Field(
        None, description="image path: of the map it is drawn under; left out: those of the picture"
    )
    continuous_steps: int = Field(0, ge=0, description="first steps, without quantisation")
    quantised_from: float = Field(
        0.0, ge=0, le=1, description="share of the run after which every vector is quantised"
    )
    lost_share: float = Field(0.25, ge=0, le=1, description="how often tokens are hidden")
    class_weights: dict[str, float] = Field({}, description="the task: weight by class name")
    default_weight: float = Field(1.0, ge=0)
    overlap_weight: float = Field(
        0.0,
        ge=0,
        description="of the overlap of every class, 1 - soft IoU, beside cross entropy: in the map "
        "that G_s decodes, or that the segmenter sees in G_x's picture",
    )
    pixel_weight: float = 1.0
    perceptual_weight: float = 0.5
    colour_weight: float = Field(
        0.0, ge=0, description="of the colour of 4x4 pixels: keeps blotches out of the textures"
    )
    palette: bool = Field(False, description="the picture gets the colours of a palette, as sent")
    segmentation_weight: float = Field(
        0.0, ge=0, description="of the transmitter's segmenter, on the received picture"
    )
    commitment_weight: float = 0.25
    adversarial_start: float = Field(0.4, ge=0, le=1, description="share of the steps before it")
    adversarial_weight: float = Field(0.15, ge=0)
    adversarial_limit: float = Field(0.2, ge=0)
    discriminator_learning_rate: float = 2e-4
    start_from: str | None = Field(None, description="weights to begin with")
    frozen: tuple[str, ...] = Field((), description="parts of the network that stay as they are")
    map_weights: str | None = Field(None, description="frozen label-map path")
    decoded_share: float = Field(
        1.0, ge=0, le=1, description="how often the generator sees the decoded map"
    )
    rate_weight: float = Field(
        0.0, ge=0, description="index prior: tokens as a transmitter of this rate_weight sends them"
    )
    image_weights: str | None = Field(None, description="frozen image path (index prior only)")
    pixel_lambda: tuple[float, float] = Field(
        (3e-4, 1.5e-2),
        description="transform codec: bits per pixel that a unit of MSE is worth, at the lowest and"
        " at the highest rate",
    )
    feature_loss: Literal["none", "perceptual", "semantic"] = Field(
        "none", description="transform codec: what is kept beside pixels"
    )
    feature_lambda: tuple[float, float] = Field(
        (1.0, 1.0), description="transform codec: as pixel_lambda, of the feature loss"
    )
    object_weights: str | None = Field(
        None,
        description="transform codec: weights of a wide crop classifier, whose features of every"
        " object are kept, too",
    )
    object_lambda: tuple[float, float] = Field(
        (1.0, 1.0), description="transform codec: as pixel_lambda, of the objects"
    )
    entropy_from: str | None = Field(
        None,
        description="layered codec: weights of a transform codec whose gains and entropy model its"
        " layers begin with",
    )
    channel_uses_per_pixel: tuple[float, ...] = Field(
        (0.01, 0.03, 0.08), min_length=1, description="jscc: complex, bandwidths to train for"
    )
    esn0_db: tuple[float, float] = Field(
        (0.0, 20.0), description="jscc: Es/N0 is drawn between these, the same all over"
    )
    picture_steps: int = Field(
        250, ge=0, description="between contact strips of what the network makes; 0: none"
    )
    checkpoint_minutes: float | None = Field(
        None,
        ge=0,
        description="between checkpoints, what a power cut can cost; 0: every step; left out: as"
        " often as saving takes a twentieth of the time, so after every step that is long",
    )
    leg_minutes: float | None = Field(
        None, gt=0, description="stop after so long; the same command goes on"
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="of the networks' arithmetic; weights and losses stay float32"
    )
    compile: bool = Field(
        False,
        description="map_path, image_path: fuse each residual block's arithmetic with torch.compile"
        " (minutes at the start of every leg; needs a C++ compiler on a CPU, Triton on a GPU)",
    )
    threads: int | None = Field(None, ge=1)
    device: str = Field("auto", description="auto, cpu, cuda or cuda:N")

    @model_validator(mode="after")
    def _something_to_paste(self) -> Recipe:
        if self.paste_rare is not None and self.batch < 2:
            raise ValueError("paste_rare needs a batch of 2 pictures or more")
        return self

    @model_validator(mode="after")
    def _something_to_compile(self) -> Recipe:
        if self.compile and self.objective not in ("map_path", "image_path"):
            raise ValueError("compile is for map_path and image_path")
        return self

    @model_validator(mode="after")
    def _something_to_autocast(self) -> Recipe:
        halved = ("segmenter", "map_path", "image_path")
        if self.precision != "float32" and self.objective not in halved:
            raise ValueError(f"precision {self.precision} is for {', '.join(halved)}")
        return self


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe; raises ValueError naming the file, the line and what is wrong."""
    if not path.is_file():
        raise FileNotFoundError(f"no recipe {path}: give the path of a YAML file")
    source = YamlSource.read(path)
    if not isinstance(source.data, dict):
        raise ValueError(f"{path}: a recipe is a mapping with name, objective, data and steps")
    try:
        return Recipe.model_validate(source.data)
    except ValidationError as error:
        raise explain(error, source, Recipe) from None
