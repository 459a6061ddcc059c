"""The notebooks: both halves of a pair say the same, outputs are small, every cell runs."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("[0-9]*.py"))

jupytext = pytest.importorskip("jupytext", reason='notebooks need pip install "semcom[notebooks]"')
pytest.importorskip("nbclient", reason='notebooks need pip install "semcom[notebooks]"')


@pytest.fixture(scope="module")
def executor() -> ModuleType:
    """``notebooks/execute.py``."""
    spec = importlib.util.spec_from_file_location("execute", FOLDER / "execute.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def said(notebook: object) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source) for cell in notebook.cells]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_outputs_are_those_of_the_source(name: str) -> None:
    source = jupytext.read(FOLDER / f"{name}.py")
    pair = jupytext.read(FOLDER / f"{name}.ipynb")
    assert said(pair) == said(source), f"run: make notebooks NAMES={name[:2]}"
    assert (FOLDER / f"{name}.ipynb").stat().st_size < 500_000
    outputs = [output for cell in pair.cells for output in cell.get("outputs", [])]
    assert outputs
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [o for o in outputs if o.output_type == "stream" and o.name == "stderr"]


@pytest.mark.parametrize("name", NAMES)
def test_every_notebook_asks_answers_and_shows_its_sliders_without_a_kernel(name: str) -> None:
    cells = jupytext.read(FOLDER / f"{name}.py").cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    questions = text.count("<details><summary><b>Question")
    assert questions >= 2
    assert text.count("</details>") == questions
    sliders = [n for n, c in enumerate(cells) if "slider" in c.metadata.get("tags", [])]
    assert sliders
    for number in sliders:
        static = next(cell for cell in cells[number + 1 :] if cell.cell_type == "code")
        assert "axes" in static.source


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_cell_runs(name: str, executor: ModuleType) -> None:
    notebook = executor.execute(FOLDER / f"{name}.py")
    figures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/jpeg" in output.get("data", {})
    ]
    assert len(figures) >= 3
