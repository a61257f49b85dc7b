"""Rates per minute: a bucket that fills steadily. The clock's time is an argument."""

from __future__ import annotations


class Bucket:
    """Holds at most what one minute brings, and begins full. Times are in seconds of one steady clock."""

    def __init__(self, per_minute: int, now: float) -> None:
        """Begin full.

        Args:
            per_minute: what flows in, and the most that it holds; 0 is no limit.
            now: the time.
        """
        self.per_minute = per_minute
        self._level = float(per_minute)
        self._then = now

    def wait(self, amount: float, now: float) -> float:
        """Return the seconds until the bucket holds so much, 0 if it does."""
        if not self.per_minute:
            return 0.0
        self._fill(now)
        return max(0.0, (amount - self._level) * 60 / self.per_minute)

    def take(self, amount: float, now: float) -> None:
        """Take so much, whether it is there or not: what is missing flows in first."""
        if self.per_minute:
            self._fill(now)
            self._level -= amount

    def _fill(self, now: float) -> None:
        gained = max(0.0, now - self._then) * self.per_minute / 60
        self._level = min(float(self.per_minute), self._level + gained)
        self._then = now
