"""The command line: what it says, and one line on standard error for every mistake."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semcom.commands.progress import show_live
from semcom.container import CodedPicture
from semcom.table import duration
from tests.command_line import semcom


@pytest.fixture
def scenario(scenario_text: str, tmp_path: Path) -> Path:
    path = tmp_path / "scenario.yaml"
    path.write_text(scenario_text)
    return path


def test_run_says_a_line_per_transmitter_and_point_and_then_has_nothing_to_do(
    simple_parts: None,
    scenario: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert semcom(monkeypatch, "run", scenario, "--out", tmp_path / "out", "--no-plot") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("4 images x 2 transmitters x 5 points")
    assert lines[1].split()[:4] == ["Es/N0", "Eb/N0", "transmitter", "bits"]
    assert sum("one packet" in line for line in lines) == 6
    assert semcom(monkeypatch, "run", scenario, "--out", tmp_path / "out", "--no-plot") == 0
    assert "nothing to compute" in capsys.readouterr().out
    assert semcom(monkeypatch, "show", tmp_path / "out") == 0
    shown = capsys.readouterr().out
    assert shown.count("three packets") == 6 + 2  # points, its cliff and its bits


def test_an_unreadable_picture_is_named_and_on_request_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        picture = np.random.default_rng(number).integers(0, 256, (32, 64, 3), dtype=np.uint8)
        Image.fromarray(picture).save(tmp_path / f"{number}.png")
    (tmp_path / "1.png").write_bytes((tmp_path / "1.png").read_bytes()[:99])
    scenario = tmp_path / "pictures.yaml"
    scenario.write_text(
        f"data: {{name: folder, root: {tmp_path}, size: [32, 64]}}\n"
        "transmitters: [{codec: jpeg, settings: {bits_per_pixel: 4}}]\n"
        "link: none\nmetrics: [psnr]\n"
    )
    command = ["run", scenario, "--out", tmp_path / "out", "--no-plot"]
    assert semcom(monkeypatch, *command) == 2
    said = capsys.readouterr().err
    assert "1.png" in said
    assert said.count("\n") == 1
    assert semcom(monkeypatch, *command, "--skip-bad") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("left out: ")
    assert "1.png" in lines[0]
    assert lines[1].startswith("2 images x 1 transmitters")
    assert "unreadable and left out: 1" in lines[1]


def test_a_terminal_gets_the_same_lines_above_a_live_bar(
    simple_parts: None, scenario_text: str, tmp_path: Path
) -> None:
    from rich.console import Console

    from semcom.scenario import Scenario
    from semcom.sweep import run

    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=140, soft_wrap=True)
    show_live(run(Scenario.from_text(scenario_text), tmp_path), console)
    said = screen.getvalue()
    assert said.count("three packets ") == 6
    assert "left" in said  # which stages the bar shows depends on how fast they pass
    assert "done in" in said


def test_an_interrupt_says_what_is_kept_and_how_to_go_on(
    simple_parts: None,
    scenario: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import channels

    class Impatient(channels.Link):  # type: ignore[misc]
        def transmit(self, *_: object) -> None:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("channels.Link", Impatient)
        assert semcom(patch, "run", scenario, "--out", tmp_path / "out") == 130
    assert "the same command goes on from there" in capsys.readouterr().err
    assert semcom(monkeypatch, "run", scenario, "--out", tmp_path / "out", "--no-plot") == 0
    assert "8 of them done" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "none.yaml", "--out", "x"], "none.yaml: no such file"),
        (["run", "bad.yaml", "--out", "x"], "bad.yaml:1:1: unknown key 'dat'; did you mean"),
        (["run", "bad.yaml"], "Missing option '--out'"),
        (["run", "bad.yaml", "--out", "x", "--workers", "0"], "Invalid value for '--workers'"),
        (["runn"], "No such command 'runn'"),
        (["show", "."], "summary.csv: no such file"),
        (["plot", "."], "summary.csv: no such file"),
        (["merge", "none", "--out", "x"], "none: there are no results here"),
        (["check", "bad.yaml"], "bad.yaml:1:1: unknown key 'dat'"),
        (["encode", "none.png", "x", "--codec", "jpg"], "no codec 'jpg'; did you mean 'jpeg'?"),
        (["encode", "none.png", "x", "--codec", "jpeg"], "codec jpeg, setting bits_per_pixel"),
        (["encode", "none.png", "x", "--codec", "jpeg", "--set", "bits_per_pixel=1"],
         "none.png: no such file"),
        (["encode", "bad.yaml", "x", "--codec", "jpeg", "--set", "bits_per_pixel=1"],
         "bad.yaml cannot be read"),
        (["encode", "p.png", "x", "--codec", "jpeg", "--set", "bits_per_pixel"],
         "write --set name=value"),
        (["encode", "p.png", "x", "--size", "big"], "a size is HEIGHTxWIDTH"),
        (["decode", "none", "x.png"], "none: no such file"),
        (["decode", "bad.yaml", "x.png"], "bad.yaml: not a coded picture"),
        (["train", "none.yaml", "--out", "x"], "none.yaml"),
        (["data", "street", "--out", "x"], "Missing option '--count'"),
        (["data", "street", "--out", "x", "--count", "0"], "Invalid value for '--count'"),
    ],
)  # fmt: skip
def test_a_mistake_gets_one_line_and_exit_code_2(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "bad.yaml").write_text("dat: 1\n")
    monkeypatch.chdir(tmp_path)
    assert semcom(monkeypatch, *arguments) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.startswith("semcom: ")
    if arguments[0] != "check":
        assert said.err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.yaml"]


def test_check_lists_every_mistake_and_passes_what_is_good(
    simple_parts: None,
    scenario: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert semcom(monkeypatch, "check", scenario) == 0
    assert "good, 5 points, 48 tasks" in capsys.readouterr().out
    (tmp_path / "bad.yaml").write_text(scenario.read_text().replace("seed", "sed") + "x: 1\n")
    assert semcom(monkeypatch, "check", tmp_path / "bad.yaml", scenario) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 2
    assert "good" in said.out
    scenario.write_text(scenario.read_text().replace("photos", "nowhere"))
    assert semcom(monkeypatch, "check", scenario) == 2
    assert "nowhere" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("codec", "setting"), [("jpeg", "bits_per_pixel=2"), ("bpg", "bits_per_pixel=lowest")]
)
def test_a_photograph_crosses_a_file(
    codec: str,
    setting: str,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    coded, shown = tmp_path / "p.semcom", tmp_path / "p.png"
    photo = pictures / "p0.png"
    command = ["encode", photo, coded, "--codec", codec, "--set", setting, "--size", "64x128"]
    assert semcom(monkeypatch, *command) == 0
    size = sum(map(len, CodedPicture.read(coded).payloads))
    *_, total = capsys.readouterr().out.splitlines()
    assert total.split()[:3] == ["all", str(8 * size), "bits"]
    assert semcom(monkeypatch, "decode", coded, shown) == 0
    with Image.open(shown) as image:
        assert image.size == (128, 64)
    content = bytearray(coded.read_bytes())
    content[-1] ^= 1
    coded.write_bytes(content)
    assert semcom(monkeypatch, "decode", coded, shown) == 2
    assert "check sum" in capsys.readouterr().err


def test_the_lists_name_what_scenarios_may_use(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert semcom(monkeypatch, "codecs") == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in ("sqgan", "jpeg2000", "bpg", "bits_per_pixel"))
    assert semcom(monkeypatch, "channels") == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in ("ldpc", "qpsk", "rayleigh", "rate", "delay_spread_ns"))
    assert semcom(monkeypatch, "schema") == 0
    assert "transmitters" in json.loads(capsys.readouterr().out)["properties"]
    assert semcom(monkeypatch, "version") == 0
    assert capsys.readouterr().out.startswith("semcom ")


def test_help_is_light() -> None:
    program = (
        "import sys; sys.argv = ['semcom', '--help']\n"
        "from semcom.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'sionna', 'mitsuba', 'matplotlib', 'scipy', 'numpy', 'pydantic'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)))\n"
    )
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root)
    assert done.stderr.strip() == ""
    assert "Semantic image communication" in done.stdout


def test_numbers_are_read_as_yaml_reads_them() -> None:
    from semcom.photo import parse_settings

    assert parse_settings(["a.b=1", "a.c=lowest"]) == {"a": {"b": 1, "c": "lowest"}}
    with pytest.raises(ValueError, match="has a value of its own"):
        parse_settings(["a=1", "a.b=2"])


def test_rounding_never_says_60_seconds() -> None:
    assert duration(59.6) == "1 min 00 s"
    assert duration(3599.7) == "1 h 00 min"


def test_decode_refuses_settings_of_no_codec(tmp_path: Path) -> None:
    from semcom.photo import decode_photo

    for settings in ("[", "{}", '{"bits_per_pixel": -1}', "[" * 9000):
        CodedPicture("jpeg", settings, (32, 64), (b"x",)).write(tmp_path / "x")
        with pytest.raises(ValueError, match=r"^.*/x: "):
            decode_photo(tmp_path / "x")
