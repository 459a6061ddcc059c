"""The pages on adding a codec, a data set, a metric and a channel, followed to the letter.

Every block with a title becomes the file it names, every ``$`` line is run in a shell, in a folder
of its own and with an installation of its own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from semcom.summary import read_summary

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "extend"
BLOCK = re.compile(r'^```(\w+)(?: title="([\w.]+)")?\n(.*?)^```$', re.M | re.S)

Rows = Mapping[tuple[str, float | None], Mapping[str, Any]]


def blocks(page: str) -> tuple[dict[str, str], list[str]]:
    """Files and commands of a page."""
    files, commands = {}, []
    for language, title, content in BLOCK.findall((PAGES / f"{page}.md").read_text()):
        if title:
            files[title] = content
        elif language == "console":
            commands += [line[2:] for line in content.splitlines() if line.startswith("$ ")]
    return files, commands


def follow(page: str, place: Path) -> tuple[str, Rows]:
    """Do what the page says in ``place``: what was printed, and the summary of the run."""
    files, commands = blocks(page)
    for name, content in files.items():
        (place / name).write_text(content)
    programs = place / "programs"
    programs.mkdir()
    for name, module in (("semcom", "semcom.cli"), ("pip", "pip")):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        program.chmod(0o755)
    installed = place / "installed"
    environment = os.environ | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": f"{installed}{os.pathsep}{ROOT}",
        # semcom and setuptools are here already, and nothing is to be fetched
        "PIP_TARGET": str(installed),
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    printed = ""
    for command in commands:
        done = subprocess.run(
            command, shell=True, cwd=place, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        printed += done.stdout
    rows = read_summary(place / "runs" / files_stem(files) / "summary.csv")
    return printed, {(row["label"], row["esn0_db"]): row for row in rows}


def files_stem(files: Mapping[str, str]) -> str:
    return next(Path(name).stem for name in files if name.endswith(".yaml"))


@pytest.mark.parametrize("page", ["codec", "data", "metric", "channel"])
def test_a_page_has_a_file_its_package_a_scenario_and_commands(page: str) -> None:
    files, commands = blocks(page)
    assert {Path(name).suffix for name in files} == {".py", ".toml", ".yaml"}
    assert commands[0] == "pip install ."
    assert any(command.startswith("semcom run") for command in commands)


def test_a_codec_of_another_package_is_listed_and_crosses_the_link(tmp_path: Path) -> None:
    printed, rows = follow("codec", tmp_path)
    assert "thumbnail: Two thumbnails" in printed
    sent = rows["thumbnail", 3]
    assert (sent["payloads"], sent["payloads_lost"]) == (4, 0)
    assert sent["bits_per_pixel"] == 8 * 3 * (16 * 32 + 32 * 64) / (256 * 512)
    assert rows["thumbnail", -2]["psnr_db"] < 18 < sent["psnr_db"]
    assert rows["bpg", 3]["psnr_db"] > rows["bpg", -2]["psnr_db"]


def test_a_data_set_of_another_package_is_sent_and_scored(tmp_path: Path) -> None:
    printed, rows = follow("data", tmp_path)
    assert "horizon.yaml: good" in printed
    assert rows["jpeg", 3]["images"] == 2
    assert rows["jpeg", 3]["psnr_db"] > 30
    assert 0 <= rows["jpeg", 3]["miou"] <= 1


def test_a_metric_of_another_package_has_a_column(tmp_path: Path) -> None:
    printed, rows = follow("metric", tmp_path)
    assert "bpg" in printed
    assert rows["bpg", -2]["road_recall"] < rows["original pictures", None]["road_recall"] <= 1


def test_a_channel_of_another_package_is_listed_and_does_its_harm(tmp_path: Path) -> None:
    printed, rows = follow("channel", tmp_path)
    assert "impulses: white noise, 20 dB stronger" in printed
    lost = [rows["bpg", esn0_db]["payloads_lost"] for esn0_db in (-2, 3, 9)]
    assert lost[0] == 2
    assert lost == sorted(lost, reverse=True)
    assert lost[2] == 0


def test_a_plugin_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    record = tmp_path / "broken-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (record / "entry_points.txt").write_text("[semcom.plugins]\nx = no_such_module\n")
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-m", "semcom.cli", "codecs"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("semcom: the plugin x of the package broken cannot be loaded")
    assert len(done.stderr.splitlines()) == 1
