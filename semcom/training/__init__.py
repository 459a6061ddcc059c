"""Training of every network that is shipped, from one recipe each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semcom.training.train import Progress

__all__ = ["run"]


def run(recipe_path: Path, out: Path) -> Iterator[Progress]:
    """Train the recipe in the file ``recipe_path`` into ``out``, one report per step."""
    from semcom.training.recipe import load_recipe
    from semcom.training.train import train

    yield from train(load_recipe(recipe_path), out)
