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


def test_counts_are_kept_by_frame(table: BlockErrorTable) -> None:
    frame = Link().frame(40)
    # 40 and 41 bytes fill the same transport block
    assert list(table.counts) == [(1, frame.block_bits)]
    for count in table.counts[1, frame.block_bits]:
        assert 0 <= count.errors <= count.payloads <= 256


def test_drawn_losses_agree_with_full_decoding(table: BlockErrorTable) -> None:
    """Between measured points and with other payloads and seeds than those of the table."""
    snr_db, count = 1.1, 300
    seeds = range(10_000, 10_000 + count)
    payloads = [np.random.default_rng(seed).bytes(40) for seed in seeds]
    decoded = sum(Link().transmit(payloads, snr_db, seeds).reports).payloads_lost
    drawn = sum(table.draw(40, snr_db, seeds))
    test = stats.fisher_exact([[decoded, count - decoded], [drawn, count - drawn]])
    assert test.pvalue > 1e-3
    assert 0 < drawn < count


def test_a_higher_snr_saves_payloads_and_loses_none(table: BlockErrorTable) -> None:
    lost = [np.array(table.draw(40, snr, range(500))) for snr in (0.2, 0.9, 1.6)]
    assert not (lost[1] & ~lost[0]).any()
    assert not (lost[2] & ~lost[1]).any()
    assert table.draw(40, 1.0, []) == []


def test_nothing_is_answered_outside_of_what_was_measured(table: BlockErrorTable) -> None:
    for snr in (-0.01, 2.26):
        with pytest.raises(ValueError, match="measured from 0 to 2"):
            table.block_error_rate(40, snr)
    with pytest.raises(ValueError, match="not measured for payloads of 400 bytes"):
        table.block_error_rate(400, 1.0)
    with pytest.raises(ValueError, match="two different values"):
        BlockErrorTable.measure(Link(), [40], [1.0])


def test_tables_survive_the_disk(table: BlockErrorTable, tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    table.save(path)
    assert BlockErrorTable.load(path) == table
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": "something else"}, "unknown format"),
        ({"frames": [{"num_blocks": 1}]}, "not a block error table"),
        ({"frames": [{"num_blocks": 1, "block_bits": 9, "counts": [[1, 5, 6], [2, 5, 0]]}]},
         "more errors than payloads"),
        ({"frames": [{"num_blocks": 1, "block_bits": 9, "counts": [[2, 5, 0], [1, 5, 0]]}]},
         "must rise"),
        ({"settings": {"rate": 3}}, "not a block error table"),
        ({"identity": {"revision": 0}}, "measured by another version"),
    ],
)  # fmt: skip
def test_files_that_are_no_table_are_refused(
    table: BlockErrorTable, tmp_path: Path, change: dict, sentence: str
) -> None:
    path = tmp_path / "table.json"
    table.save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError, match=sentence):
        BlockErrorTable.load(path)


def test_tables_of_other_links_differ(table: BlockErrorTable) -> None:
    other = BlockErrorTable.measure(Link(LinkSettings(rate=0.75)), [40], GRID[:2], max_payloads=32)
    assert other.identity != table.identity
