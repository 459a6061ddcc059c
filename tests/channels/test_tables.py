"""Tables answer as the link they stand in for, and nowhere else."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from channels import Link, LinkSettings
from channels.tables import BlockErrorTable

GRID = [0.0, 0.75, 1.5, 2.25]


@pytest.fixture(scope="module")
def table() -> BlockErrorTable:
    return BlockErrorTable.measure(Link(), [40, 41], GRID, max_payloads=256)


def by_table(table: BlockErrorTable, folder: Path, settings: LinkSettings | None = None) -> Link:
    path = folder / "table.json"
    table.save(path)
    settings = settings or table.settings
    return Link(settings.model_copy(update={"block_errors": str(path)}))


def random_payloads(num_bytes: int, seeds: range) -> list[bytes]:
    return [np.random.default_rng(seed).bytes(num_bytes) for seed in seeds]


def test_counts_are_kept_by_frame(table: BlockErrorTable) -> None:
    frame = Link().frame(40)
    # 40 and 41 bytes fill the same transport block
    assert list(table.counts) == [(1, frame.block_bits)]
    for count in table.counts[1, frame.block_bits]:
        assert 0 <= count.errors <= count.payloads <= 256


def test_drawn_losses_agree_with_full_decoding(table: BlockErrorTable, tmp_path: Path) -> None:
    """Between measured points and with other payloads and seeds than those of the table."""
    snr_db, count = 1.1, 300
    seeds = range(10_000, 10_000 + count)
    payloads = random_payloads(40, seeds)
    decoded = sum(Link().transmit(payloads, snr_db, seeds).reports)
    sent = by_table(table, tmp_path).transmit(payloads, snr_db, seeds)
    drawn = sum(sent.reports)
    lost = [decoded.payloads_lost, drawn.payloads_lost]
    assert stats.fisher_exact([lost, [count - lost[0], count - lost[1]]]).pvalue > 1e-3
    assert 0 < drawn.payloads_lost < count
    assert sent.payloads.count(None) == drawn.payloads_lost
    assert all(got in (None, one) for got, one in zip(sent.payloads, payloads, strict=True))
    for counted in ("payloads", "information_bits", "attempts", "channel_uses"):
        assert getattr(drawn, counted) == getattr(decoded, counted)


def test_retransmissions_are_drawn_as_they_were_counted(tmp_path: Path) -> None:
    """Losses and channel uses of four attempts, at a rate that one attempt never reaches."""
    settings = LinkSettings(code="repetition", rate=0.5, modulation="bpsk", attempts=4)
    snr_db, count = 0.5, 400
    table = BlockErrorTable.measure(Link(settings), [15], [snr_db], max_payloads=800)
    (measured,) = table.counts[1, Link(settings).frame(15).block_bits]
    assert measured.payloads > measured.failed[0] > measured.failed[1] > measured.failed[2]
    seeds = range(5_000, 5_000 + count)
    payloads = random_payloads(15, seeds)
    decoded = Link(settings).transmit(payloads, snr_db, seeds).reports
    drawn = by_table(table, tmp_path).transmit(payloads, snr_db, seeds).reports
    used = [[report.attempts for report in reports] for reports in (decoded, drawn)]
    table_of_attempts = [[ones.count(attempt) for attempt in (1, 2, 3, 4)] for ones in used]
    filled = np.array(table_of_attempts)[:, np.sum(table_of_attempts, axis=0) > 0]
    assert filled.shape[1] > 1
    assert stats.chi2_contingency(filled).pvalue > 1e-3
    one = Link(settings).channel_uses(15)
    assert all(report.channel_uses == report.attempts * one for report in drawn)
    assert all(report.attempts == 4 for report in drawn if report.payloads_lost)


def test_a_drawn_payload_depends_on_its_own_seed_alone(
    table: BlockErrorTable, tmp_path: Path
) -> None:
    link, seeds = by_table(table, tmp_path), range(60)
    payloads = random_payloads(40, seeds)
    together = link.transmit(payloads, 1.0, seeds).payloads
    alone = [link.transmit([payloads[i]], 1.0, [i]).payloads[0] for i in reversed(seeds)]
    assert together == alone[::-1]
    assert None in together


def test_a_higher_snr_saves_payloads_and_loses_none(table: BlockErrorTable) -> None:
    drawn = [table.draw(40, snr, range(500)) for snr in (0.2, 0.9, 1.6)]
    lost = [np.array([attempt is None for attempt in one]) for one in drawn]
    assert lost[0].sum() > lost[1].sum() > lost[2].sum()
    assert not (lost[1] & ~lost[0]).any()
    assert not (lost[2] & ~lost[1]).any()
    assert table.draw(40, 1.0, []) == []


def test_nothing_is_answered_outside_of_what_was_measured(
    table: BlockErrorTable, tmp_path: Path
) -> None:
    link = by_table(table, tmp_path)
    for snr in (-0.01, 2.26):
        with pytest.raises(ValueError, match="measured from 0 to 2"):
            table.block_error_rate(40, snr)
        with pytest.raises(ValueError, match="measured from 0 to 2"):
            table.check_range([1.0, snr])
        with pytest.raises(ValueError, match="measured from 0 to 2"):
            link.transmit([bytes(40)], snr, [1])
    table.check_range(GRID)
    with pytest.raises(ValueError, match="not measured for payloads of 400 bytes"):
        table.block_error_rate(400, 1.0)
    with pytest.raises(ValueError, match=r"not measured for payloads of 300, 400 bytes"):
        link.transmit([bytes(40), bytes(400), bytes(300)], 1.0, [1, 2, 3])


def test_nothing_is_answered_inside_of_a_cliff_that_was_stepped_over() -> None:
    table = BlockErrorTable.measure(Link(), [40], [-2.0, 5.0], max_payloads=32)
    assert table.block_error_rate(40, 5.0) < 0.05
    with pytest.raises(ValueError, match="falls too far to tell what happens at 1 dB"):
        table.block_error_rate(40, 1.0)


def test_a_table_of_another_link_is_refused(table: BlockErrorTable, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"another link \(rate 0.5, not 0.75\): measure one"):
        by_table(table, tmp_path, LinkSettings(rate=0.75))
    elsewhere = table.settings.model_copy(update={"device": "cuda"})
    assert by_table(table, tmp_path, elsewhere).table == table


def test_the_table_is_part_of_what_a_link_is(table: BlockErrorTable, tmp_path: Path) -> None:
    drawn = by_table(table, tmp_path)
    assert not {"block_errors", "block_error_table"} & set(Link().identity())
    assert drawn.identity() == {**Link().identity(), "block_error_table": table.digest}
    more = by_table(table.extended(40, 3.0, max_payloads=32), tmp_path)
    assert more.identity() != drawn.identity()


def test_what_is_measured_is_not_measured_again(table: BlockErrorTable) -> None:
    assert table.extended(41, 0.75) is table
    more = table.extended(40, 1.0, max_payloads=32)
    counts = more.counts[1, Link().frame(40).block_bits]
    assert [count.esn0_db for count in counts] == [0.0, 0.75, 1.0, 1.5, 2.25]


def test_tables_survive_the_disk(table: BlockErrorTable, tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    table.save(path)
    assert BlockErrorTable.load(path) == table
    assert list(tmp_path.iterdir()) == [path]


def frame(*counts: list[float]) -> dict:
    return {"frames": [{"num_blocks": 1, "block_bits": 9, "counts": counts}]}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": "something else"}, "unknown format"),
        ({"frames": [{"num_blocks": 1}]}, "not a block error table"),
        (frame([1, 5, 6], [2, 5, 0]), "more errors than payloads"),
        (frame([1, 5, 1, 2]), "a count for each of 1 attempts"),
        (frame([2, 5, 0], [1, 5, 0]), "must rise"),
        (frame(), "must rise"),
        ({"settings": {"rate": 3}}, "not a block error table"),
        ({"identity": {"revision": 0}}, "measured by another version"),
    ],
)
def test_files_that_are_no_table_are_refused(
    table: BlockErrorTable, tmp_path: Path, change: dict, sentence: str
) -> None:
    path = tmp_path / "table.json"
    table.save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError, match=sentence):
        BlockErrorTable.load(path)


def test_a_table_does_not_name_another_table(table: BlockErrorTable, tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    table.save(path)
    content = json.loads(path.read_text())
    content["settings"]["block_errors"] = str(path)
    path.write_text(json.dumps(content))
    assert BlockErrorTable.load(path).settings.block_errors is None


def test_tables_of_other_links_differ(table: BlockErrorTable) -> None:
    other = BlockErrorTable.measure(Link(LinkSettings(rate=0.75)), [40], GRID[:2], max_payloads=32)
    assert other.identity != table.identity
