"""Run notebooks and bring each pair (.py, .ipynb) into step: ``make notebooks``.

The .py file is the source. Outputs of cells tagged ``slider`` are left out: a slider without a
kernel says nothing, and the figure beside it shows the same at a few positions.

    python notebooks/execute.py [NAME ...]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent


def sources() -> list[Path]:
    """The notebooks in their order."""
    return sorted(FOLDER.glob("[0-9]*.py"))


def execute(source: Path) -> nbformat.NotebookNode:
    """Run the notebook ``source`` from its folder; an exception in a cell is raised here."""
    notebook = jupytext.read(source)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"  # random ones would change with every run
    client = NotebookClient(
        notebook,
        timeout=1800,  # a cell on a busy machine
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(source.parent)}},
    )
    client.execute()
    for cell in notebook.cells:
        if "slider" in cell.metadata.get("tags", []):
            cell.outputs = []
    notebook.metadata.pop("widgets", None)
    return notebook


def main(names: list[str]) -> None:
    for source in sources():
        if names and not any(source.stem.startswith(name) for name in names):
            continue
        started = time.perf_counter()
        notebook = execute(source)
        target = source.with_suffix(".ipynb")
        nbformat.write(notebook, target)
        kilobytes = target.stat().st_size / 1000
        print(f"{target.name}: {time.perf_counter() - started:.0f} s, {kilobytes:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
