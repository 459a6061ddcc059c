"""Training of the index models: the float twin of :class:`semcom.entropy.IndexModel`.

The twin rounds its weights in the forward pass, with straight-through gradients, so that what is
trained is what the integer model computes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semcom.codecs.sqgan.bitstream import owned_cells
from semcom.codecs.sqgan.config import SIZES
from semcom.codecs.sqgan.economy import ROUNDS
from semcom.codecs.sqgan.maps import map_pyramid, one_hot_map
from semcom.codecs.sqgan.model import ImagePath, MapPath
from semcom.codecs.sqgan.palette import LEVELS, Palette, palette_of
from semcom.codecs.sqgan.samm import kept_cells
from semcom.entropy import mask_counts
from semcom.entropy.index_model import LOGIT_STEPS, NEIGHBOURS, ROW_BANDS
from semcom.layout import for_inference
from semcom.training.batches import Batch, TrainingSet
from semcom.training.recipe import Recipe

__all__ = ["IndexPrior", "IndexPriorObjective", "palette_tables"]

#: integer steps per unit: embeddings and rows, output weights
_IN, _OUT = 32, 64
_SHIFT = (_IN * _OUT // LOGIT_STEPS).bit_length() - 1


def _rounded(x: Tensor, steps: int, limit: int) -> Tensor:
    return x + ((x * steps).round().clamp(-limit, limit) / steps - x).detach()


class IndexPrior(nn.Module):
    """Logits of every token of a grid from its four causal neighbours and its row."""

    def __init__(self, codes: int, hidden: int = 64) -> None:
        super().__init__()
        self.codes = codes
        self.embedding = nn.Parameter(torch.randn(len(NEIGHBOURS), codes + 1, hidden) * 0.1)
        self.row = nn.Parameter(torch.randn(ROW_BANDS, hidden) * 0.1)
        self.output = nn.Parameter(torch.randn(hidden, codes) * 0.05)
        self.bias = nn.Parameter(torch.zeros(codes))

    def forward(self, grid: Tensor) -> Tensor:
        """``grid`` [B, h, w] int64, -1 where empty -> logits [n, codes] of its n tokens."""
        rows, columns = grid.shape[1:]
        padded = F.pad(grid, (1, 1, 1, 0), value=-1)
        band = torch.arange(rows, device=grid.device) * ROW_BANDS // rows
        h = _rounded(self.row, _IN, 127)[band][None, :, None]
        table = _rounded(self.embedding, _IN, 127)
        for n, (dr, dc) in enumerate(NEIGHBOURS):
            seen = padded[:, 1 + dr : 1 + dr + rows, 1 + dc : 1 + dc + columns]
            h = h + table[n][seen % (self.codes + 1)]
        h = F.dropout(F.relu(h[grid >= 0]), 0.15, self.training)
        return h @ _rounded(self.output, _OUT, 127) + _rounded(self.bias, _IN * _OUT, 32767)

    def integers(self) -> dict[str, Tensor]:
        """The arrays of the integer model."""

        def whole(x: Tensor, steps: int, limit: int, dtype: torch.dtype) -> Tensor:
            return (x.detach() * steps).round().clamp(-limit, limit).to(dtype).contiguous()

        return {
            "embedding": whole(self.embedding, _IN, 127, torch.int8),
            "row": whole(self.row, _IN, 127, torch.int8),
            "output": whole(self.output, _OUT, 127, torch.int8),
            "bias": whole(self.bias, _IN * _OUT, 32767, torch.int16),
            "shift": torch.tensor([_SHIFT], dtype=torch.int16),
        }


def palette_tables(palettes: Iterable[Palette]) -> dict[str, Tensor]:
    """``presence`` and ``usual`` of :class:`semcom.entropy.PaletteModel`, counted; uint8."""
    met: Tensor | int = 0  # [C, 2, 3, 2] cells by half, known neighbours and whether known
    total: Tensor | int = 0  # [C, 3] of levels and of cells that know them
    for levels, known in palettes:
        c, rows = known.shape[1:3]
        beside = F.pad(known.long(), (1, 0, 1, 0))
        near = beside[:, :, 1:, :-1] + beside[:, :, :-1, 1:]
        half = 2 * torch.arange(rows, device=known.device)[:, None] // rows
        classes = torch.arange(c, device=known.device)[:, None, None]
        met = met + torch.bincount(
            (((classes * 2 + half) * 3 + near) * 2 + known).flatten(), minlength=12 * c
        ).reshape(c, 2, 3, 2)
        counts = torch.cat([levels, known[:, :, None].long()], 2)
        total = total + counts.sum((0, 3, 4))
    if isinstance(met, int) or isinstance(total, int):
        raise ValueError("no picture to count the colours of")
    share = (met[..., 1] + 0.5) / (met.sum(-1) + 1)
    usual = torch.where(total[:, -1:] > 0, total[:, :-1] / total[:, -1:].clamp(min=1), LEVELS // 2)
    return {
        "presence": (64 * share).round().clamp(1, 63).to(torch.uint8).cpu(),
        "usual": usual.round().to(torch.uint8).cpu(),
    }


class _Vectors(NamedTuple):
    """``vectors`` [n, cells, D] of all cells of n pictures, ``order`` [n, cells] by relevance."""

    vectors: Tensor
    order: Tensor


class IndexPriorObjective:
    """Cross entropy of the indices of both paths, over all keep fractions of the recipe.

    Pictures are encoded once, as they are and mirrored; a step draws pictures, a keep fraction and,
    now and then, a share of the cells (as if the path were divided into packets). With a
    ``rate_weight`` the tokens of a step are those that a transmitter would choose that knew the
    model as it is by then, see :mod:`semcom.codecs.sqgan.economy`: model and choice agree on codes.
    """

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        from semcom import weights

        size = SIZES[recipe.network]
        self.recipe, self.device, self.classes = recipe, device, size.classes
        self.network = nn.ModuleDict(
            {"image": IndexPrior(size.image.codes), "label_map": IndexPrior(size.label_map.codes)}
        ).to(device)
        self.networks: dict[str, nn.Module] = {"network": self.network}
        parameters = list(self.network.parameters())
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "network": torch.optim.AdamW(
                parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay
            )
        }
        self.paths: dict[str, ImagePath | MapPath] = {
            "image": ImagePath(size),
            "label_map": MapPath(size),
        }
        for name, file in (("image", recipe.image_weights), ("label_map", recipe.map_weights)):
            if file is None:
                raise ValueError(f"recipe {recipe.name}: an index prior needs {name} weights")
            self.paths[name].load_state_dict(weights.load(file), strict=False)
            for_inference(self.paths[name]).to(device)
        self.encoded: dict[str, _Vectors] = {}
        self.shape = (0, 0)
        #: what is counted, not trained
        self.tables: dict[str, Tensor] = {}

    @torch.no_grad()
    def prepare(self, samples: TrainingSet) -> None:
        """Encode every picture, as it is and mirrored, and count masks and colours."""
        found: dict[str, list[_Vectors]] = {"image": [], "label_map": []}
        palettes = []
        for image, label_map in zip(samples.images, samples.label_maps, strict=True):
            for mirrored in (False, True):
                x = (image.flip(1) if mirrored else image).permute(2, 0, 1)[None].to(self.device)
                s = (label_map.flip(1) if mirrored else label_map)[None].to(self.device)
                x = (x.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
                pyramid = map_pyramid(one_hot_map(s, self.classes))
                palettes.append(palette_of(x, pyramid[0]))
                self.shape = (pyramid[4].shape[2], pyramid[4].shape[3])
                for path, source in (("image", x), ("label_map", pyramid[0])):
                    every = self.paths[path].select(source, pyramid, 1.0)
                    found[path].append(_Vectors(every.vectors.half(), every.order.short()))
        self.encoded = {
            path: _Vectors(*(torch.cat(part) for part in zip(*parts, strict=True)))
            for path, parts in found.items()
        }
        colours = palette_tables(palettes)
        self.tables = {f"palette.{key}": value for key, value in colours.items()}
        for path in found:
            masks = torch.cat([self._masks(path, keep) for keep in self._fractions()])
            counts = mask_counts(masks.reshape(-1, *self.shape).cpu().numpy())
            self.tables[f"{path}.mask"] = torch.from_numpy(counts)

    def _fractions(self) -> tuple[float, ...]:
        return self.recipe.keep_fractions.levels

    def _masks(self, path: str, keep: float, pick: Tensor | slice = slice(None)) -> Tensor:
        """Kept cells [n, cells] bool of the pictures of ``pick``."""
        order = self.encoded[path].order[pick].long()
        k = kept_cells(keep, order.shape[1])
        return torch.zeros_like(order, dtype=torch.bool).scatter_(1, order[:, :k], True)

    @torch.no_grad()
    def _tokens(self, path: str, keep: float, pick: Tensor, owned: Tensor) -> Tensor:
        """Grids [n, h, w] of what would be sent of the pictures of ``pick``."""
        sent = self._masks(path, keep, pick) & owned.flatten()
        vectors = self.encoded[path].vectors[pick][sent]
        distances = self.paths[path].quantizer.distances(vectors)
        grid = torch.full(sent.shape, -1, dtype=torch.long, device=self.device)
        grid[sent] = distances.argmin(1)
        grid = grid.reshape(-1, *self.shape)
        weight = self.recipe.rate_weight
        model = self.network[path].eval()
        for _ in range(ROUNDS if weight else 0):
            nats = -model(grid).log_softmax(1)
            worth = weight * distances.amin(1).mean() / math.log(2)
            grid[grid >= 0] = (distances + worth * nats).argmin(1)
        model.train()
        return grid

    def shipped(self, network: nn.Module) -> dict[str, Tensor]:
        """Integers of both models, and the tables of masks and colours."""
        integers = {
            f"{path}.{key}": value
            for path in ("image", "label_map")
            for key, value in network[path].integers().items()  # type: ignore[index]
        }
        return integers | self.tables

    def panels(self, network: nn.Module, batch: Batch) -> list[Tensor]:
        """Nothing to see."""
        return []

    def step(self, draw: Callable[[], Batch], done: float, g: torch.Generator) -> dict[str, float]:
        """Tokens take the place of the pictures that ``draw`` would make."""
        shown: dict[str, float] = {}
        levels = self._fractions()
        keep = levels[int(torch.randint(len(levels), (), generator=g))]
        total = torch.zeros((), device=self.device)
        for path in ("image", "label_map"):
            pool = len(self.encoded[path].order)
            pick = torch.randint(pool, (self.recipe.batch,), generator=g).to(self.device)
            packets = 2 if float(torch.rand((), generator=g)) < 0.2 else 1
            owned = torch.tensor(owned_cells(self.shape, 0, packets), device=self.device)
            grid = self._tokens(path, keep, pick, owned)
            loss = F.cross_entropy(self.network[path](grid), grid[grid >= 0])
            total = total + loss
            shown[f"{path}_bits"] = loss.item() / math.log(2)
        total.backward()
        self.optimizers["network"].step()
        self.optimizers["network"].zero_grad(set_to_none=True)
        return shown
