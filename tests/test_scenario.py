"""Scenarios: what is written is used or refused, with file, line, column and a better name."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from semcom.codecs.conventional.jpeg import Jpeg
from semcom.ranges import expand_numbers
from semcom.scenario import Scenario
from semcom.scenario_errors import ScenarioError
from semcom.scenario_schema import json_schema
from semcom.yaml_source import YamlSource

pytestmark = pytest.mark.usefixtures("simple_parts")


def mistake(text: str) -> str:
    with pytest.raises(ValueError, match=r"^s\.yaml:\d+:\d+: ") as caught:
        Scenario.from_text(text, "s.yaml")
    return str(caught.value)


def test_a_scenario_reads_back_the_same(scenario_text: str) -> None:
    scenario = Scenario.from_text(scenario_text)
    assert scenario.sweep is not None
    assert scenario.sweep.esn0_db == (-6, -3, 0, 3, 6)
    assert scenario.link.modulation == "qpsk"
    assert [t.label for _, t in scenario.expanded_transmitters()] == ["one packet", "three packets"]
    assert (
        Scenario.from_text(scenario.to_yaml()).expanded_transmitters()[1][1].settings.packets == 3
    )
    assert Scenario.from_text(scenario.to_yaml()).to_yaml() == scenario.to_yaml()


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("seed: 1", "sed: 1", "s.yaml:14:1: unknown key 'sed'; did you mean 'seed'?"),
        ("packets: 1", "pakets: 1", "s.yaml:6:16: unknown key 'pakets'; did you mean 'packets'?"),
        ("rate: 0.5", "rat: 0.5", "s.yaml:10:20: unknown key 'rat'; did you mean 'rate'?"),
        ("size: [", "sise: [", "unknown key 'sise'; did you mean 'size'?"),
        ("codec: blockmeans\n    label: one", "codec: blckmeans\n    label: one",
         "s.yaml:4:12: there is no codec 'blckmeans'; did you mean 'blockmeans'?"),
        ("mean_error]", "mean_eror]", "there is no metric 'mean_eror'; did you mean 'mean_error'?"),
        ("mean_error]", "mean_error, mean_error]", "metric 'mean_error' is listed twice"),
        ("name: folder", "name: folders", "there is no data set 'folders'; did you mean 'folder'?"),
        ("qpsk", "qpks", "s.yaml:10:43: unknown modulation 'qpks': choose one of"),
        ("rate: 0.5", "rate: 0.05", "rate 0.05 is outside"),
        ("seed: 1", "seed: one", "s.yaml:14:7: seed should be a valid integer, not 'one'"),
        ("seed: 1", "seed: -1", "seed should be greater than or equal to 0, not -1"),
        ("seed: 1", "seed: 1\nseed: 2", "s.yaml:15:1: 'seed' is given twice"),
        ("packets: 1", "packets: 0", "s.yaml:6:25: transmitters.0.settings.packets should be"),
        ("three packets", "one packet", "two transmitters are called 'one packet'"),
        ("start: -6, ", "", "a range is {start, stop, step}"),
        ("step: 3", "step: 0", "step is 0.0: it must be above 0"),
        ("stop: 6", "stop: -9", "stop (-9.0) lies below start (-6.0)"),
        ("step: 3", "step: 1.0e-9", "take a larger step"),
        ("stop: 6", "stop: .nan", "nan is not a number"),
        ("stop: 6", "stop: 600", "Es/N0 must lie between -40 and 80 dB"),
        ("sweep:", "# sweep:", "link is given without sweep"),
        ("link: {code: ldpc, rate: 0.5, modulation: qpsk, channel: awgn}", "link: none",
         "sweep is given, but link is none"),
        ("    label: one packet", "    label: one packet\n    label_map: segmenter",
         "label_map is given, but the codec blockmeans sends no label map"),
        ("[32, 64]", "[32]", "data.size has too few values"),
        ("[32, 64]", "[32, 64, 3]", "data.size has 3 values: it takes 2"),
        ("[mean_error]", "mean_error", "s.yaml:12:10: metrics should be a list, not 'mean_error'"),
        ("[mean_error]", "", "metrics is empty: it should be a list"),
        ("label: one packet", f"label: {'x' * 61}", "0.label should have at most 60 characters"),
        ("[32, 64]", "[32, 10000000]", "sides are 16 to 8192 pixels"),
        ("data:", "daten:", "unknown key 'daten'; did you mean 'data'?"),
        ("  - codec: blockmeans\n    label: three packets\n    settings: {packets: 3}\n", "  - x\n",
         "s.yaml:7:5: transmitters.1 should be a mapping, not 'x'"),
        ("packets: 3", "packets: [1, 2]", "s.yaml:9:25: transmitters.1.settings.packets should be "
         "a valid integer, not [1, 2]; several values go under `vary`"),
        ("[mean_error]", "[]", "s.yaml:12:10: 'metrics' is empty: it needs at least 1"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place(
    scenario_text: str, before: str, after: str, message: str
) -> None:
    assert before in scenario_text
    assert message in mistake(scenario_text.replace(before, after, 1))


def test_every_mistake_is_listed_in_the_order_of_the_file(scenario_text: str) -> None:
    text = scenario_text.replace("seed: 1", "sed: 1").replace("packets: 3", "packets: many")
    with pytest.raises(ScenarioError) as caught:
        Scenario.from_text(text, "s.yaml")
    assert [problem.split(":")[1] for problem in caught.value.problems] == ["9", "14"]
    assert str(caught.value).endswith("(and 1 more)")


def test_a_value_that_may_be_of_several_kinds_is_one_mistake(
    scenario_text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("semcom.codecs.CODECS", {"blockmeans": Jpeg})
    text = scenario_text.replace("packets: 1", "bits_per_pixel: [1, 2]")
    text = text.replace("packets: 3", "bits_per_pixel: 1")
    with pytest.raises(ScenarioError) as caught:
        Scenario.from_text(text, "s.yaml")
    assert caught.value.problems == [
        "s.yaml:6:32: transmitters.0.settings.bits_per_pixel should be a valid number or "
        "'lowest', not [1, 2]; several values go under `vary`"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a scenario is a mapping"),
        ("- 1", "a scenario is a mapping"),
        ("a: [1", "s.yaml:1:"),
        ("a: 1\n---\na: 2", "s.yaml:2:1: a second document begins here: a file holds one"),
        ("a: &a [*a]", "s.yaml: not YAML, or values too deep inside each other"),
        ("a: !!python/object:os.system {}", "s.yaml:1:4: could not determine a constructor"),
        ("a: 2026-99-99", "s.yaml: "),
        ("? [1]\n: 2", "s.yaml:1:3: a key must be a word"),
        ("a: \x00", "s.yaml: not YAML"),
        ("[" * 5000, "s.yaml: not YAML"),
        ("a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
            f"{new}: &{new} [{','.join(['*' + old] * 10)}]\n"
            for old, new in zip("abcdefgh", "bcdefghi", strict=True)
        ), "more than 100000 values"),
    ],
)  # fmt: skip
def test_what_is_no_scenario_gets_one_clear_error(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"^s\.yaml") as caught:
        Scenario.from_text(text, "s.yaml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_foreign_and_huge_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file"):
        Scenario.load(tmp_path / "none.yaml")
    with pytest.raises(ValueError, match="a folder, where a file is meant"):
        Scenario.load(tmp_path)
    (tmp_path / "photo.yaml").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(ValueError, match="not UTF-8"):
        Scenario.load(tmp_path / "photo.yaml")
    (tmp_path / "huge.yaml").write_bytes(b"#" * (2 << 20))
    with pytest.raises(ValueError, match="larger than 1 MiB"):
        Scenario.load(tmp_path / "huge.yaml")


def test_settings_that_vary_make_a_transmitter_each(scenario_text: str) -> None:
    text = scenario_text.replace("settings: {packets: 3}", "vary: {packets: [1, 2], side: [8, 4]}")
    pairs = Scenario.from_text(text).expanded_transmitters()
    assert [(group, one.label) for group, one in pairs[1:]] == [
        ("three packets", "three packets 1 / 8"),
        ("three packets", "three packets 2 / 4"),
    ]
    assert pairs[2][1].settings.side == 4
    assert "must be equally long" in mistake(text.replace("[8, 4]", "[8]"))
    assert "vary, packets / side = 0 / 4: settings.packets should be" in mistake(
        text.replace("[1, 2]", "[1, 0]")
    )
    wrong = mistake(text.replace("side:", "sid:"))
    assert "vary, packets / sid = 1 / 8: unknown key 'sid'; did you mean 'side'?" in wrong
    assert "vary gives no value for packets" in mistake(text.replace("[1, 2]", "[]"))
    assert "unknown key 'rat'" in mistake(text.replace("side:", "link.rat:"))


def test_mistakes_in_a_budget_and_its_use_name_what_is_known_there(scenario_text: str) -> None:
    link = "link: {code: ldpc, rate: 0.5, modulation: qpsk, channel: awgn}"
    text = scenario_text.replace(link, "link: {budget: {channel_use: 900}}")
    assert "unknown key 'channel_use'; did you mean 'channel_uses'?" in mistake(text)
    text = text.replace("settings: {packets: 3}", "allocation: {protect: equal}")
    assert "unknown key 'protect'; did you mean 'protection'?" in mistake(
        text.replace("channel_use:", "channel_uses:")
    )
    own = scenario_text.replace("settings: {packets: 3}", "link: {modulation: 17qam}")
    assert "three packets: unknown modulation '17qam': choose one of" in mistake(own)


def test_without_a_link_there_is_nothing_to_sweep(scenario_text: str) -> None:
    head = scenario_text[: scenario_text.index("link:")]
    scenario = Scenario.from_text(head + "link: none\nmetrics: [mean_error]\n")
    assert scenario.link is None
    assert scenario.sweep is None


def test_the_json_schema_knows_codecs_and_link() -> None:
    schema = json_schema()
    assert schema["$defs"]["Transmitter"]["properties"]["codec"]["enum"] == ["blockmeans"]
    assert "packets" in schema["$defs"]["blockmeans.settings"]["properties"]
    assert "modulation" in schema["$defs"]["link"]["properties"]
    assert schema["additionalProperties"] is False


@given(
    st.decimals(-50, 50, places=2),
    st.decimals("0.01", 5, places=2),
    st.integers(0, 200),
)
def test_a_range_holds_its_ends_and_no_rounding_errors(start, step, count) -> None:  # type: ignore[no-untyped-def]
    stop = start + step * count
    numbers = expand_numbers({"start": float(start), "stop": float(stop), "step": float(step)})
    assert len(numbers) == count + 1
    assert numbers == [float(start + step * index) for index in range(count + 1)]


plain_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(plain_data)
def test_no_plain_data_that_is_not_a_scenario_passes(data) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"^s\.yaml"):
        Scenario.from_text(yaml.safe_dump(data, allow_unicode=True), "s.yaml")


def test_places_are_found_inside_lists_and_flow_mappings() -> None:
    source = YamlSource.parse("a:\n- {b: 1,\n   c: 2}\n", "s.yaml")
    assert source.where(("a", 0, "c")).line == 3
    assert source.where(("a", 0, "nothing"), key=True) == source.where(("a", 0))
