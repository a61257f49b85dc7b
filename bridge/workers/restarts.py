"""When a worker that has ended is started again, and when that has no use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MOST_DOUBLINGS: Final = 30
"""Of a delay: more would leave the range of numbers, and any longest delay is reached by then."""


@dataclass(slots=True, kw_only=True)
class Restarts:
    """The restarts of one worker. Times are in seconds."""

    limit: int | None = 5
    """Ends at once, in a row, after which to give up; None: never."""
    at_once: float = 5.0
    """A worker that has listened for less has ended at once."""
    first_delay: float = 0.2
    """Doubles with every end at once."""
    longest_delay: float = 5.0
    in_a_row: int = 0

    def delay(self, listened: float) -> float | None:
        """Return how long to wait after a worker's end, None to give up.

        Args:
            listened: how long it did; 0 if it never got there.
        """
        self.in_a_row = self.in_a_row + 1 if listened < self.at_once else 0
        if self.limit is not None and self.in_a_row >= self.limit:
            return None
        doublings = min(max(0, self.in_a_row - 1), MOST_DOUBLINGS)
        return min(self.longest_delay, self.first_delay * 2.0**doublings)
