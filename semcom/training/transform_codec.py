"""Training of the transform codec towards pixels (TDIC), perception (APIC) or a task (SAIC)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from semcom import weights
from semcom.classification import CLASSIFIERS, ClassifierNet, object_crops
from semcom.classification.semantic_weights import crop_weights, cut_crops
from semcom.codecs.saic.config import SIZES
from semcom.codecs.saic.network import TransformNetwork
from semcom.entropy.integer_conv import WEIGHT_STEPS
from semcom.entropy.latent_model import LEVELS
from semcom.layout import channels_last, for_inference
from semcom.segmentation import load_segmenter
from semcom.segmentation.semantic_weights import semantic_distance, semantic_weights
from semcom.training.batches import Batch, TrainingSet
from semcom.training.checkpoint import shipped_state
from semcom.training.perceptual import PerceptualLoss
from semcom.training.recipe import Recipe

__all__ = ["TransformCodecObjective", "between", "optimizer_of"]

#: learning rate of entropy model and gains over that of the transforms: they have far to go
_FAST = 4


class _Pixels:
    """Mean squared error of RGB samples, in squared steps of 8 bits."""

    def __call__(self, received: Tensor, original: Tensor) -> Tensor:
        return 127.5**2 * (received - original).square().mean()


class _Perception:
    """Distance of ImageNet features, see :class:`PerceptualLoss`."""

    def __init__(self, device: torch.device) -> None:
        self.net = channels_last(PerceptualLoss()).to(device)

    def __call__(self, received: Tensor, original: Tensor) -> Tensor:
        with torch.no_grad():
            real = self.net.features(original)
        return self.net(self.net.features(received), real)


class _Semantics:
    """Share of semantic information lost, as the transmitter's segmenter weighs it."""

    def __init__(self, device: torch.device) -> None:
        self.net = load_segmenter("transmitter").net.to(device)  # never the one that scores

    def __call__(self, received: Tensor, original: Tensor) -> Tensor:
        features, sizes = semantic_weights(self.net, original)
        lost, whole = semantic_distance(self.net.features(received), features, sizes)
        return (lost / whole).mean()


class _Objects:
    """The same share, as a classifier of crops weighs it, over the objects of a picture."""

    def __init__(self, name: str, device: torch.device) -> None:
        net = ClassifierNet(CLASSIFIERS["wide"])  # the one that scores is compact
        weights.load_into(net, name, "the wide crop classifier")
        self.net = for_inference(net).to(device)

    def __call__(
        self, received: Tensor, original: Tensor, label_map: Tensor, classes: Sequence[str]
    ) -> Tensor:
        """Of pictures [3, H, W]; 0 where there are no objects."""
        crops = object_crops(label_map.cpu().numpy(), classes)
        if not crops:
            return received.new_zeros(())
        objects = torch.tensor([crop.object for crop in crops], device=original.device)
        features, sizes = crop_weights(self.net, cut_crops(original, crops), objects)
        seen = self.net.features(cut_crops(received, crops))
        lost, whole = semantic_distance(seen, features, sizes)
        return (lost / whole).mean()


class TransformCodecObjective:
    """``bits per pixel + lambda_p MSE + lambda_f (perceptual or semantic distance)``.

    With a classifier, ``lambda_o (semantic distance of the objects' crops)`` is added. Every
    picture of a batch has its own level, drawn evenly; each lambda runs exponentially from the
    first to the second number of ``pixel_lambda``, ``feature_lambda`` and ``object_lambda``.
    """

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        self.recipe = recipe
        self.network = TransformNetwork(SIZES[recipe.network]).to(device)
        self.networks: dict[str, nn.Module] = {"network": self.network}
        optimizer = optimizer_of(self.network, recipe)
        self.parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self.optimizers: dict[str, torch.optim.Optimizer] = {"network": optimizer}
        self.pixels = _Pixels()
        self.features = {
            "none": lambda device: None,
            "perceptual": _Perception,
            "semantic": _Semantics,
        }[recipe.feature_loss](device)
        teacher = recipe.object_weights
        self.objects = _Objects(teacher, device) if teacher is not None else None
        self._class_names: tuple[str, ...] = ()

    def prepare(self, samples: TrainingSet) -> None:
        """Remember what the ids of label maps mean."""
        self._class_names = samples.classes

    def shipped(self, network: nn.Module) -> dict[str, Tensor]:
        """Transforms in half precision, the entropy model in the whole numbers it runs in."""
        integers = network.prior.integers()  # type: ignore[union-attr, operator]
        whole = {f"prior.{key}": value for key, value in integers.items()}
        return shipped_state(network) | whole

    def panels(self, network: nn.Module, batch: Batch) -> list[Tensor]:
        """Original and received at the middle level."""
        level = torch.full((len(batch.image),), LEVELS // 2, device=batch.image.device)
        return [batch.image, network(batch.image, level, torch.Generator().manual_seed(0))[0]]

    def step(self, draw: Callable[[], Batch], done: float, g: torch.Generator) -> dict[str, float]:
        original, label_maps = draw()
        level = torch.randint(LEVELS, (len(original),), generator=g)
        picture, bits = self.network(original, level.to(original.device), g)
        bpp = bits.mean() / (original.shape[2] * original.shape[3])
        shown = {"bits_per_pixel": bpp.item()}
        loss = bpp
        errors = []
        at = (level / (LEVELS - 1)).tolist()
        for x, y, label_map, t in zip(picture, original, label_maps, at, strict=True):
            error = self.pixels(x, y)
            errors.append(error.item())
            loss = loss + between(self.recipe.pixel_lambda, t) * error / len(original)
            if self.features is not None:
                distance = self.features(x[None], y[None])
                shown["feature"] = shown.get("feature", 0.0) + distance.item() / len(original)
                loss = loss + between(self.recipe.feature_lambda, t) * distance / len(original)
            if self.objects is not None:
                distance = self.objects(x, y, label_map, self._class_names)
                shown["objects"] = shown.get("objects", 0.0) + distance.item() / len(original)
                loss = loss + between(self.recipe.object_lambda, t) * distance / len(original)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizers["network"].step()
        self.optimizers["network"].zero_grad(set_to_none=True)
        mean_error = sum(errors) / len(errors)
        psnr = sum(10 * math.log10(255**2 / max(e, 1 / 12)) for e in errors) / len(errors)
        return {"loss": loss.item(), **shown, "mse": mean_error, "psnr_db": psnr}


def optimizer_of(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW for a network of gained latents, its gains and entropy models at rates of their own.

    Groups are, in the order that checkpoints keep, the transforms, the gains and the priors.
    """
    parts: dict[str, list[nn.Parameter]] = {"transforms": [], "gains": [], "priors": []}
    for name, parameter in network.named_parameters():
        prior, gain = "prior" in name.split("."), "log_" in name
        parts["priors" if prior else "gains" if gain else "transforms"].append(parameter)
    fast = _FAST * recipe.learning_rate
    return torch.optim.AdamW(
        [
            {"params": parts["transforms"], "lr": recipe.learning_rate},
            {"params": parts["gains"], "lr": fast},
            # kept in units of whole numbers
            {"params": parts["priors"], "lr": fast * WEIGHT_STEPS},
        ],
        betas=(0.9, 0.99),
        weight_decay=recipe.weight_decay,
    )


def between(ends: tuple[float, float], t: float) -> float:
    """Exponential from the first end at 0 to the second at 1."""
    return ends[0] ** (1 - t) * ends[1] ** t
