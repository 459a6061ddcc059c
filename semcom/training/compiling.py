"""Residual blocks compiled: their arithmetic fused, for recipes that ask for it."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec

import torch
from torch import nn

from semcom.codecs.sqgan.layers import ResBlock, SpadeResBlock

__all__ = ["compile_blocks", "require_compiler"]


def compile_blocks(network: nn.Module) -> None:
    """Have the residual blocks of ``network`` compiled when they first run.

    Block by block: alike ones are compiled once, and what draws random numbers stays as it is.
    """
    for part in network.modules():
        if isinstance(part, (ResBlock, SpadeResBlock)):
            part.compile()


def require_compiler(name: str, device: torch.device) -> None:
    """ValueError where recipe ``name`` asks for what nothing here can compile for ``device``."""
    there, what = bool(shutil.which(os.environ.get("CXX", "g++"))), "a C++ compiler"
    if device.type == "cuda":
        there, what = find_spec("triton") is not None, "the package triton"
    if not there:
        raise ValueError(
            f"recipe {name}: compile needs {what}, and there is none: install it or set "
            "compile: false"
        )
