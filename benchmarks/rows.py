"""What figures are made of: samples by round, rows of the table of targets.

Times drift from run to run, so a ratio is made of two samples of the same round, and only then a median.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.measure import Sample
    from benchmarks.memory import Memory
    from benchmarks.stalled import Beside


@dataclass(slots=True)
class Results:
    """Everything that was measured."""

    floor: dict[str, list[float]] = field(default_factory=dict)
    """Microseconds of a send, by way of sending, then by round."""
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    """By scenario, then by round."""
    memory: Memory | None = None
    beside_stalled: list[Beside] = field(default_factory=list)
    """By round."""
    peer_memory: dict[str, int] = field(default_factory=dict)
    """Bytes that a peer held at the most, by name."""
    skipped: dict[str, str] = field(default_factory=dict)
    """What was not measured, and why."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of the table of targets."""

    name: str
    unit: str
    values: tuple[float, ...]
    """By round."""
    limit: float | None = None
    """None: there is no target."""
    at_least: bool = False
    """Whether more is better."""
    reason: str = ""
    """Why there are no values."""

    @property
    def median(self) -> float:
        """The figure."""
        return median(self.values)

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none, or no values."""
        if self.limit is None or not self.values:
            return None
        return self.median >= self.limit if self.at_least else self.median <= self.limit


def paired(
    results: Results, ours: str, theirs: str, attribute: str, join: Callable[[float, float], float]
) -> tuple[float, ...]:
    """Join what two scenarios measured in the same round; nothing if one of them was not measured."""
    pairs = zip(results.samples.get(ours, ()), results.samples.get(theirs, ()), strict=False)
    return tuple(join(getattr(a, attribute), getattr(b, attribute)) for a, b in pairs)
