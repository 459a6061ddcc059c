"""Training of SQ-GAN's two paths, G_s of the label map and G_x of the picture."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from semcom.codecs.sqgan.config import SIZES
from semcom.codecs.sqgan.maps import map_pyramid, one_hot_map
from semcom.codecs.sqgan.model import ImagePath, MapPath
from semcom.codecs.sqgan.palette import palette_of, with_colours
from semcom.layout import channels_last, for_inference
from semcom.training.batches import Batch
from semcom.training.discriminator import Discriminator, adversarial_gradient, hinge_loss
from semcom.training.perceptual import PerceptualLoss, colour_distance
from semcom.training.recipe import KeepFractions, Recipe
from semcom.training.segmenter import against_truth, class_weight_table
from semcom.training.whole_network import WholeNetwork, adamw, update

__all__ = [
    "ImagePathObjective",
    "MapPathObjective",
    "draw_keep_fraction",
    "overlap_loss",
    "quantised_share",
]

#: of both paths on a contact strip
SHOWN_KEEP_FRACTION = 0.35


def draw_keep_fraction(k: KeepFractions, g: torch.Generator) -> float:
    """A log-normal draw snapped to the levels of ``k`` (released SQ-GAN)."""
    raw = float(torch.exp(k.mu + k.sigma * torch.randn((), generator=g)))
    return min(k.levels, key=lambda level: abs(level - raw))


def draw_lost(recipe: Recipe, g: torch.Generator) -> float:
    """Share of tokens hidden from the decoder: mostly none, else up to 60 %, now and then all."""
    hit, share = torch.rand(2, generator=g).tolist()
    if hit >= recipe.lost_share:
        return 0.0
    return 1.0 if share > 0.9 else 0.65 * share


def quantised_share(recipe: Recipe, done: float) -> float:
    """Share of vectors that are quantised: none at first, then half, all in the last part.

    The steps from ``continuous_steps`` to ``quantised_from`` go from a half to the whole.
    """
    begin = recipe.continuous_steps / recipe.steps
    if done < begin:
        return 0.0
    if done >= recipe.quantised_from:
        return 1.0
    return 0.5 + 0.5 * (done - begin) / (recipe.quantised_from - begin)


def overlap_loss(logits: Tensor, one_hot: Tensor) -> Tensor:
    """1 - soft IoU, averaged over the classes that a batch holds; both [B, classes, H, W].

    Void pixels, all zero in ``one_hot``, stay out. Rahman and Wang, "Optimizing intersection-over-
    union in deep neural networks for image segmentation", 2016.

    >>> sure = torch.tensor([[[[9.0, -9.0]], [[-9.0, 9.0]]]])
    >>> round(float(overlap_loss(sure, torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]]))), 3)
    0.0
    """
    probability = logits.float().softmax(1) * one_hot.sum(1, keepdim=True)
    inside = (probability * one_hot).sum((0, 2, 3))
    either = (probability + one_hot).sum((0, 2, 3)) - inside
    held = one_hot.sum((0, 2, 3)) > 0
    return 1 - (inside / either.clamp_min(1e-6))[held].mean()


class MapPathObjective(WholeNetwork):
    """G_s: weighted cross entropy between the map and its decoded logits, and commitment."""

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        size = SIZES[recipe.network]
        self.recipe, self.classes = recipe, size.classes
        self.network = MapPath(size).to(device)
        self.networks = {"network": self.network}
        self.parameters = list(self.network.parameters())
        self.optimizers = {
            "network": adamw([{"params": self.parameters, "lr": recipe.learning_rate}], recipe)
        }
        self.weights = class_weight_table(recipe, size.classes)[:-1].to(device)

    def panels(self, network: nn.Module, batch: Batch) -> list[Tensor]:
        one_hot = one_hot_map(batch.label_map, self.classes)
        received = network(one_hot, SHOWN_KEEP_FRACTION).output.argmax(1)
        return [batch.image, batch.label_map, received]

    def step(self, draw: Callable[[], Batch], done: float, g: torch.Generator) -> dict[str, float]:
        batch = draw()
        keep, lost = draw_keep_fraction(self.recipe.keep_fractions, g), draw_lost(self.recipe, g)
        one_hot = one_hot_map(batch.label_map, self.classes)
        logits, commitment, _ = self.network(
            one_hot, keep, lost, g, quantised=quantised_share(self.recipe, done)
        )
        loss, right = against_truth(logits, batch.label_map, self.weights)
        if self.recipe.overlap_weight:
            loss = loss + self.recipe.overlap_weight * overlap_loss(logits, one_hot)
        (loss + self.recipe.commitment_weight * commitment).backward()
        update(self.optimizers["network"], self.parameters)
        return {
            "loss": loss.item(),
            "pixel_accuracy": right,
            "commitment": commitment.item(),
            "keep_fraction": keep,
            "codes_used": self.network.quantizer.perplexity(),
        }


class ImagePathObjective(WholeNetwork):
    """G_x: class-weighted L1, perceptual distance, commitment, adaptive adversarial weight.

    The adversarial gradient is scaled by ``clip(w |g_rec| / (|g_adv| + 1e-4), 0, limit)``, both
    gradients taken at the weights of the last convolution (Esser et al., VQGAN, 2021). With
    ``map_weights`` the generator is conditioned on the decoded map of a frozen, evaluating G_s;
    with ``segmentation_weight`` the picture must be understood by the transmitter's segmenter.
    """

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        size = SIZES[recipe.network]
        self.recipe, self.classes = recipe, size.classes
        self.network = ImagePath(size).to(device)
        self.frozen = [self.network.get_submodule(name) for name in recipe.frozen]
        for part in self.frozen:
            part.requires_grad_(False)
        self.discriminator = channels_last(Discriminator(size.classes)).to(device)
        self.networks = {"network": self.network, "discriminator": self.discriminator}
        self.parameters = [p for p in self.network.parameters() if p.requires_grad]
        judge = list(self.discriminator.parameters())
        self.optimizers = {
            "network": adamw([{"params": self.parameters, "lr": recipe.learning_rate}], recipe),
            "discriminator": torch.optim.AdamW(
                judge, lr=recipe.discriminator_learning_rate, betas=(0.5, 0.9)
            ),
        }
        self.perceptual = channels_last(PerceptualLoss()).to(device)
        table = class_weight_table(recipe, size.classes)
        self.weights = (table / table.mean()).to(device)
        self.segmenter = _frozen_segmenter(device) if recipe.segmentation_weight else None
        self.map_path = _frozen_map_path(recipe, device) if recipe.map_weights else None

    def _decoded(self, one_hot: Tensor, g: torch.Generator) -> Tensor:
        use = float(torch.rand((), generator=g)) < self.recipe.decoded_share
        if self.map_path is None or not use:
            return one_hot
        with torch.no_grad():
            r = self.recipe
            keep = draw_keep_fraction(r.map_keep_fractions or r.keep_fractions, g)
            logits = self.map_path(one_hot, keep, draw_lost(r, g), g).output
            return one_hot_map(logits.argmax(1), self.classes)

    def panels(self, network: nn.Module, batch: Batch) -> list[Tensor]:
        sent = seen = one_hot_map(batch.label_map, self.classes)
        if self.map_path is not None:
            logits = self.map_path(sent, SHOWN_KEEP_FRACTION).output
            seen = one_hot_map(logits.argmax(1), self.classes)
        label_map = torch.where(seen.amax(1) > 0, seen.argmax(1), self.classes)
        return [
            batch.image,
            label_map,
            with_colours(
                network(batch.image, sent, seen, SHOWN_KEEP_FRACTION).output,
                palette_of(batch.image, sent),
                seen,
            ),
        ]

    def step(self, draw: Callable[[], Batch], done: float, g: torch.Generator) -> dict[str, float]:
        batch = draw()
        r = self.recipe
        for part in self.frozen:  # a codebook in evaluation mode does not move
            part.eval()
        keep, lost = draw_keep_fraction(r.keep_fractions, g), draw_lost(r, g)
        one_hot = one_hot_map(batch.label_map, self.classes)
        decoded = self._decoded(one_hot, g)
        output, commitment, _ = self.network(
            batch.image,
            one_hot,
            decoded,
            keep,
            lost,
            g,
            quantised=quantised_share(self.recipe, done),
        )
        output = output.float()
        if r.palette and draw_lost(r, g) == 0:
            with torch.autocast(output.device.type, enabled=False):  # sums of a cell's pixels
                output = with_colours(output, palette_of(batch.image, one_hot), decoded)
        picture = output.detach().requires_grad_()
        omega = self.weights[batch.label_map][:, None]
        pixel = (omega * (picture - batch.image).abs()).mean()
        with torch.no_grad():
            real = self.perceptual.features(batch.image)
        fake = self.perceptual.features(picture)
        perceptual = self.perceptual(fake, real)
        loss = r.pixel_weight * pixel + r.perceptual_weight * perceptual
        shown = {"pixel": pixel.item(), "perceptual": perceptual.item()}
        if r.colour_weight:
            colour = colour_distance(picture, batch.image)
            loss = loss + r.colour_weight * colour
            shown["colour"] = colour.item()
        if self.segmenter is not None:
            seen = self.segmenter(picture)
            understood, _ = against_truth(seen, batch.label_map, self.weights[:-1])
            loss = loss + r.segmentation_weight * understood
            shown["segmentation"] = understood.item()
            if r.overlap_weight:
                overlap = overlap_loss(seen, one_hot)
                loss = loss + r.overlap_weight * overlap
                shown["overlap"] = overlap.item()
        (gradient,) = torch.autograd.grad(loss, picture, retain_graph=True)
        pyramid = map_pyramid(one_hot)
        scales = [t.abs().mean() + 1e-4 for t in real[1:]]
        if done >= r.adversarial_start and r.adversarial_weight > 0:
            scores = self.discriminator(picture, fake[1:], scales, pyramid)
            push = adversarial_gradient(scores, picture)
            weight = self._adversarial_weight(output, gradient, push)
            gradient = gradient + weight * push
            judged = torch.stack([score.mean() for score in scores]).mean()
            shown |= {"adversarial": -judged.item(), "lambda": weight}
        ends, gradients = [output], [gradient]
        if commitment.requires_grad:  # not with a frozen encoder
            ends.append(r.commitment_weight * commitment)
            gradients.append(torch.ones_like(commitment))
        torch.autograd.backward(ends, gradients)
        update(self.optimizers["network"], self.parameters)
        # the discriminator starts a little before its word counts
        if done >= r.adversarial_start - 0.02 and r.adversarial_weight > 0:
            shown["discriminator"] = self._judge(
                (batch.image, real[1:], scales, pyramid),
                (picture.detach(), [f.detach() for f in fake[1:]], scales, pyramid),
            )
        return shown | {
            "commitment": commitment.item(),
            "codes_used": self.network.quantizer.perplexity(),
        }

    def _adversarial_weight(self, output: Tensor, gradient: Tensor, push: Tensor) -> float:
        last = self.network.decoder.out.weight
        norms = [
            torch.autograd.grad(output, last, grad, retain_graph=True)[0].norm().item()
            for grad in (gradient, push)
        ]
        return min(
            self.recipe.adversarial_weight * norms[0] / (norms[1] + 1e-4),
            self.recipe.adversarial_limit,
        )

    def _judge(self, original: tuple, received: tuple) -> float:
        """One step of the discriminator on its own arguments for both pictures."""
        loss = hinge_loss(self.discriminator(*original), self.discriminator(*received))
        loss.backward()
        self.optimizers["discriminator"].step()
        self.optimizers["discriminator"].zero_grad(set_to_none=True)
        return loss.item()


def _frozen_segmenter(device: torch.device) -> nn.Module:
    """The transmitter's segmenter, never the one that scores."""
    from semcom.segmentation import load_segmenter

    return load_segmenter("transmitter").net.to(device)


def _frozen_map_path(recipe: Recipe, device: torch.device) -> MapPath:
    from semcom import weights

    path = MapPath(SIZES[recipe.network])
    path.load_state_dict(weights.load(str(recipe.map_weights)), strict=False)
    return for_inference(path).to(device)
