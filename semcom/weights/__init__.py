"""Trained networks shipped with the package: half-precision safetensors, a model card each."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["available", "digest", "load", "load_into", "path"]

_FOLDER = Path(__file__).parent


def available() -> list[str]:
    """Names of the shipped networks."""
    return sorted(p.stem for p in _FOLDER.glob("*.safetensors"))


def path(name: str) -> Path:
    """File of a network: a shipped name, or a path to a ``.safetensors`` file of one's own."""
    file = Path(name) if name.endswith(".safetensors") else _FOLDER / f"{name}.safetensors"
    if not file.is_file():
        raise FileNotFoundError(
            f"no weights {name!r}: shipped are {', '.join(available()) or 'none'}; "
            "give one of these or the path of a .safetensors file made by `semcom train`"
        )
    return file


def load(name: str) -> dict[str, Tensor]:
    """All tensors of a network, floating-point ones as float32."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    file = path(name)
    try:
        state = load_file(file)
    except SafetensorError as error:
        raise ValueError(
            f"{file}: not whole weights ({error}); copy or train them again"
        ) from error
    return {k: v.float() if v.is_floating_point() else v for k, v in state.items()}


def load_into(network: nn.Module, name: str, kind: str) -> None:
    """Fill ``network`` with all tensors of ``name``; ``kind`` says what it is to whoever erred.

    Raises FileNotFoundError, or ValueError where the file holds another network.
    """
    try:
        network.load_state_dict(load(name))
    except RuntimeError as error:
        raise ValueError(f"weights {name!r} do not fit {kind}") from error


@cache
def _digest(file: Path, modified: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def digest(name: str) -> str:
    """First 16 hex digits of the file's SHA-256: the identity of a network in results."""
    file = path(name)
    return _digest(file, file.stat().st_mtime_ns)
