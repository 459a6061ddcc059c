"""Measured error rates: intervals that cover, rules that stop, cliffs that are found."""

import numpy as np
import pytest
from scipy import stats

from channels import Link, LinkSettings
from channels.curves import find_cliff, measure, references, sweep, wilson
from channels.limits import normal_approximation_esn0
from channels.plots import plot_block_error_rates


@pytest.mark.parametrize("probability", [0.003, 0.1, 0.5, 0.95])
def test_intervals_cover_the_truth_as_often_as_they_say(probability: float) -> None:
    errors = np.random.default_rng(1).binomial(1000, probability, size=2000)
    ends = [wilson(int(count), 1000) for count in errors]
    covered = np.mean([low <= probability <= high for low, high in ends])
    assert covered == pytest.approx(0.95, abs=0.025)


def test_interval_equals_the_reference_implementation() -> None:
    for errors, trials in ((0, 50), (3, 50), (50, 50), (100, 12_345)):
        expected = stats.binomtest(errors, trials).proportion_ci(method="wilson")
        assert wilson(errors, trials) == pytest.approx((expected.low, expected.high), abs=1e-4)


@pytest.mark.parametrize(("errors", "trials"), [(1, 0), (-1, 5), (6, 5)])
def test_impossible_counts_are_refused(errors: int, trials: int) -> None:
    with pytest.raises(ValueError, match="not a measurement"):
        wilson(errors, trials)


def test_measuring_stops_by_its_rules() -> None:
    link = Link()
    hopeless = measure(link, 20, -8.0, max_errors=20, max_payloads=5000)
    assert hopeless.report.payloads == hopeless.errors == 32
    perfect = measure(link, 20, 8.0, max_errors=20, max_payloads=100)
    assert perfect.report.payloads == 100
    assert perfect.errors == 0
    assert perfect.block_error_rate == 0
    assert 0.01 < perfect.interval[1] < 0.05


def test_points_carry_counts_and_their_rates() -> None:
    point = measure(Link(), 60, 1.0, max_errors=30, max_payloads=200)
    row = point.row()
    assert row["payloads"] == point.report.payloads
    assert row["block_error_rate"] == row["payloads_lost"] / row["payloads"]
    assert row["block_error_rate_low"] < row["block_error_rate"] < row["block_error_rate_high"]
    assert row["bit_error_rate"] == point.report.bit_errors / (480 * point.report.payloads)
    assert measure(Link(), 60, 1.0, max_errors=30, max_payloads=200) == point


def test_the_cliff_is_where_theory_expects_it() -> None:
    link = Link(LinkSettings(rate=0.5))
    cliff = find_cliff(link, 40, low=0.01, resolution_db=0.25)
    snr = [point.esn0_db for point in cliff.points]
    rates = [point.block_error_rate for point in cliff.points]
    assert snr == sorted(snr)
    assert rates[0] >= 0.9
    assert rates[-1] <= 0.01
    on_slope = [b - a for a, b, high, low in zip(snr, snr[1:], rates, rates[1:], strict=False)
                if high > 0.01 and low < 0.9]  # fmt: skip
    assert max(on_slope) <= 0.26
    limits = references(link, 40)
    assert limits is not None
    best = normal_approximation_esn0("qpsk", limits.information_bits, limits.channel_uses, 0.01)
    assert best < cliff.esn0_db(0.01) < best + 1.5
    assert 0.3 < cliff.width_db < 3
    assert cliff.esn0_db(0.9) < cliff.esn0_db(0.1) < cliff.esn0_db(0.01)
    with pytest.raises(ValueError, match="do not pass 1e-06"):
        cliff.esn0_db(1e-6)


def test_fading_has_a_slope_instead_of_a_cliff() -> None:
    link = Link(LinkSettings(rate=0.5, channel="rayleigh"))
    cliff = find_cliff(link, 40, low=0.02, resolution_db=2.0)
    # one decade of outage per 10 dB
    distance = cliff.esn0_db(0.02) - cliff.esn0_db(0.2)
    expected = 10 * np.log10(np.log(1 - 0.2) / np.log(1 - 0.02))
    assert distance == pytest.approx(expected, abs=3.0)
    assert references(link, 40) is None


def test_limits_of_several_blocks_add_up() -> None:
    link = Link(LinkSettings(rate=0.5))
    one, three = references(link, 1000), references(link, 3000)
    assert one is not None
    assert three is not None
    assert (one.num_blocks, three.num_blocks) == (1, 3)
    assert one.shannon_db < one.constrained_db
    assert three.block_error_rate(0.3) > one.block_error_rate(0.3)


@pytest.mark.parametrize("combining", ["chase", "ir"])
def test_no_number_of_attempts_beats_what_all_of_them_together_could_do(combining: str) -> None:
    link = Link(LinkSettings(attempts=4, combining=combining))
    limits = references(link, 40)
    assert limits is not None
    assert limits.channel_uses == 4 * link.channel_uses(40)
    snr_db = normal_approximation_esn0("qpsk", limits.information_bits, limits.channel_uses, 0.5)
    point = measure(link, 40, snr_db, max_errors=30, max_payloads=32)
    assert point.interval[1] > limits.block_error_rate(snr_db)
    # while one attempt alone could do nothing here
    alone = references(Link(), 40)
    assert alone is not None
    assert snr_db < alone.shannon_db


def test_the_figure_shows_curves_bounds_and_limits() -> None:
    link = Link()
    points = sweep(link, 40, [-1.0, 1.5, 6.0], max_errors=10, max_payloads=64)
    for against in ("esn0_db", "ebn0_db"):
        figure = plot_block_error_rates(
            {"LDPC": points}, limits=references(link, 40), against=against, title="QPSK"
        )
        labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
        assert "LDPC" in labels
        assert "no error: 95 % bound" in labels
        assert {"Shannon limit", "limit of qpsk", "normal approximation"} <= set(labels)
    with pytest.raises(ValueError, match="not 'snr'"):
        plot_block_error_rates({"LDPC": points}, against="snr")
