"""Speed of the LDPC link and the demapper, side by side with Sionna's own blocks in one run.

Both chains encode, map, add white noise, demap and decode the same number of blocks with flooding
sum-product decoding of at most 20 iterations, at the block error rate of about 0.01; only the speed
differs, and the share of lost blocks is printed to show it. Sionna runs at each of several batch
sizes and counts with its best one. Run with

    python benchmarks/link_speed.py
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch

from channels.ldpc import LdpcCode
from channels.modulation import Modulation

RATE = 0.5
ITERATIONS = 20
# k, base graph and Eb/N0 in dB where about one block in a hundred is lost
POINTS = ((1024, "bg2", 1.60), (4224, "bg1", 1.30))


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

    def __init__(self, k: int, graph: str, ebn0_db: float) -> None:
        self.k = k
        self.code = LdpcCode(k, int(k / RATE), graph, bits_per_symbol=2, iterations=ITERATIONS)
        self.modulation = Modulation("qpsk")
        self.variance = torch.tensor(1 / (2 * RATE * 10 ** (ebn0_db / 10)))

    def __call__(self, blocks: int) -> float:
        """Send ``blocks`` and return the share that was lost."""
        bits = torch.randint(0, 2, (blocks, self.k), dtype=torch.uint8)
        symbols = self.modulation.map(self.code.encode(bits))
        received = symbols + torch.randn_like(symbols) * self.variance.sqrt()
        decided, _ = self.code.decode(self.modulation.demap(received, self.variance))
        return float((decided != bits).any(1).float().mean())


def compare_links(repetitions: int) -> None:
    """Information rate of the whole link against Sionna at its best batch size."""
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
    parser.add_argument("--threads", type=int, default=2, help="for both sides; 1 times the CPU")
    parser.add_argument("--repetitions", type=int, default=5, help="calls per median")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_grad_enabled(False)
    torch.manual_seed(0)
    print(f"{arguments.threads} threads, median of {arguments.repetitions}")
    compare_demappers(arguments.repetitions)
    time_sweep()
    compare_links(arguments.repetitions)


if __name__ == "__main__":
    main()
