"""When a worker that has ended is started again, and when that has no use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Restarts:
    """The restarts of one worker. Times are in seconds."""

    limit: int = 5
    """Ends at once, in a row, after which to give up."""
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
        if self.in_a_row >= self.limit:
            return None
        return min(self.longest_delay, self.first_delay * 2.0 ** max(0, self.in_a_row - 1))
