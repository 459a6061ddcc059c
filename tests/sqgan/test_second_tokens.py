"""Second tokens on the way: transmitter and receiver, rates, losses, settings."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from semcom.codecs.sqgan.bitstream import owned_cells
from semcom.codecs.sqgan.codec import SqganCodec, SqganSettings
from semcom.codecs.sqgan.networks import Networks
from semcom.codecs.sqgan.rate import WORD
from semcom.codecs.sqgan.residual import SecondTokens, class_worth
from semcom.codecs.sqgan.stages import ResidualEncoder
from semcom.receiver import Generator
from semcom.transmitter import Trace, Transmitter
from tests.sqgan.test_residual import blocks, cells_of, price
from tests.sqgan.tiny import tiny_networks

WITH, WITHOUT = tiny_networks(residual=True), tiny_networks()
SIZE, CELLS = (48, 80), 15
KEEP = {"image": 0.4, "label_map": 0.5}


def scene(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    image = np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    return image, blocks(seed)


def codec(networks: Networks = WITH, size: tuple[int, int] | None = SIZE, **settings) -> SqganCodec:
    made = SqganCodec(SqganSettings(**settings), size)
    made.__dict__["_networks"] = networks
    return made


def bits_of(packets) -> int:
    return 8 * sum(len(p.payload) for p in packets)


@pytest.mark.parametrize("share", [0.1, 0.3, 1.0])
@pytest.mark.parametrize("entropy", ["learned", "raw"])
def test_the_receiver_shows_the_map_that_second_tokens_made_better(share, entropy) -> None:
    image, label_map = scene()
    c = codec(entropy=entropy, residual=True, keep_fraction={**KEEP, "residual": share})
    trace = c.transmitter.trace(image, label_map)
    tokens = trace.tokens["label_map"]
    assert 0 < (tokens.second >= 0).sum() <= round(share * CELLS)
    payloads = [p.payload for p in trace.packets]
    assert np.array_equal(c.receiver.entropy_decoder(payloads)["label_map"].second, tokens.second)
    first = Generator(WITH).label_map(replace(tokens, second=None))
    shown = c.decode(payloads).label_map
    worth = class_worth(label_map, WITH.classes)
    before, after = (price(label_map, m, worth) for m in (first, shown))
    told = tokens.second.ravel() >= 0
    assert (after[told] < before[told]).all()
    assert (cells_of(shown)[~told] == cells_of(first)[~told]).all()


def test_more_second_tokens_leave_less_that_is_wrong() -> None:
    image, label_map = scene(1)
    worth, left = class_worth(label_map, WITH.classes), []
    for share in (0, 0.1, 0.2, 0.4):
        c = codec(keep_fraction={**KEEP, "residual": share})
        payloads = [p.payload for p in c.encode(image, label_map)]
        left.append(price(label_map, c.decode(payloads).label_map, worth).sum())
    assert left == sorted(set(left), reverse=True)


def test_a_padded_picture_has_second_tokens_too() -> None:
    image = np.random.default_rng(2).integers(0, 256, (43, 70, 3), dtype=np.uint8)
    c = codec(size=(43, 70), keep_fraction={**KEEP, "residual": 1.0})
    trace = c.transmitter.trace(image, blocks(2)[:43, :70])
    assert trace.tokens["label_map"].second.shape == (3, 5)
    payloads = [p.payload for p in trace.packets]
    for receiver in (c, codec(size=None)):
        got = receiver.decode(payloads)
        assert got.image.shape == (43, 70, 3)
        assert got.label_map.shape == (43, 70)


def test_a_lost_packet_costs_its_own_second_tokens_and_no_others() -> None:
    image, label_map = scene()
    c = codec(packets={"image": 1, "label_map": 3}, keep_fraction={**KEEP, "residual": 1.0})
    trace = c.transmitter.trace(image, label_map)
    payloads = [p.payload for p in trace.packets]
    sent = trace.tokens["label_map"].second
    for gone in range(3):
        arrived = [None if i == gone else p for i, p in enumerate(payloads)]
        own = owned_cells(sent.shape, gone, 3)
        assert (sent[own] >= 0).any()
        tokens = c.receiver.entropy_decoder(arrived)["label_map"]
        assert np.array_equal(tokens.second, np.where(own, -1, sent))
        first = Generator(WITH).label_map(replace(tokens, second=None))
        shown = c.decode(arrived).label_map
        assert (cells_of(shown)[own.ravel()] == cells_of(first)[own.ravel()]).all()
    nothing = c.receiver.entropy_decoder([None, None, None, payloads[3]])["label_map"]
    assert nothing.second is None
    assert c.decode([None] * 4).image.shape == image.shape


@pytest.mark.parametrize("entropy", ["learned", "raw"])
@pytest.mark.parametrize("packets", [1, 3])
def test_a_rate_is_held_and_what_is_left_goes_to_second_tokens(entropy, packets) -> None:
    """From the least that works to more than there is to send."""
    image, label_map = scene()
    settings = {"entropy": entropy, "packets": {"image": 1, "label_map": packets}}
    with pytest.raises(ValueError, match="one token of each path takes") as refused:
        codec(**settings, bits_per_pixel=1e-3).encode(image, label_map)
    least = int(str(refused.value).split("takes ")[1].split(";")[0])
    told = []
    for bits in (*range(least, 900, 48), 4000):
        c = codec(**settings, residual=True, bits_per_pixel=bits / label_map.size)
        trace = c.transmitter.trace(image, label_map)
        assert bits_of(trace.packets) <= bits
        told.append(second_count(trace))
    assert told[0] == 0
    assert told[-1] == max(told) == len(worth_telling(trace).cells) > 0


def second_count(trace: Trace) -> int:
    second = trace.tokens["label_map"].second
    return 0 if second is None else int((second >= 0).sum())


def worth_telling(trace: Trace) -> SecondTokens:
    """Second tokens for every cell that gains by one."""
    tokens = trace.tokens["label_map"]
    return ResidualEncoder(WITH)(trace.masked, replace(tokens, second=None), tokens.grid.size)


def test_one_second_token_more_would_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (
        "transmitter",
        "codecs.sqgan.rate",
        "codecs.sqgan.stages",
    ):  # 32 codes here, not 512
        monkeypatch.setattr(f"semcom.{module}.SECOND_BITS", 7)
    image = np.random.default_rng(3).integers(0, 256, (64, 128, 3), dtype=np.uint8)
    label_map = np.tile(blocks(3), (2, 2))[:64, :128]
    short = 0
    for bits in range(500, 1100, 50):
        c = codec(size=(64, 128), bits_per_pixel=bits / label_map.size)
        trace = c.transmitter.trace(image, label_map)
        every, count = worth_telling(trace), second_count(trace)
        if count < len(every.cells):
            short += 1
            more = trace.tokens["label_map"].with_second(*every, count + 1)
            packets = c.transmitter.entropy_coder({**trace.tokens, "label_map": more})
            # packets grow by words: less than one of room is not looked at twice
            assert bits_of(packets) > bits or bits_of(trace.packets) > bits - WORD
    assert short > 3


def test_where_bits_are_few_first_tokens_take_them_all() -> None:
    image, label_map = scene()
    with pytest.raises(ValueError, match="one token of each path takes") as refused:
        codec(bits_per_pixel=1e-3).encode(image, label_map)
    least = int(str(refused.value).split("takes ")[1].split(";")[0])
    rate = least / label_map.size
    with_second, without = (
        codec(n, bits_per_pixel=rate).encode(image, label_map) for n in (WITH, WITHOUT)
    )
    assert [p.payload for p in with_second] == [p.payload for p in without]


@pytest.mark.parametrize("settings", [{}, {"bits_per_pixel": 0.2}, {"entropy": "raw"}])
def test_without_second_tokens_the_bytes_are_those_of_a_network_that_has_none(settings) -> None:
    image, label_map = scene()
    with_network, without = (
        codec(n, residual=residual, **settings).encode(image, label_map)
        for n, residual in ((WITH, False), (WITHOUT, None))
    )
    assert with_network == without


def test_left_out_they_are_sent_where_the_map_goes_as_learned_tokens() -> None:
    image, label_map = scene()

    def parts(networks: Networks, **settings) -> dict[str, int]:
        return dict(codec(networks, **settings).encode(image, label_map)[0].bits)

    assert parts(WITH)["second"] > 0
    assert "second" not in parts(WITHOUT)
    assert "second" not in parts(WITH, entropy="raw")  # the paper's own format
    assert "second" not in parts(WITH, map_coding="cheaper")
    assert "second" not in parts(WITH, keep_fraction={**KEEP, "residual": 0})
    raw = parts(WITH, entropy="raw", residual=True, keep_fraction={**KEEP, "residual": 0.2})
    assert raw["second"] == CELLS + 3 * 5  # a flag a cell and 5 bits a code of 32


def test_a_task_moves_second_tokens_to_its_classes() -> None:
    image, label_map = scene(4)
    tokens = {}
    for wanted in (None, 8):
        weights = None if wanted is None else [100.0 if c == wanted else 1.0 for c in range(11)]
        trace = Transmitter(WITH, KEEP, residual=False).trace(image, label_map)
        encoder = ResidualEncoder(WITH, weights)
        tokens[wanted] = encoder(trace.masked, trace.tokens["label_map"], 4).cells
    first = Generator(WITH).label_map(trace.tokens["label_map"])
    held = ((cells_of(label_map) == 8) ^ (cells_of(first) == 8)).sum(1)
    assert held[tokens[8]].sum() > held[tokens[None]].sum()
    # and so does the setting
    shares = {**KEEP, "residual": 0.2}
    usual, cars = (
        codec(task=task, keep_fraction=shares).transmitter.trace(image, label_map)
        for task in (None, {"car": 100.0})
    )
    assert usual.tokens["label_map"].second.shape == cars.tokens["label_map"].second.shape
    assert (usual.tokens["label_map"].second != cars.tokens["label_map"].second).any()


def test_what_cannot_have_second_tokens_says_so() -> None:
    image, label_map = scene()
    asked = codec(WITHOUT, residual=True)
    with pytest.raises(ValueError, match="no second tokens: set residual to false"):
        asked.encode(image, label_map)
    payloads = [p.payload for p in codec(WITH).encode(image, label_map)]
    with pytest.raises(ValueError, match=r"holds second tokens, but .* network has none"):
        codec(WITHOUT).decode(payloads)
    with pytest.raises(ValueError, match="a label map sent as tokens"):
        Transmitter(WITH, KEEP, map_coding="lossless", residual=True)
    trace = codec(WITHOUT).transmitter.trace(image, label_map)
    with pytest.raises(ValueError, match="no second tokens: set residual to false"):
        ResidualEncoder(WITHOUT)(trace.masked, trace.tokens["label_map"], 3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"residual": True, "map_coding": "lossless"}, "residual is for map_coding: tokens"),
        ({"residual": True, "map_coding": "cheaper"}, "residual is for map_coding: tokens"),
        ({"residual": False, "keep_fraction": {"residual": 0.2}}, "residual: false"),
        ({"entropy": "raw", "keep_fraction": {"residual": 0.2}}, "entropy: raw"),
        ({"map_coding": "lossless", "keep_fraction": {"residual": 0.2}}, "map_coding: lossless"),
        ({"bits_per_pixel": 0.1, "keep_fraction": {"residual": 0.2}}, "not both"),
        ({"keep_fraction": {"residual": -0.1}}, "greater than or equal to 0"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, message) -> None:
    with pytest.raises(ValidationError, match=message):
        SqganSettings(**settings)


@pytest.mark.parametrize("residual", [None, True, False])
def test_settings_survive_a_file_and_name_results(residual) -> None:
    once = SqganSettings(residual=residual)
    assert SqganSettings.model_validate_json(once.model_dump_json()) == once
    named = codec(residual=residual).identity()
    assert named.get("residual", "left out") == ("left out" if residual is None else residual)
