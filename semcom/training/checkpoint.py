"""Checkpoints without pickle: every tensor of networks, averages and optimisers in one file."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from semcom.codecs.sqgan.quantizer import TRAINING_ONLY
from semcom.files import write_atomically

__all__ = ["export", "load_checkpoint", "save_checkpoint", "shipped_state"]


def save_checkpoint(
    path: Path,
    step: int,
    networks: dict[str, nn.Module],
    optimizers: dict[str, torch.optim.Optimizer],
    digest: str,
) -> None:
    """Write all state atomically; a kill leaves the old file or the new one."""
    tensors: dict[str, Tensor] = {}
    for name, network in networks.items():
        for key, value in network.state_dict().items():
            tensors[f"network/{name}/{key}"] = value
    for name, optimizer in optimizers.items():
        for index, state in optimizer.state_dict()["state"].items():
            for key, value in state.items():
                tensors[f"optimizer/{name}/{index}/{key}"] = torch.as_tensor(value)
    _write(path, tensors, {"step": str(step), "recipe": digest})


def load_checkpoint(
    path: Path,
    networks: dict[str, nn.Module],
    optimizers: dict[str, torch.optim.Optimizer],
    digest: str,
) -> int:
    """Restore what :func:`save_checkpoint` wrote; returns the step reached.

    Raises ValueError where the checkpoint belongs to another recipe.
    """
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        meta = file.metadata()
        if meta.get("recipe") != digest:
            raise ValueError(
                f"{path} was made by another recipe: choose a new output folder or remove it"
            )
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    for name, network in networks.items():
        head = f"network/{name}/"
        network.load_state_dict(
            {k.removeprefix(head): v for k, v in tensors.items() if k.startswith(head)}
        )
    for name, optimizer in optimizers.items():
        head = f"optimizer/{name}/"
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith(head):
                index, field = key.removeprefix(head).split("/")
                state.setdefault(int(index), {})[field] = value
        whole = optimizer.state_dict()
        whole["state"] = state
        optimizer.load_state_dict(whole)
    return int(meta["step"])


def shipped_state(network: nn.Module) -> dict[str, Tensor]:
    """The state that is shipped: half precision, without what only training needs."""
    return {
        k: v.half() if v.is_floating_point() else v
        for k, v in network.state_dict().items()
        if not k.endswith((*TRAINING_ONLY, "num_batches_tracked"))
    }


def export(path: Path, state: dict[str, Tensor], note: dict[str, str]) -> None:
    """Write the shipped form of a network atomically, with ``note`` in its header."""
    _write(path, state, note)


def _write(path: Path, tensors: dict[str, Tensor], meta: dict[str, str]) -> None:
    from safetensors.torch import save

    data = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    write_atomically(path, save(data, meta))
