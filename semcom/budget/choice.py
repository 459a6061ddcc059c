"""What the allocator chooses from, and what it says of its choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from semcom.budget.frame import Frame

__all__ = ["Choice", "Plan"]


@dataclass(frozen=True)
class Plan:
    """A way to use the frame: bytes of each path, modulation and share of uses of each class."""

    num_bytes: tuple[int, ...]
    modulations: tuple[str | None, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Choice:
    """A frame, what is expected of it, and why it was taken."""

    frame: Frame
    plan: Plan
    #: expected score, over the worst 5 % of channel states, and with everything received
    expected: float
    tail: float
    intact: float
    #: mean block error rate of each transport block
    block_error_rates: tuple[float, ...]
    considered: int
    #: frames and expected scores of the best of every other choice of modulations
    others: tuple[tuple[str, float], ...] = ()

    def reasons(self, score: str = "mIoU") -> list[str]:
        """The choice in sentences."""
        lost = ", ".join(
            f"{100 * rate:.2g} %"
            for rate, block in zip(self.block_error_rates, self.frame.blocks, strict=True)
            if block.num_bytes
        )
        text = [
            self.frame.words() or "nothing is sent",
            f"expected {score} {self.expected:.4f} (worst 5 % of channel states {self.tail:.4f}, "
            f"everything received {self.intact:.4f}); blocks lost {lost}",
        ]
        text += [f"instead {words}: {value:.4f}" for words, value in self.others]
        return text

    def record(self) -> dict[str, Any]:
        """All of it, JSON-able."""
        return {
            "classes": self.frame.describe()["classes"],
            "expected": self.expected,
            "tail": self.tail,
            "intact": self.intact,
            "block_error_rates": list(self.block_error_rates),
            "considered": self.considered,
            "others": [list(other) for other in self.others],
        }
