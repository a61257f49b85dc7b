"""Whether something that has failed is asked again, and how often: a back-off that grows, and a slow return.

Pure: the clock is an argument, in seconds, any clock that only goes on.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bridge.config.upstreams import Balancing

LEAST: Final = 0.1
"""The part of its requests that something gets which has just come back."""


_DOUBLINGS: Final = 30
"""More of them would only make larger numbers."""


class Standing:
    """Of a server, or of a model on a server."""

    def __init__(self, rules: Balancing) -> None:
        """Begin without a failure.

        Args:
            rules: how long a failure counts, and how long a return takes.
        """
        self._rules = rules
        self.failures = 0
        """In a row, those not counted that came while an earlier one still did."""
        self._until = -inf

    def failed(self, now: float) -> bool:
        """Note a failure; return whether it is news.

        The requests of a lost connection fail together: the first one tells all there is to know.
        """
        if now < self._until:
            return False
        time = min(self._rules.eject_time * 2 ** min(self.failures, _DOUBLINGS), self._rules.max_eject_time)
        self.failures += 1
        self._until = now + time
        return True

    def answered(self, now: float) -> None:
        """Note a success; only after a whole return it clears the record, so that a flapping server waits."""
        if now >= self._until + self._rules.slow_start:
            self.failures = 0

    def returned(self, now: float) -> None:
        """Begin a slow return, unless a failure still counts."""
        self._until = max(self._until, now)

    def share(self, now: float) -> float:
        """Return the part of its requests that it may get: 0 is none, 1 is all."""
        since = now - self._until
        if since < 0:
            return 0.0
        if since >= self._rules.slow_start:
            return 1.0
        return LEAST + (1 - LEAST) * since / self._rules.slow_start
