"""Speed of the LDPC link and the demapper, beside Sionna's and Kaira's own blocks in one run.

All chains encode, map, add white noise, demap and decode blocks of the same code with flooding
sum-product decoding of at most 20 iterations, at the block error rate of about 0.01; the share of
lost blocks is printed beside the speed. The rivals run at each of several batch sizes and count
with their best one. What the code loses against theory is measured, too. Run with

    python benchmarks/link_speed.py --kaira-python PATH/TO/python

Kaira needs torchvision and with it another torch: `python -m venv kaira` and `kaira/bin/pip
install pykaira` make an environment of its own, whose kaira/bin/python is named here. Without it
the rest is measured.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from channels.ldpc import LdpcCode
from channels.limits import normal_approximation_esn0
from channels.modulation import Modulation

RATE = 0.5
ITERATIONS = 20
# k, base graph and Eb/N0 in dB where about one block in a hundred is lost
POINTS = ((1024, "bg2", 1.60), (4224, "bg1", 1.30))
# k, base graph and two Eb/N0 in dB on either side of that block error rate with 50 iterations
GAPS = ((1024, "bg2", (1.20, 1.35)), (4224, "bg1", (0.85, 0.95)))
# Kaira copies all messages once for each of them: a batch of 4 long blocks would take 10 GB
KAIRA_BATCHES = {1024: (1, 4), 4224: (1,)}
PARTS = ["demappers", "sweep", "distances", "links"]
KAIRA_MISSING = "not measured, name the interpreter of its environment with --kaira-python"


def clock() -> float:
    """Wall time, but on one thread that of the processor: others on the machine do not count."""
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


def seconds(action: Callable[[], object], repetitions: int) -> float:
    """Median time of ``action`` after one call to warm up."""
    action()
    times = []
    for _ in range(repetitions):
        start = clock()
        action()
        times.append(clock() - start)
    return statistics.median(times)


class SionnaChain:
    """The link out of Sionna's blocks as they are."""

    def __init__(self, k: int, graph: str, ebn0_db: float) -> None:
        from sionna.phy.channel import AWGN
        from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder
        from sionna.phy.mapping import Demapper, Mapper

        self.k = k
        self.encode = LDPC5GEncoder(k, int(k / RATE), num_bits_per_symbol=2, bg=graph, device="cpu")
        self.decode = LDPC5GDecoder(
            self.encode, cn_update="boxplus", num_iter=ITERATIONS, device="cpu"
        )
        self.map, self.demap = (
            Mapper("qam", 2, device="cpu"),
            Demapper("app", "qam", 2, device="cpu"),
        )
        self.channel = AWGN(device="cpu")
        self.variance = torch.tensor(1 / (2 * RATE * 10 ** (ebn0_db / 10)))

    def __call__(self, blocks: int) -> float:
        """Send ``blocks`` and return the share that was lost."""
        bits = torch.randint(0, 2, (blocks, self.k)).float()
        received = self.channel(self.map(self.encode(bits)), self.variance)
        decided = self.decode(self.demap(received, self.variance))
        return float((decided != bits).any(1).float().mean())


class OwnChain:
    """The same out of this package."""

    def __init__(self, k: int, graph: str, ebn0_db: float, iterations: int = ITERATIONS) -> None:
        self.k = k
        self.code = LdpcCode(k, int(k / RATE), graph, bits_per_symbol=2, iterations=iterations)
        self.modulation = Modulation("qpsk")
        self.variance = torch.tensor(1 / (2 * RATE * 10 ** (ebn0_db / 10)))

    def __call__(self, blocks: int) -> float:
        """Send ``blocks`` and return the share that was lost."""
        bits = torch.randint(0, 2, (blocks, self.k), dtype=torch.uint8)
        symbols = self.modulation.map(self.code.encode(bits))
        received = symbols + torch.randn_like(symbols) * self.variance.sqrt()
        decided, _ = self.code.decode(self.modulation.demap(received, self.variance))
        return float((decided != bits).any(1).float().mean())


def write_code(k: int, graph: str, path: Path) -> None:
    """Checks [m, n] and generator [k, n] of the NR code, whose first bits are not sent.

    Filler bits, parity bits that are not sent and the checks that define those are left out.
    """
    from sionna.phy.fec.ldpc import LDPC5GEncoder

    encoder = LDPC5GEncoder(k, int(k / RATE), bg=graph, device="cpu")
    punctured = 2 * encoder.z
    used = max(encoder.k_ldpc + 4 * encoder.z, punctured + encoder.k_filler + int(k / RATE))
    rows = encoder.pcm.shape[0] - (encoder.n_ldpc - used)
    checks = encoder.pcm[:rows, :used].toarray().astype(np.int8)
    unit = torch.eye(k)
    np.savez_compressed(
        path,
        checks=np.delete(checks, np.arange(k, encoder.k_ldpc), axis=1),
        generator=torch.cat([unit[:, :punctured], encoder(unit)], dim=1).to(torch.int8).numpy(),
        punctured=punctured,
    )


def measure_kaira(python: Path, k: int, graph: str, ebn0_db: float) -> dict[str, float]:
    """Information bits per second of Kaira over the same code, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        code = Path(folder, "code.npz")
        write_code(k, graph, code)
        command = [
            python, "-W", "ignore", Path(__file__).with_name("kaira_link.py"), code,
            "--variance", 1 / (2 * RATE * 10 ** (ebn0_db / 10)), "--iterations", ITERATIONS,
            "--threads", torch.get_num_threads(), "--batches", *KAIRA_BATCHES[k],
        ]  # fmt: skip
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{python} cannot run Kaira:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def compare_links(repetitions: int, kaira_python: Path | None) -> None:
    """Information rate of the whole link against the rivals at their best batch sizes."""
    for k, graph, ebn0_db in POINTS:
        sionna, own = SionnaChain(k, graph, ebn0_db), OwnChain(k, graph, ebn0_db)
        rates = {
            batch: batch * k / seconds(partial(sionna, batch), repetitions) for batch in (4, 16, 64)
        }
        best = max(rates, key=rates.__getitem__)
        blocks = 256
        rate = blocks * k / seconds(partial(own, blocks), repetitions)
        print(f"LDPC link, k={k}, rate 1/2, QPSK, Eb/N0 {ebn0_db:.2f} dB, {ITERATIONS} iterations")
        print(f"  sionna boxplus, batch {best}: {rates[best] / 1e3:.0f} kbit/s")
        print(f"  this link: {rate / 1e3:.0f} kbit/s, block error rate {own(1024):.3f}")
        print(f"LDPC link k={k} against sionna boxplus: {rate / rates[best]:.1f}x", flush=True)
        if kaira_python is None:
            print(f"LDPC link k={k} against kaira: {KAIRA_MISSING}", flush=True)
            continue
        kaira = measure_kaira(kaira_python, k, graph, ebn0_db)
        lost = f"{kaira['lost']} of {kaira['sent']} blocks lost"
        print(f"  kaira, batch {kaira['batch']}: {kaira['rate'] / 1e3:.3f} kbit/s, {lost}")
        print(f"LDPC link k={k} against kaira: {rate / kaira['rate']:.0f}x", flush=True)


def measure_gaps(blocks: int) -> None:
    """Distance from the normal approximation at a block error rate of 0.01, 50 iterations."""
    for k, graph, span in GAPS:
        left, right = (
            sum(OwnChain(k, graph, ebn0_db, 50)(256) for _ in range(blocks // 256)) * 256 / blocks
            for ebn0_db in span
        )
        counts = f"block error rates {left:.4f} and {right:.4f}"
        if not left > right > 0:
            raise SystemExit(f"k={k}: {counts} at {span} dB tell nothing, send more --blocks")
        share = math.log(left / 0.01) / math.log(left / right)
        here = span[0] + share * (span[1] - span[0])
        # rate 1/2 on QPSK is one information bit per symbol: Es/N0 is Eb/N0
        gap = here - normal_approximation_esn0("qpsk", k, k, 0.01)
        print(f"LDPC link, k={k}, 50 iterations: {counts} at {span[0]} and {span[1]} dB")
        print(f"LDPC link k={k} against the normal approximation: {gap:.2f} dB", flush=True)


def compare_demappers(repetitions: int) -> None:
    """Exact soft bits of 20,000 symbols, Sionna's joint sum against two separate ones."""
    from sionna.phy.mapping import Demapper

    for bits, name in ((4, "16qam"), (6, "64qam"), (8, "256qam"), (10, "1024qam")):
        own, sionna = Modulation(name), Demapper("app", "qam", bits, device="cpu")
        symbols = own.map(torch.randint(0, 2, (20, 1000 * bits), dtype=torch.uint8))
        variance = torch.tensor(0.02)
        received = symbols + torch.randn_like(symbols) * variance.sqrt()
        theirs = seconds(partial(sionna, received, variance), repetitions)
        ours = seconds(partial(own.demap, received, variance), repetitions)
        gap = (sionna(received, variance) - own.demap(received, variance)).abs().max()
        print(f"{name} demapper: largest difference of a soft bit {gap:.1e}")
        print(f"{name} demapper against sionna app: {theirs / ours:.1f}x", flush=True)


def time_sweep() -> None:
    """100 payloads of 8,000 bits at 10 SNRs over three channels, 16-QAM, rate 1/2."""
    from channels import Link, LinkSettings

    payloads = [i.to_bytes(2, "big") * 500 for i in range(100)]
    start = clock()
    for channel in ("awgn", "rayleigh", "tdl-a"):
        link = Link(LinkSettings(rate=RATE, modulation="16qam", channel=channel))
        for step in range(10):
            link.transmit(payloads, 4.0 + step, range(100))
    taken = clock() - start
    print(f"100 payloads of 8000 bits, 10 SNRs, 3 channels: {taken:.1f} s", flush=True)


def main() -> None:
    """Run the comparisons and print one line for each rival."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="all of them")
    parser.add_argument("--threads", type=int, default=2, help="for both sides; 1 times the CPU")
    parser.add_argument("--repetitions", type=int, default=5, help="calls per median")
    parser.add_argument("--kaira-python", type=Path, help="Python of an environment with Kaira")
    parser.add_argument("--blocks", type=int, default=4096, help="at each SNR of the distances")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_grad_enabled(False)
    torch.manual_seed(0)
    print(f"{arguments.threads} threads, median of {arguments.repetitions}")
    if "demappers" in arguments.parts:
        compare_demappers(arguments.repetitions)
    if "sweep" in arguments.parts:
        time_sweep()
    if "distances" in arguments.parts:
        measure_gaps(arguments.blocks)
    if "links" in arguments.parts:
        compare_links(arguments.repetitions, arguments.kaira_python)


if __name__ == "__main__":
    main()
