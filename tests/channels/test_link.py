"""The link: bit-exact or lost, never right of itself by accident, and never better than theory."""

import json
import subprocess
import sys
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats

from channels import CHANNELS, CODES, MODULATIONS, Link, LinkReport, LinkSettings
from channels.limits import normal_approximation, normal_approximation_esn0


def _payloads(count: int, size: int) -> list[bytes]:
    rng = np.random.default_rng(size)
    return [rng.bytes(size) for _ in range(count)]


@settings(max_examples=80, deadline=None)
@given(
    payload=st.binary(max_size=1200),
    rate=st.sampled_from([0.1, 0.2, 0.25, 0.3, 1 / 3, 0.5, 0.67, 0.75, 0.93]),
    modulation=st.sampled_from(sorted(MODULATIONS)),
    channel=st.sampled_from(["awgn", "rayleigh", "rician"]),
    graph=st.sampled_from(["auto", "bg1", "bg2"]),
)
def test_without_noise_worth_mentioning_everything_arrives(
    payload: bytes, rate: float, modulation: str, channel: str, graph: str
) -> None:
    if (graph == "bg1" and rate < 1 / 3) or (graph == "bg2" and rate > 0.9):
        graph = "auto"
    link = Link(LinkSettings(rate=rate, modulation=modulation, channel=channel, base_graph=graph))
    result = link.transmit([payload], esn0_db=80.0, seeds=[3])
    assert result.payloads == [payload]
    report = result.reports[0]
    assert report.channel_uses == link.channel_uses(len(payload))
    assert report.bit_errors == report.block_errors == report.payloads_lost == 0


@pytest.mark.parametrize("size", [0, 1, 2, 467, 477, 478, 1053, 1054, 65_536])
@pytest.mark.parametrize("rate", [0.2, 0.5, 0.9])
def test_payloads_of_any_size_cross(size: int, rate: float) -> None:
    payload = _payloads(1, size)[0]
    link = Link(LinkSettings(rate=rate, modulation="64qam"))
    assert link.transmit([payload], esn0_db=40.0, seeds=[0]).payloads == [payload]


def test_far_below_capacity_everything_is_lost_and_nothing_is_invented() -> None:
    result = Link().transmit(_payloads(20, 60), esn0_db=-10.0, seeds=range(20))
    total = sum(result.reports)
    assert result.payloads == [None] * 20
    assert total.payloads_lost == total.block_errors == 20
    assert total.undetected == 0
    assert 0.1 < total.bit_errors / total.information_bits < 0.5


def test_the_bit_budget_adds_up() -> None:
    for settings_ in (LinkSettings(), LinkSettings(rate=0.75, modulation="64qam")):
        link = Link(settings_)
        for size in (0, 1, 100, 5000):
            budget = link.bit_budget(size)
            coded = link.channel_uses(size) * settings_.bits_per_symbol
            assert sum(budget.values()) == coded
            assert budget["payload"] == 8 * size
            information = coded - budget["parity"]
            assert information / coded == pytest.approx(
                settings_.rate, abs=2 * settings_.bits_per_symbol / coded
            )


def test_energy_per_bit_counts_every_channel_use() -> None:
    link = Link(LinkSettings(rate=0.5, modulation="qpsk"))
    uses = link.channel_uses(1000)
    assert link.ebn0_db(3.0, 1000) == pytest.approx(3.0 + 10 * np.log10(uses / 8000))
    assert link.ebn0_db(3.0, 1000) > 3.0
    with pytest.raises(ValueError, match="empty payload"):
        link.ebn0_db(3.0, 0)


def test_results_depend_on_neither_batch_nor_order() -> None:
    link = Link(LinkSettings(rate=0.5, modulation="16qam", channel="rayleigh"))
    sizes = [0, 40, 40, 300, 40, 1300, 300, 41]
    payloads = [_payloads(9, size)[i] for i, size in enumerate(sizes)]
    snr = [7.0, 5.3, 5.5, 5.0, 5.2, 8.0, 5.6, 6.0]
    seeds = [11, 12, 13, 14, 15, 2**63, 17, 18]
    together = link.transmit(payloads, snr, seeds)
    for i in range(len(payloads)):
        alone = link.transmit([payloads[i]], snr[i], [seeds[i]])
        assert alone.payloads[0] == together.payloads[i]
        assert alone.reports[0] == together.reports[i]
    backwards = link.transmit(payloads[::-1], snr[::-1], seeds[::-1])
    assert backwards.payloads == together.payloads[::-1]
    assert backwards.reports == together.reports[::-1]


def test_memory_bound_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    payloads = _payloads(9, 50)
    link = Link()
    whole = link.transmit(payloads, 0.4, range(9))
    monkeypatch.setattr("channels.link._CODED_BITS_AT_ONCE", 1)
    assert link.transmit(payloads, 0.4, range(9)) == whole


def test_the_same_seed_meets_the_same_errors() -> None:
    link = Link()
    first, second, other = (link.transmit(_payloads(1, 60), -2.0, [s]) for s in (5, 5, 6))
    assert first == second
    assert first.reports[0].bit_errors != other.reports[0].bit_errors


def test_reports_add_up_to_what_was_sent() -> None:
    link = Link(LinkSettings(rate=0.5))
    payloads = _payloads(30, 100)
    result = link.transmit(payloads, 0.9, range(30))
    total = sum(result.reports)
    assert total.payloads == 30
    assert total.payloads_lost == result.payloads.count(None)
    assert 0 < total.payloads_lost < 30
    assert total.information_bits == 30 * 800
    assert total.code_blocks == 30
    assert total.channel_uses == 30 * link.channel_uses(100)
    for field in fields(LinkReport):
        parts = [getattr(report, field.name) for report in result.reports]
        assert getattr(total, field.name) == sum(parts)
    for payload, received, report in zip(payloads, result.payloads, result.reports, strict=True):
        assert received in (None, payload)
        assert (report.payloads_lost == 1) == (received is None) == (report.block_errors > 0)


def test_a_long_payload_is_lost_with_any_of_its_blocks() -> None:
    link = Link(LinkSettings(rate=0.5))
    result = link.transmit(_payloads(12, 3000), 1.0, range(12))
    for received, report in zip(result.payloads, result.reports, strict=True):
        assert report.code_blocks == 3
        assert (received is None) == (report.block_errors > 0)
    assert any(0 < report.block_errors < 3 for report in result.reports)


def test_wrong_bytes_that_pass_every_crc_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CRC that accepts everything lets errors through; the report tells."""
    from channels import link as link_module

    def trusting_join(blocks: np.ndarray, frame: object) -> bytes:
        return np.packbits(blocks[0][:80]).tobytes()

    monkeypatch.setattr(link_module, "join", trusting_join)
    result = Link().transmit([b"0123456789"] * 2, [-8.0, 30.0], [1, 2])
    assert [report.undetected for report in result.reports] == [1, 0]
    assert result.payloads[0] not in (None, b"0123456789")
    assert sum(result.reports).payloads_lost == 0


def test_nothing_sent_is_nothing_received() -> None:
    result = Link().transmit([], 3.0, [])
    assert result.payloads == []
    assert result.reports == []


@pytest.mark.parametrize(
    ("size", "rate", "modulation"),
    [(100, 0.5, "qpsk"), (100, 0.75, "16qam"), (60, 0.3, "bpsk"), (100, 0.6, "64qam")],
)
def test_block_errors_respect_the_normal_approximation(
    size: int, rate: float, modulation: str
) -> None:
    """No code beats the finite-length limit, and this one comes within 1.5 dB of it."""
    link = Link(LinkSettings(rate=rate, modulation=modulation, decoder_iterations=50))
    uses = link.channel_uses(size)
    budget = link.bit_budget(size)
    information = sum(budget.values()) - budget["parity"]
    limit_db = normal_approximation_esn0(modulation, information, uses, 1e-2)
    payloads = _payloads(200, size)
    for distance_db in (-0.4, 0.2):
        lost = sum(link.transmit(payloads, limit_db + distance_db, range(200)).reports)
        best = normal_approximation(modulation, limit_db + distance_db, information, uses)
        assert stats.binomtest(lost.block_errors, 200, best, "less").pvalue > 1e-4
    near = sum(link.transmit(payloads, limit_db + 1.5, range(200)).reports)
    assert stats.binomtest(near.block_errors, 200, 1e-2, "greater").pvalue > 1e-3


def test_rayleigh_fading_loses_what_outage_predicts() -> None:
    """P(lost) is P(momentary SNR below the cliff), 1 - exp(-cliff / mean SNR)."""
    link = Link(LinkSettings(rate=0.5, modulation="qpsk", channel="rayleigh"))
    cliff_db = 1.4
    payloads = _payloads(600, 100)
    for mean_db in (5.0, 15.0):
        lost = sum(link.transmit(payloads, mean_db, range(600)).reports).payloads_lost
        outage = 1 - np.exp(-(10 ** ((cliff_db - mean_db) / 10)))
        assert stats.binomtest(lost, 600, outage).pvalue > 1e-4


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"code": "ldcp"}, "unknown code 'ldcp': choose one of uncoded, rep"),
        ({"modulation": "8psk"}, "unknown modulation '8psk'"),
        ({"channel": "rice"}, "unknown channel 'rice'"),
        ({"rate": 0.05}, "rate 0.05 is outside what code 'ldpc' reaches"),
        ({"rate": 0.95}, "choose a rate from 0.1 to 0.93"),
        ({"rate": 0.25, "base_graph": "bg1"}, "below the rate 1/3 of base_graph 'bg1'"),
        ({"rate": 0.93, "base_graph": "bg2"}, "above the rate 0.9"),
        ({"code": "convolutional", "rate": 0.75}, "choose one of 0.5, 0.3333"),
        ({"code": "uncoded", "rate": 0.5}, "code 'uncoded' does not have rate 0.5"),
        ({"code": "polar", "list_size": 3}, "list_size 3 is not one of"),
        ({"list_size": 8}, "list_size does not concern code 'ldpc'"),
        ({"code": "polar", "base_graph": "bg1"}, "base_graph does not concern code 'polar'"),
        ({"rician_k_db": 3.0}, "rician_k_db does not concern channel 'awgn'"),
        ({"ofdm": {}}, "ofdm does not concern channel 'awgn'"),
        ({"channel": "bsc", "modulation": "qpsk"}, "carries one bit at a time"),
        ({"channel": "tdl-a", "ofdm": {"delay_spread_ns": 400}}, "past the cyclic prefix"),
        ({"combining": "chase"}, "raise attempts"),
        ({"code": "turbo", "attempts": 2, "combining": "ir"}, "no redundancy versions"),
        ({"channel": "ray_traced", "block_errors": "t.json"}, "one error rate for a whole drive"),
        ({"device": "gpu"}, "unknown device 'gpu': choose cpu, cuda or cuda:N"),
        ({"rates": 0.5}, "Extra inputs are not permitted"),
    ],
)
def test_settings_that_cannot_work_are_refused_by_name(wrong: dict, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence.replace("(", r"\(")):
        LinkSettings(**wrong)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([b"a"], [1.0, 2.0], [1]), "2 values of esn0_db for 1 payloads"),
        (([b"a"], 1.0, [1, 2]), "2 seeds for 1 payloads"),
        (([b"a"], float("nan"), [1]), "finite"),
        (([b"a"], 1.0, [-1]), "not be negative"),
        ((b"a", 1.0, [1]), "sequence of bytes"),
    ],
)
def test_calls_that_make_no_sense_are_refused(arguments: tuple, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Link().transmit(*arguments)


@pytest.mark.parametrize(("there", "wanted"), [(0, "cuda"), (1, "cuda:1")])
def test_a_missing_device_is_said_in_a_sentence(
    there: int, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: there)
    link = Link(LinkSettings(device=wanted))
    assert link.channel_uses(100) == Link().channel_uses(100)
    with pytest.raises(ValueError, match=f"device '{wanted}' is not available here"):
        link.transmit([b"a"], 5.0, [1])


@pytest.mark.gpu
def test_a_gpu_receives_what_the_cpu_receives() -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    payloads = _payloads(20, 300)
    for channel in ("awgn", "rayleigh", "tdl-a"):
        cpu, gpu = (
            Link(LinkSettings(channel=channel, device=device)).transmit(payloads, 12.0, range(20))
            for device in ("cpu", "cuda")
        )
        assert gpu.payloads == cpu.payloads


def test_the_identity_names_all_that_changes_the_answer() -> None:
    one, other = Link(LinkSettings()), Link(LinkSettings(rate=0.6))
    assert one.identity() != other.identity()
    assert json.loads(json.dumps(one.identity())) == one.identity()
    assert "sionna" in one.identity()


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_channel_model_works_and_has_a_line(channel: str) -> None:
    assert CHANNELS[channel]
    payloads = [bytes(range(40))] * 2
    link = Link(LinkSettings(channel=channel))
    assert link.transmit(payloads, 50.0, [1, 2]).payloads == payloads
    below_capacity = sum(link.transmit(payloads, -25.0, [1, 2]).reports)
    assert below_capacity.payloads_lost == 2


@pytest.mark.parametrize("code", CODES)
def test_every_code_works_and_has_a_line(code: str) -> None:
    assert CODES[code]
    payloads = [b"x", bytes(range(11))]
    link = Link(LinkSettings(code=code, modulation="64qam"))
    result = link.transmit(payloads, 50.0, [1, 2])
    assert result.payloads == payloads
    assert sum(result.reports).iterations >= 2
    assert link.transmit(payloads, -25.0, [1, 2]).payloads == [None, None]


def test_importing_the_package_is_light() -> None:
    program = (
        "import sys, channels; channels.Link().bit_budget(10);"
        "print(sorted({'torch', 'sionna', 'scipy', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_retransmissions_save_payloads_and_are_paid_for() -> None:
    payloads = _payloads(40, 100)
    snr_db = -2.6
    once, chase, incremental = (
        Link(LinkSettings(rate=0.5, **how)).transmit(payloads, snr_db, range(40))
        for how in ({}, {"attempts": 3, "combining": "chase"}, {"attempts": 3})
    )
    uses = Link(LinkSettings(rate=0.5)).channel_uses(100)
    assert sum(once.reports).payloads_lost == 40
    for result in (chase, incremental):
        total = sum(result.reports)
        assert total.payloads_lost < 4
        assert 40 < total.attempts <= 120
        assert total.channel_uses == total.attempts * uses
    # new parity is worth more than the same bits again
    assert sum(incremental.reports).attempts < sum(chase.reports).attempts


def test_two_attempts_are_worth_twice_the_energy_and_new_parity_more() -> None:
    """Chase combining at half the SNR loses what one attempt loses (Chase 1985)."""
    count, snr_db = 240, 3.0
    payloads = _payloads(count, 40)

    def lost(snr_db: float, **how: object) -> int:
        link = Link(LinkSettings(rate=0.67, **how))
        return sum(link.transmit(payloads, snr_db, range(count)).reports).payloads_lost

    half = snr_db - 10 * np.log10(2)
    once, chase = lost(snr_db), lost(half, attempts=2, combining="chase")
    assert 0.1 * count < once < 0.95 * count
    assert stats.fisher_exact([[once, count - once], [chase, count - chase]]).pvalue > 1e-3
    assert lost(half) == count
    assert lost(half, attempts=2, combining="ir") < 0.5 * chase


def test_every_attempt_meets_its_own_fading() -> None:
    payloads = _payloads(300, 100)
    settings = {"rate": 0.5, "channel": "rayleigh", "code": "ldpc"}
    once = sum(Link(LinkSettings(**settings)).transmit(payloads, 5.0, range(300)).reports)
    twice = sum(
        Link(LinkSettings(**settings, attempts=2)).transmit(payloads, 5.0, range(300)).reports
    )
    # two independent chances, and their sum on top
    assert twice.payloads_lost < 300 * (once.payloads_lost / 300) ** 2 + 15
    assert twice.payloads_lost > 0
