"""The documentation builds without complaint, loads nothing from elsewhere, leaves nothing out."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("mkdocs", "mkdocstrings", "material")),
    reason='the documentation needs its own packages: pip install "semcom[docs]"',
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


def text(page: Path) -> str:
    """What a reader sees of a page."""
    body = page.read_text(encoding="utf-8").split("<article", 1)[1].split("</article>", 1)[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", "", body)).split())


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 15
    for page in pages:
        loaded = re.findall(
            r'<(?:script|link|img|iframe)[^>]*\s(?:src|href)="([^"]+)"', page.read_text()
        )
        assert not [url for url in loaded if url.startswith(("http", "//"))], page
    for sheet in site.rglob("*.css"):
        assert not re.findall(r"url\(['\"]?(?:https?:)?//", sheet.read_text()), sheet


def test_every_key_of_a_scenario_is_described(site: Path) -> None:
    from channels import LinkSettings
    from semcom.codecs import CODECS
    from semcom.scenario import DataSettings, Scenario, Sweep, Transmitter

    words = set(re.findall(r"[\w.]+", text(site / "scenarios.html")))
    codecs = [codec.Settings for codec in CODECS.values()]
    for model in (Scenario, DataSettings, Transmitter, Sweep, LinkSettings, *codecs):
        assert set(model.model_fields) <= words, model


def test_every_command_and_its_options_are_described(site: Path) -> None:
    from semcom.cli import app, data_app

    shown = text(site / "commands.html")
    for group, prefix in ((app, "semcom"), (data_app, "semcom data")):
        for command in group.registered_commands:
            assert command.callback is not None
            assert f"{prefix} {command.name or command.callback.__name__}" in shown
    assert "--workers" in shown


def test_every_scenario_and_every_kept_result_has_its_place(site: Path) -> None:
    shown = text(site / "scenarios.html")
    for scenario in (ROOT / "scenarios").glob("*.yaml"):
        assert scenario.stem in shown
    shown = text(site / "results.html")
    for summary in (ROOT / "results").glob("*/summary.csv"):
        assert summary.parent.name in shown
        first = summary.read_text(encoding="utf-8").splitlines()[1].split(",")[0]
        assert first in shown


def test_no_placeholder_and_no_markup_of_docstrings_is_left(site: Path) -> None:
    for page in site.rglob("*.html"):
        content = page.read_text(encoding="utf-8")
        assert not re.search(r"<!-- \w+ -->", content), page
        assert ":class:" not in content, page
        assert ":func:" not in content, page


def test_the_readme_and_the_pages_name_files_that_exist() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]:
        content = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", content):
            if not target.startswith("figures/results/"):
                assert (page.parent / target).exists(), f"{page}: {target}"
        for name in re.findall(r"`((?:semcom|channels|scenarios|docs)/[\w/.]+\.\w+)`", content):
            assert (ROOT / name).exists(), f"{page}: {name}"


def test_the_numbers_of_the_readme_are_those_of_the_kept_results() -> None:
    path = ROOT / "docs" / "readme.py"
    spec = importlib.util.spec_from_file_location("readme", path)
    assert spec is not None
    assert spec.loader is not None
    readme = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(readme)
    content = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "| original pictures | 24 |" in content
    assert readme.updated(content) == content, "run: python docs/readme.py"
