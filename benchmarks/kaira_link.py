"""Speed of the LDPC link out of Kaira's blocks, for ``link_speed.py``, in an environment of Kaira.

Kaira knows no NR codes but takes any parity checks, here those of an NR code. It runs as it is, but
for the generator matrix: its Gaussian elimination takes hours over matrices of this size, and the
one of the same code is handed to it.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import torch
from kaira.channels import AWGNChannel
from kaira.models.fec.decoders import BeliefPropagationDecoder
from kaira.models.fec.encoders import LDPCCodeEncoder
from kaira.modulations import QPSKDemodulator, QPSKModulator


class Chain:
    """Encode, map, add white noise, demap and decode."""

    def __init__(self, code: dict[str, np.ndarray], iterations: int, variance: float) -> None:
        generator = torch.from_numpy(code["generator"]).long()

        class Encoder(LDPCCodeEncoder):
            def get_generator_matrix(self, check_matrix_: torch.Tensor) -> torch.Tensor:
                return generator

        self.k = len(generator)
        # the first bits of a word are not sent
        self.punctured = int(code["punctured"])
        self.encode = Encoder(torch.from_numpy(code["checks"]).long())
        self.decode = BeliefPropagationDecoder(self.encode, bp_iters=iterations)
        self.map, self.demap = QPSKModulator(), QPSKDemodulator()
        self.variance = variance
        self.channel = AWGNChannel(avg_noise_power=variance)

    def __call__(self, blocks: int) -> int:
        """Send ``blocks`` and return how many were lost."""
        bits = torch.randint(0, 2, (blocks, self.k)).float()
        word = self.encode(bits)
        sent = word[:, self.punctured :]
        soft = torch.zeros_like(word)
        # the demodulator says log p(1)/p(0), the decoder wants log p(0)/p(1)
        soft[:, self.punctured :] = -self.demap(self.channel(self.map(sent)), self.variance)
        decided = self.decode(soft)[:, : self.k]
        return int((decided != bits).any(1).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("code", help=".npz with checks [m, n], generator [k, n] and punctured")
    parser.add_argument("--variance", type=float, required=True)
    parser.add_argument("--iterations", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--batches", type=int, nargs="+", required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_grad_enabled(False)
    torch.manual_seed(0)
    # on one thread the time of the processor: others on the machine do not count
    clock = time.process_time if arguments.threads == 1 else time.perf_counter
    with np.load(arguments.code) as code:
        chain = Chain(dict(code), arguments.iterations, arguments.variance)
    rates, lost = {}, 0
    for batch in arguments.batches:
        start = clock()
        lost += chain(batch)
        rates[batch] = batch * chain.k / (clock() - start)
    best = max(rates, key=rates.__getitem__)
    answer = {"batch": best, "rate": rates[best], "lost": lost, "sent": sum(rates)}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
