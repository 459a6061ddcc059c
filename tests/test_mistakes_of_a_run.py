"""What goes wrong around a run is one sentence and exit code 2, and the counts stay whole."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from semcom import cli
from semcom.results import Results
from semcom.scenario import Scenario
from semcom.sweep import run

pytestmark = pytest.mark.usefixtures("simple_parts")


class Command:
    """``semcom run`` of a scenario in this process."""

    def __init__(self, tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.scenario, self.out, self.capsys = tmp_path / "scenario.yaml", tmp_path / "out", capsys
        self.counts = self.out / "counts.jsonl"
        self.scenario.write_text(text)

    def __call__(self, *options: object) -> tuple[int, str]:
        """Exit code and what was said on standard error."""
        words = ["semcom", "run", self.scenario, "--out", self.out, "--no-plot", *options]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", [str(word) for word in words])
            with pytest.raises(SystemExit) as stopped:
                cli.main()
        return int(stopped.value.code or 0), self.capsys.readouterr().err

    def is_refused(self, *options: object) -> str:
        """The one sentence of a run that is refused."""
        code, said = self(*options)
        assert code == 2, said
        assert said.startswith("semcom: ")
        assert said.count("\n") == 1
        return said

    def rows(self) -> set[str]:
        """Rows on disk without what differs from run to run; every line must be whole."""
        content = self.counts.read_text()
        assert content.endswith("\n")
        own = ("ms", "started", "run")
        return {
            json.dumps({key: value for key, value in json.loads(line).items() if key not in own})
            for line in content.splitlines()
        }


@pytest.fixture
def command(scenario_text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, scenario_text, capsys)


@pytest.fixture
def undisturbed(
    scenario_text: str, tmp_path_factory: pytest.TempPathFactory, command: Command
) -> set[str]:
    """Rows of the same run where nothing goes wrong."""
    folder = tmp_path_factory.mktemp("undisturbed")
    list(run(Scenario.from_text(scenario_text), folder))
    other = Command(folder, scenario_text, command.capsys)
    other.counts = folder / "counts.jsonl"
    return other.rows()


def test_a_folder_that_cannot_be_made(command: Command) -> None:
    command.out = command.scenario / "out"
    said = command.is_refused()
    assert "cannot write results here (Not a directory); choose another folder" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes into every folder")
def test_a_folder_without_the_right_to_write(command: Command) -> None:
    command.out.mkdir(mode=0o500)
    said = command.is_refused()
    assert "cannot write results here (Permission denied); choose another folder" in said


@pytest.mark.parametrize("full_at", [0, 1, 2, 3, 17, 40, 60, 61, -1])
def test_a_disk_that_fills_up_at_any_write(
    command: Command,
    undisturbed: set[str],
    full_at: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written, really = 0, os.fsync

    def fsync(descriptor: int) -> None:
        nonlocal written
        if written == full_at or (full_at == -1 and "summary.csv" in _name_of(descriptor)):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written += 1
        really(descriptor)

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fsync)
        said = command.is_refused()
    assert "No space left on device" in said
    assert str(command.out) in said
    assert not list(command.out.rglob("*.part"))
    if command.counts.is_file():
        assert command.rows() <= undisturbed
    assert command() == (0, "")
    assert command.rows() == undisturbed


def _name_of(descriptor: int) -> str:
    return os.readlink(f"/proc/self/fd/{descriptor}") if os.path.isdir("/proc/self/fd") else ""


def test_a_file_that_may_grow_no_further_keeps_its_whole_rows(
    scenario_text: str, command: Command, undisturbed: set[str]
) -> None:
    """The system itself cuts a write short, here in the middle of a row."""
    resource = pytest.importorskip("resource", reason="limits of file sizes are those of Unix")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    events = run(Scenario.from_text(scenario_text), command.out, text=scenario_text)
    next(events)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, hard))
    try:
        with pytest.raises(OSError, match="those so far are kept"):
            list(events)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert 3000 < command.counts.stat().st_size <= 6000
    assert command.rows() < undisturbed
    assert command() == (0, "")
    assert command.rows() == undisturbed


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"v":99,"kind":"encoding","id":"b"}', "written in format 99, this program reads format"),
        ('{"v":1,"kind":"hologram","id":"b"}', "not a row that this program knows"),
        ('{"v":1,"id":"b"}', "not a row that this program knows"),
        ('{"v":1,"kind":"measurement","id":"b","metrics":3}', "not a row that this program knows"),
        ("[1]", "not a row of counts"),
        ('"', "not a row of counts"),
    ],
)
def test_counts_of_another_version_or_maker(command: Command, line: str, message: str) -> None:
    command.out.mkdir()
    content = f'{{"v":1,"kind":"encoding","id":"a"}}\n{line}\n{{"v":99,"torn'
    command.counts.write_text(content)
    said = command.is_refused()
    assert f"counts.jsonl:2: {message}" in said
    assert command.counts.read_text() == content


@pytest.mark.parametrize("keeps", [0.0, 0.3, 0.999])
def test_a_torn_last_line(command: Command, undisturbed: set[str], keeps: float) -> None:
    assert command() == (0, "")
    *whole, last = command.counts.read_bytes().splitlines(keepends=True)
    command.counts.write_bytes(b"".join(whole) + last[: int(keeps * len(last))])
    assert command() == (0, "")
    assert command.rows() == undisturbed


def test_another_process_that_writes_to_the_folder(command: Command) -> None:
    pytest.importorskip("fcntl", reason="there are no such locks on this system")
    command.out.mkdir()
    program = (
        "import fcntl, sys\n"
        "file = open(sys.argv[1], 'ab')\n"
        "fcntl.flock(file, fcntl.LOCK_EX)\n"
        "print('locked', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(command.counts)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == b"locked\n"
        assert "another run is writing here; wait for it or choose another" in command.is_refused()
        assert command.counts.read_bytes() == b""
        other.stdin.close()
    assert command() == (0, "")


def test_a_file_system_without_locks_is_no_obstacle(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl", reason="there are no such locks on this system")

    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    assert command() == (0, "")


def test_a_scenario_edited_during_its_run(
    command: Command,
    scenario_text: str,
    undisturbed: set[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import channels

    class Meanwhile(channels.Link):  # type: ignore[misc]
        def transmit(self, *arguments: Any) -> Any:
            command.scenario.write_text(scenario_text.replace("step: 3", "step: 1.5"))
            return super().transmit(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr("channels.Link", Meanwhile)
        code, said = command()
    assert code == 0
    assert said.count("\n") == 1
    assert "was edited during the run: these results are of the file as it was" in said
    assert (command.out / "scenario.yaml").read_text() == scenario_text
    assert command.rows() == undisturbed
    # the next run is of the new one, and adds to what is there
    assert command() == (0, "")
    assert command.rows() > undisturbed
    assert {row["esn0_db"] for row in Results.read(command.out).transmissions.values()} == {
        None, -6, -4.5, -3, -1.5, 0, 1.5, 3, 4.5, 6,
    }  # fmt: skip


def test_a_scenario_edited_into_nonsense_between_two_runs(
    command: Command, scenario_text: str
) -> None:
    assert command() == (0, "")
    before = command.counts.read_bytes()
    command.scenario.write_text(scenario_text.replace("sweep:", "swep:"))
    assert "unknown key 'swep'; did you mean 'sweep'?" in command.is_refused()
    assert command.counts.read_bytes() == before
    command.scenario.write_text(scenario_text)
    assert command() == (0, "")
    assert command.counts.read_bytes() == before


def test_a_picture_changed_during_the_run(
    scenario_text: str, command: Command, pictures: Path
) -> None:
    # more of them than the workbench holds in memory
    for number in range(4, 8):
        (pictures / f"p{number}.png").write_bytes((pictures / "p0.png").read_bytes())
    events = run(Scenario.from_text(scenario_text), command.out)
    next(events)
    Image.fromarray(np.zeros((32, 64, 3), np.uint8)).save(pictures / "p1.png")
    with pytest.raises(ValueError, match=r"p1.*: the picture was changed during the run"):
        list(events)
    assert command() == (0, "")
    assert len({row["sample"] for row in Results.read(command.out).transmissions.values()}) >= 4


@pytest.mark.parametrize("content", [None, b"", b"\x10\0\0\0\0\0\0\0nonsense"])
def test_weights_that_are_missing_or_no_weights(
    command: Command,
    scenario_text: str,
    tmp_path: Path,
    content: bytes | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from semcom.codecs.sqgan.codec import SqganCodec

    monkeypatch.setattr("semcom.codecs.CODECS", {"sqgan": SqganCodec})
    weights = tmp_path / "own.safetensors"
    if content is not None:
        weights.write_bytes(content)
    head, _ = scenario_text.split("transmitters:")
    command.scenario.write_text(
        head.replace("[32, 64]", "[64, 128]")
        + "transmitters:\n  - codec: sqgan\n    label_map: segmenter\n"
        + f"    settings: {{image_weights: {weights}}}\n"
        + "link: none\nmetrics: [mean_error]\nreference: false\n"
    )
    said = command.is_refused()
    assert str(weights) in said
    assert ("no weights" if content is None else "not whole weights") in said
    assert not command.out.exists()
