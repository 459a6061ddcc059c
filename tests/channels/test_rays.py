"""Links along a drive: ray-traced paths against theory, kept drives, refusals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from channels import Link, LinkSettings
from channels.drives import DRIVES, Drive, load_drive
from channels.ofdm import OfdmChannel
from channels.rays import RayTraced
from channels.settings import OFDM_SYMBOLS

SMALL = {"size": 24}


def made_up(amplitudes: list[list[complex]], **changes: object) -> Drive:
    """A drive with these paths [F, P], 100 ns apart, over which the car goes at 10 m/s."""
    a = np.array(amplitudes, np.complex64)
    count, paths = a.shape
    metres = 5.0 * np.arange(count)
    drive = Drive(
        names=tuple(f"place {number}" for number in range(count)),
        metres=metres,
        positions=np.stack([metres, 0 * metres, 0 * metres + 1.5], axis=1),
        amplitudes=a,
        delays=np.where(a != 0, 3e-7 + 1e-7 * np.arange(paths), 0.0),
        dopplers=np.where(a != 0, np.linspace(-90.0, 110.0, paths), 0.0),
        speed=10.0,
        carrier_hz=3.5e9,
    )
    return replace(drive, **changes)  # type: ignore[arg-type]


@pytest.fixture
def rich(tmp_path: Path) -> str:
    """File of a drive whose second position has 20 dB less than its first."""
    path = tmp_path / "rich.safetensors"
    made_up([[1e-4, 8e-5j, 5e-5, 2e-5], [1e-5, 8e-6, 5e-6j, 2e-6]]).save(path)
    return str(path)


def test_one_path_is_white_noise_with_the_gain_of_the_position(tmp_path: Path) -> None:
    drive = made_up([[1e-4], [1e-6j]])
    drive.save(tmp_path / "one.safetensors")
    np.testing.assert_allclose(drive.gains_db, [3.01, -36.99], atol=0.01)
    grid = {**SMALL, "estimation": "perfect", "speed": 0.0}
    link = LinkSettings(
        channel="ray_traced", drive=str(tmp_path / "one.safetensors"), position="place 0", ofdm=grid
    )
    bits = torch.from_numpy(np.random.default_rng(0).integers(0, 2, (40, 480), np.uint8))
    snr = torch.full((40,), 2.0, dtype=torch.float64)
    path = OfdmChannel(link)
    response = path.multipath.frequency_response(range(40), 2)
    torch.testing.assert_close(response.abs(), torch.ones_like(response.abs()))
    soft = path.send(bits, snr, range(40), 0)
    # the sign of a soft bit of QPSK is wrong with probability Q(sqrt(Es/N0))
    esn0 = 10 ** ((2.0 + drive.gains_db[0]) / 10)
    wrong = float(((soft > 0) != bits.bool()).double().mean())
    expected = 0.5 * float(torch.erfc(torch.tensor((esn0 / 2) ** 0.5)))
    assert wrong == pytest.approx(expected, abs=4.5 * (expected / bits.numel()) ** 0.5)


@pytest.mark.parametrize("position", ["place 0", "place 1"])
def test_energy_is_conserved_from_the_paths_to_the_resource_elements(
    rich: str, position: str
) -> None:
    rays = RayTraced(LinkSettings(channel="ray_traced", drive=rich, position=position, ofdm=SMALL))
    response = rays.frequency_response(range(2000), slots=1).reshape(2000, -1).numpy()
    energy = (np.abs(response) ** 2).mean(1)
    assert energy.mean() == pytest.approx(1.0, abs=float(4.5 * energy.std() / 2000**0.5))


def test_gains_are_those_of_the_drive_and_their_powers_have_mean_one(rich: str) -> None:
    drive = load_drive(rich)
    rays = RayTraced(LinkSettings(channel="ray_traced", drive=rich))
    gains = rays.gains_db([0, 0], ["place 0", "place 1"]).numpy()
    np.testing.assert_allclose(gains, drive.gains_db, atol=1e-5)
    assert (10 ** (gains / 10)).mean() == pytest.approx(1.0)
    assert gains[0] - gains[1] == pytest.approx(20.0, abs=1e-3)


def test_the_channel_has_the_covariance_that_the_estimator_assumes(rich: str) -> None:
    rays = RayTraced(LinkSettings(channel="ray_traced", drive=rich, ofdm=SMALL))
    count = 600
    response = rays.frequency_response(range(count), slots=1).reshape(count, -1).numpy()
    assumed = rays.covariance()
    np.testing.assert_allclose(assumed, assumed.conj().T, atol=1e-12)
    np.testing.assert_allclose(assumed.diagonal(), 1.0)
    measured = response.T @ response.conj() / count
    assert np.abs(measured - assumed).max() < 5 / np.sqrt(count)


def test_the_response_is_that_of_sionna_for_the_same_taps(rich: str) -> None:
    from sionna.phy.channel import cir_to_ofdm_channel

    rays = RayTraced(LinkSettings(channel="ray_traced", drive=rich, position="place 0", ofdm=SMALL))
    ours = rays.frequency_response([5], slots=1)[0, 0, 0, 0]
    # the taps of this payload, from its response: one unknown per path and symbol
    hertz = (torch.arange(24, dtype=torch.float64) - 12) * 30e3
    delays = torch.arange(4, dtype=torch.float64) * 1e-7
    steering = torch.polar(
        torch.ones(24, 4, dtype=torch.float64), -2 * np.pi * hertz[:, None] * delays
    )
    taps = torch.linalg.lstsq(steering, ours.to(torch.complex128).T).solution
    expected = torch.tensor([1.0, 0.8, 0.5, 0.2], dtype=torch.float64)
    size = expected / expected.square().sum().sqrt()
    torch.testing.assert_close(taps.abs(), size[:, None].expand(4, 14), atol=1e-3, rtol=0)
    theirs = cir_to_ofdm_channel(
        hertz.float(), taps.to(torch.complex64)[None, None, None, None, None],
        delays.float()[None, None, None],
    )  # fmt: skip
    torch.testing.assert_close(theirs.reshape(14, 24), ours, atol=1e-3, rtol=0)


def test_paths_turn_with_the_speed_of_the_car(tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    made_up([[1.0], [1.0]], dopplers=np.full((2, 1), 100.0)).save(path)
    for speed, hertz in ((10.0, 100.0), (25.0, 250.0), (0.0, 0.0)):
        grid = {**SMALL, "speed": speed}
        rays = RayTraced(LinkSettings(channel="ray_traced", drive=str(path), ofdm=grid))
        one = rays.frequency_response([1], slots=2).reshape(2 * OFDM_SYMBOLS, -1)[:, 0]
        turn = torch.angle(one[1:] / one[:-1]) / (2 * np.pi * rays.grid.symbol_seconds)
        np.testing.assert_allclose(turn.numpy(), hertz, atol=0.5)


def test_near_positions_arrive_and_far_ones_are_lost(rich: str) -> None:
    payloads = [bytes(range(60))] * 12
    for estimation in ("perfect", "ls", "wiener"):
        link = Link(LinkSettings(channel="ray_traced", drive=rich, ofdm={"estimation": estimation}))
        names = ["place 0", "place 1"] * 6
        sent = link.transmit(payloads, 12.0, range(12), names)
        arrived = [payload is not None for payload in sent.payloads]
        assert sum(arrived[::2]) >= 5
        assert not any(arrived[1::2])


def test_what_a_position_does_is_the_same_in_every_company(rich: str) -> None:
    link = Link(LinkSettings(channel="ray_traced", drive=rich, ofdm=SMALL, attempts=2))
    payloads = [bytes(range(50 + number % 2)) for number in range(8)]
    names = [f"place {number // 2 % 2}" for number in range(8)]
    together = link.transmit(payloads, 2.0, range(8), names)
    for i in (5, 0, 6):
        fixed = Link(link.settings.model_copy(update={"position": names[i]}))
        for alone in (
            link.transmit([payloads[i]], 2.0, [i], [names[i]]),
            fixed.transmit([payloads[i]], 2.0, [i]),
        ):
            assert alone.payloads == [together.payloads[i]]
            assert alone.reports == [together.reports[i]]


def test_without_a_name_the_seed_draws_a_position(rich: str) -> None:
    rays = RayTraced(LinkSettings(channel="ray_traced", drive=rich))
    gains = rays.gains_db(range(400)).numpy()
    near = (gains > 0).mean()
    assert 0.4 < near < 0.6
    np.testing.assert_array_equal(rays.gains_db([7, 3]).numpy(), gains[[7, 3]])


def test_a_position_that_no_path_reaches_receives_noise_alone(tmp_path: Path) -> None:
    made_up([[1.0, 0.5], [0.0, 0.0]]).save(tmp_path / "gap.safetensors")
    assert load_drive(str(tmp_path / "gap.safetensors")).gains_db[1] == -np.inf
    for estimation in ("perfect", "ls", "wiener"):
        link = Link(
            LinkSettings(
                channel="ray_traced", drive=str(tmp_path / "gap.safetensors"),
                ofdm={"estimation": estimation},
            )
        )  # fmt: skip
        sent = link.transmit([b"word"] * 2, 60.0, [1, 2], ["place 0", "place 1"])
        assert sent.payloads == [b"word", None]
        assert sent.reports[1].undetected == 0


def test_a_drive_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    way = np.arange(6.0).reshape(2, 3)
    drive = made_up([[1e-4, 0.0], [1e-5, 1e-6j]], source={"scene": "here"}, metres=way[:, 1])
    drive.save(tmp_path / "one.safetensors")
    again = Drive.load(tmp_path / "one.safetensors")
    assert again.names == drive.names
    assert (again.speed, again.carrier_hz, again.source) == (10.0, 3.5e9, {"scene": "here"})
    for name in ("metres", "positions", "amplitudes", "delays", "dopplers"):
        np.testing.assert_array_equal(getattr(again, name), getattr(drive, name))
    assert again.digest() == drive.digest()
    assert list(tmp_path.iterdir()) == [tmp_path / "one.safetensors"]


def test_the_digest_names_all_that_changes_a_channel(rich: str) -> None:
    drive = load_drive(rich)
    changed = [
        replace(drive, amplitudes=2 * drive.amplitudes),
        replace(drive, delays=2 * drive.delays),
        replace(drive, dopplers=2 * drive.dopplers),
        replace(drive, speed=11.0),
        replace(drive, carrier_hz=3.6e9),
        replace(drive, names=("a", "b")),
    ]
    assert len({drive.digest(), *(other.digest() for other in changed)}) == 1 + len(changed)
    assert replace(drive, source={"scene": "elsewhere"}).digest() == drive.digest()
    assert (
        Link(LinkSettings(channel="ray_traced", drive=rich)).identity()["drive"] == drive.digest()
    )
    assert not {"drive", "position"} & Link().identity().keys()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"names": ("a", "a")}, "names of their own"),
        ({"names": ("a", "b", "c")}, "do not fit 3 positions"),
        ({"delays": np.zeros((2, 3))}, "different numbers of paths"),
        ({"dopplers": np.full((2, 2), np.nan)}, "dopplers do not fit"),
        ({"amplitudes": np.zeros((2, 2), np.complex64)}, "none of its positions is reached"),
        ({"speed": 0.0}, "above 0"),
        ({"carrier_hz": float("inf")}, "above 0"),
    ],
)
def test_files_that_are_no_drive_are_refused(
    tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    replace(made_up([[1.0, 0.5], [0.5, 0.1]]), **changes).save(tmp_path / "bad.safetensors")
    with pytest.raises(ValueError, match=f"bad.safetensors: not a drive .*{reason}"):
        Drive.load(tmp_path / "bad.safetensors")


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    (tmp_path / "torn").write_bytes(b"\xff" * 200)
    save_file({"weights": np.zeros(3)}, tmp_path / "other")
    for name in ("torn", "other"):
        with pytest.raises(ValueError, match=f"{name}: not a drive"):
            Drive.load(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="semcom data drive"):
        Drive.load(tmp_path / "missing")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"channel": "awgn", "drive": "street"}, "drive does not concern channel 'awgn'"),
        ({"channel": "tdl-a", "position": "x"}, "position does not concern channel 'tdl-a'"),
        ({"drive": "nowhere"}, "nowhere: no such file"),
        ({"position": "the moon"}, "the drive does not pass 'the moon'"),
        ({"receive_antennas": 2}, "'ray_traced' has one antenna on each side"),
        ({"ofdm": {"carrier_ghz": 28.0}}, "carrier_ghz 28 is not the carrier that drive"),
        ({"ofdm": {"delay_spread_ns": 10.0}}, "delay_spread_ns does not concern channel"),
        ({"ofdm": {"subcarrier_spacing_khz": 960.0}}, "past the cyclic prefix of .*: lower ofdm.s"),
    ],
)
def test_what_cannot_work_is_refused_by_name(
    rich: str, settings: dict[str, object], sentence: str
) -> None:
    own = {"channel": "ray_traced", **({} if "channel" in settings else {"drive": rich})}
    with pytest.raises(ValidationError, match=sentence):
        LinkSettings.model_validate(own | settings)


def test_positions_that_cannot_work_are_refused_before_anything_is_sent(rich: str) -> None:
    free = LinkSettings(channel="ray_traced", drive=rich)
    fixed = free.model_copy(update={"position": "place 0"})
    for settings, names, sentence in (
        (LinkSettings(), ["place 0"], "along no drive takes no positions"),
        (fixed, ["place 1"], "has a position already takes no positions"),
        (free, ["place 0", "place 1"], "2 positions for 1 payloads"),
        (free, ["the moon"], "does not pass 'the moon'"),
    ):
        with pytest.raises(ValueError, match=sentence):
            Link(settings).transmit([b"x"], 10.0, [1], names)


def test_carrier_and_speed_are_those_of_the_drive(rich: str) -> None:
    link = LinkSettings(channel="ray_traced", drive=rich, ofdm=SMALL)
    assert link.ofdm is not None
    assert (link.ofdm.carrier_ghz, link.ofdm.speed, link.ofdm.size) == (3.5, 10.0, 24)
    assert LinkSettings.model_validate(link.model_dump()) == link


def test_the_drive_of_the_package_is_a_street(tmp_path: Path) -> None:
    drive = load_drive("street")
    assert DRIVES["street"].stat().st_size < 64 << 10
    assert len(drive.names) == 16
    np.testing.assert_allclose(np.diff(drive.metres), 8.0, rtol=0.05)
    assert np.ptp(drive.gains_db) > 6
    assert 10e-9 < drive.last_echo_seconds < 2e-6
    # no path is shorter than the straight line, and none turns faster than the car moves
    mast = np.array(drive.source["transmitter"])
    straight = np.linalg.norm(drive.positions - mast, axis=1)[:, None] / 299_792_458.0
    there = drive.amplitudes != 0
    assert (drive.delays >= straight * (1 - 1e-4))[there].all()
    fastest = drive.speed * drive.carrier_hz / 299_792_458.0
    assert np.abs(drive.dopplers).max() <= fastest * 1.001
