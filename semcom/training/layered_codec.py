"""Training of the layered codec: rate, perception in the base, distortion in what refines it."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semcom import weights
from semcom.codecs.layered.config import SIZES
from semcom.codecs.layered.network import LayeredNetwork
from semcom.codecs.saic.network import GainedLatent
from semcom.codecs.sqgan.maps import map_pyramid, one_hot_map
from semcom.entropy.latent_model import LEVELS
from semcom.layout import channels_last
from semcom.training.batches import Batch, TrainingSet
from semcom.training.checkpoint import shipped_state
from semcom.training.discriminator import Discriminator, adversarial_gradient, hinge_loss
from semcom.training.perceptual import PerceptualLoss, colour_distance
from semcom.training.recipe import Recipe
from semcom.training.transform_codec import between, optimizer_of

__all__ = ["LayeredCodecObjective", "coarse_map", "disturbed", "shipped_network"]

#: pixels a side of the cells in which label maps are sent, as often as they stand here
CELLS = (4, 8, 8, 16)
#: rates of a transform codec at which the layers' own lowest and highest begin
BASE_RATES, ENHANCEMENT_RATES = (-0.7, 0.45), (-0.3, 0.9)


def coarse_map(one_hot: Tensor, cell: int) -> Tensor:
    """The class that most pixels of every ``cell`` x ``cell`` square are of, at full size.

    >>> one_hot = torch.eye(2)[torch.tensor([[[0, 0], [0, 1]]])].permute(0, 3, 1, 2)
    >>> coarse_map(one_hot, 2)[0, 0].tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    share = F.avg_pool2d(one_hot, cell)
    void = 1 - share.sum(1, keepdim=True)
    winner = torch.cat([share, void], 1).argmax(1)
    whole = one_hot_map(winner, one_hot.shape[1])
    return F.interpolate(whole, scale_factor=float(cell), mode="nearest")


def disturbed(label_map: Tensor, classes: int, g: torch.Generator) -> Tensor:
    """``label_map`` [B, H, W] with a rectangle of a wrong class in every third picture.

    Segmenters err: where features and label disagree, the generator must not trust the label.
    """
    out = label_map.clone()
    height, width = label_map.shape[1:]
    for one in out:
        hit, top, left, tall, wide = torch.rand(5, generator=g).tolist()
        wrong = int(torch.randint(classes + 1, (), generator=g))
        if hit < 1 / 3:
            top, left = int(top * height), int(left * width)
            tall, wide = 8 + int(0.4 * tall * height), 8 + int(0.25 * wide * width)
            one[top : top + tall, left : left + wide] = wrong
    return out


class LayeredCodecObjective:
    """Base: bits + lambda (perceptual, pixel and colour distance), and an adversarial loss.

    Enhancement: bits + lambda MSE, over base pictures that it does not change. Every picture of a
    batch has a level of its own in each layer, drawn evenly; the lambdas run exponentially over
    the levels, ``feature_lambda`` for the base and ``pixel_lambda`` for the enhancement.
    """

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        size = SIZES[recipe.network]
        self.recipe, self.classes = recipe, size.classes
        self.network = LayeredNetwork(size).to(device)
        self.discriminator = channels_last(Discriminator(size.classes, width=32)).to(device)
        self.networks: dict[str, nn.Module] = {
            "network": self.network,
            "discriminator": self.discriminator,
        }
        if recipe.entropy_from is not None:
            state = weights.load(recipe.entropy_from)
            _borrow(self.network.base_latent, state, BASE_RATES)
            _borrow(self.network.residual_latent, state, ENHANCEMENT_RATES)
        named = list(self.network.named_parameters())
        layer = ("refiner.", "residual_latent.")
        self.enhancement = [p for name, p in named if name.startswith(layer)]
        self.base = [p for name, p in named if not name.startswith(layer)]
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "network": optimizer_of(self.network, recipe),
            "discriminator": torch.optim.AdamW(
                self.discriminator.parameters(),
                lr=recipe.discriminator_learning_rate,
                betas=(0.5, 0.9),
            ),
        }
        self.perceptual = channels_last(PerceptualLoss()).to(device)

    def prepare(self, samples: TrainingSet) -> None:
        """Nothing to do."""

    def shipped(self, network: nn.Module) -> dict[str, Tensor]:
        return shipped_network(network)

    def panels(self, network: nn.Module, batch: Batch) -> list[Tensor]:
        """Original, bases of a low and of a middle rate, and the former refined."""
        assert isinstance(network, LayeredNetwork)
        g = torch.Generator().manual_seed(0)
        one_hot = coarse_map(one_hot_map(batch.label_map, self.classes), 8)

        def level(share: float) -> Tensor:
            return torch.full((len(batch.image),), int(share * LEVELS), device=batch.image.device)

        bases = [network.base(batch.image, one_hot, level(t), g)[0] for t in (0.15, 0.5)]
        refined = network.enhancement(batch.image, bases[0], level(0.4), g)[0]
        return [batch.image, *bases, refined]

    def step(self, draw: Callable[[], Batch], done: float, g: torch.Generator) -> dict[str, float]:
        batch = draw()
        original = batch.image
        pixels = original.shape[2] * original.shape[3]
        whole_map = one_hot_map(batch.label_map, self.classes)
        cell = CELLS[int(torch.randint(len(CELLS), (), generator=g))]
        seen = one_hot_map(disturbed(batch.label_map, self.classes, g), self.classes)
        level, fine = torch.randint(LEVELS, (2, len(original)), generator=g)
        base, bits = self.network.base(
            original, coarse_map(seen, cell), level.to(original.device), g
        )
        bpp = bits / pixels
        picture = base.detach().requires_grad_()
        trade = _balanced(self.recipe.feature_lambda, level).to(bpp)
        gradient, shown = self._perception(picture, original, whole_map, trade.tolist(), done, g)
        torch.autograd.backward([base, bpp], [gradient, 1 / trade / len(bpp)])

        refined, fine_bits = self.network.enhancement(
            original, picture.detach(), fine.to(original.device), g
        )
        error = 127.5**2 * (refined - original).square().mean((1, 2, 3))
        fine_weights = _balanced(self.recipe.pixel_lambda, fine).to(error)
        fine_bpp = fine_bits / pixels
        (fine_bpp / fine_weights + fine_weights * error).mean().backward()

        for parameters in (self.base, self.enhancement):
            nn.utils.clip_grad_norm_(parameters, 1.0)
        self.optimizers["network"].step()
        self.optimizers["network"].zero_grad(set_to_none=True)
        before = 127.5**2 * (picture.detach() - original).square().mean((1, 2, 3))
        return {
            "base_bits_per_pixel": bpp.mean().item(),
            "enhancement_bits_per_pixel": fine_bpp.mean().item(),
            "base_psnr_db": _psnr(before),
            "psnr_db": _psnr(error),
            **shown,
        }

    def _perception(
        self,
        picture: Tensor,
        original: Tensor,
        one_hot: Tensor,
        trade: list[float],
        done: float,
        g: torch.Generator,
    ) -> tuple[Tensor, dict[str, float]]:
        """Gradient of the base's distortion with respect to ``picture``, and losses to show."""
        r, count = self.recipe, len(original)
        with torch.no_grad():
            real = self.perceptual.features(original)
        fake = self.perceptual.features(picture)
        shown = {"pixel": 0.0, "perceptual": 0.0, "colour": 0.0}
        loss = picture.new_zeros(())
        for i, weight in enumerate(trade):
            one = slice(i, i + 1)
            parts = {
                "pixel": (picture[one] - original[one]).abs().mean(),
                "perceptual": self.perceptual([f[one] for f in fake], [f[one] for f in real]),
                "colour": colour_distance(picture[one], original[one]),
            }
            for key, part in parts.items():
                loss = loss + weight * getattr(r, f"{key}_weight") * part / count
                shown[key] += part.item() / count
        (gradient,) = torch.autograd.grad(loss, picture, retain_graph=True)
        if not r.adversarial_weight or done < r.adversarial_start - 0.02:
            return gradient, shown
        pyramid = map_pyramid(one_hot)
        scales = [t.abs().mean() + 1e-4 for t in real[1:]]
        if done >= r.adversarial_start:
            scores = self.discriminator(picture, fake[1:], scales, pyramid)
            push = adversarial_gradient(scores, picture)
            # as large a share of every picture's gradient, whatever its lambda
            norms = [x.flatten(1).norm(dim=1)[:, None, None, None] for x in (gradient, push)]
            gradient = gradient + r.adversarial_weight * push * norms[0] / (norms[1] + 1e-8)
            shown["adversarial"] = -torch.stack([s.mean() for s in scores]).mean().item()
        if float(torch.rand((), generator=g)) < 0.5:  # half of the steps teach it enough
            return gradient, shown
        judged = hinge_loss(
            self.discriminator(original, real[1:], scales, pyramid),
            self.discriminator(picture.detach(), [f.detach() for f in fake[1:]], scales, pyramid),
        )
        judged.backward()
        self.optimizers["discriminator"].step()
        self.optimizers["discriminator"].zero_grad(set_to_none=True)
        return gradient, shown | {"discriminator": judged.item()}


def _balanced(ends: tuple[float, float], level: Tensor) -> Tensor:
    """Square root of lambda at ``level`` [B]: the weight of distortion, its inverse that of bits.

    The trade-off is lambda's all the same, but neither end of the range drowns the other.
    """
    return torch.tensor([between(ends, t) ** 0.5 for t in (level / (LEVELS - 1)).tolist()])


def shipped_network(network: nn.Module) -> dict[str, Tensor]:
    """Transforms in half precision, the entropy models in the whole numbers they run in."""
    whole: dict[str, Tensor] = {}
    for layer in ("base_latent", "residual_latent"):
        prior = network.get_submodule(f"{layer}.prior")
        integers: dict[str, Tensor] = prior.integers()  # type: ignore[operator]
        whole |= {f"{layer}.prior.{key}": value for key, value in integers.items()}
    return shipped_state(network) | whole


def _borrow(latent: GainedLatent, state: dict[str, Tensor], rates: tuple[float, float]) -> None:
    """Begin with the first channels of a transform codec, between ``rates`` of its range of 0 to 1.

    Raises ValueError where ``state`` is that of another network.
    """
    try:
        own = latent.state_dict()
        for key, value in own.items():
            if key.startswith("log_"):
                begin, spread = state[key][:, : value.shape[1]]
                first, last = (begin + t * spread for t in rates)
                own[key] = torch.stack([first, last - first])
            else:
                shorter = [slice(n) for n in value.shape]
                own[key] = state[key][tuple(shorter)].to(value)
        latent.load_state_dict(own)
    except (KeyError, RuntimeError, IndexError) as error:
        raise ValueError("entropy_from names no transform codec of fitting size") from error


def _psnr(errors: Tensor) -> float:
    return sum(10 * math.log10(255**2 / max(e, 1 / 12)) for e in errors.tolist()) / len(errors)
