"""What stands between a request and the models: what its key may see, how often, and how many at once."""

from __future__ import annotations

from contextlib import asynccontextmanager
from math import ceil
from typing import TYPE_CHECKING, Final

from bridge.access.rates import Bucket
from bridge.access.slots import Slots
from bridge.errors import BridgeError, Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bridge.access.keys import Key
    from bridge.access.slots import Meter
    from bridge.config import Limits

LONGEST_RETRY: Final = 60
"""Seconds: OpenAI's clients do not heed a longer `retry-after`."""


class Use:
    """What one key has used. It stays when the file is read again, unless its limits change."""

    def __init__(self, key: Key, now: float) -> None:
        self.key = key
        self.requests = Bucket(key.requests_per_minute, now)
        self.tokens = Bucket(key.tokens_per_minute, now)
        self.running = 0

    def begin(self, now: float) -> None:
        """Count a request.

        Raises:
            BridgeError: RATE_LIMIT_EXCEEDED: it is one too many, now.
        """
        if self.key.max_concurrent_requests and self.running >= self.key.max_concurrent_requests:
            limit = self.key.max_concurrent_requests
            raise _refused(f"the key has {limit} requests under way, which is its limit", 1)
        for bucket, needs, what in ((self.requests, 1, "requests"), (self.tokens, 0, "tokens")):
            if (wait := bucket.wait(needs, now)) > 0:
                raise _refused(f"the key has used its {bucket.per_minute} {what} per minute", wait)
        self.requests.take(1, now)
        self.running += 1


class Gate:
    """See the module; one for all doors of a process."""

    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], float],
        *,
        default_model: str | None,
        unknown: Callable[[str], BridgeError],
        meter: Meter,
    ) -> None:
        """Open.

        Args:
            limits: how many requests at once, and how many may wait.
            clock: steady time in seconds.
            default_model: the model of requests that name none.
            unknown: makes the error of a model that is not there.
            meter: hears who waits, is let in or refused.
        """
        self._clock = clock
        self._meter = meter
        self._default = default_model
        self._unknown = unknown
        self._uses: dict[str, Use] = {}
        self.slots = Slots(
            limits.max_concurrent_requests,
            queue_size=limits.queue_size,
            queue_timeout=limits.queue_timeout,
            meter=meter,
        )

    @asynccontextmanager
    async def passed(
        self, key: Key, model: str, deadline: float, spent: Callable[[], int]
    ) -> AsyncIterator[None]:
        """Let a request to the models for the length of the block, once there is a slot.

        Args:
            key: the caller's.
            model: its name in the request; empty is for the handler to complain of.
            deadline: time of the event loop's clock at which the request fails.
            spent: returns the tokens that the request took, at its end: later ones wait for their return.

        Raises:
            BridgeError: MODEL_NOT_FOUND, in the words for a model that nobody has; RATE_LIMIT_EXCEEDED,
                QUEUE_FULL, TIMEOUT or SHUTTING_DOWN.
        """
        wanted = model or self._default
        if wanted and not key.sees(wanted):
            raise self._unknown(wanted)
        use = self._use(key)
        try:
            use.begin(self._clock())
        except BridgeError as exc:
            self._meter.refused(exc.reason)
            raise
        try:
            async with self.slots.slot(deadline):
                try:
                    yield
                finally:
                    use.tokens.take(spent(), self._clock())
        finally:
            use.running -= 1

    def _use(self, key: Key) -> Use:
        found = self._uses.get(key.sha256)
        if found is None or found.key != key:
            found = self._uses[key.sha256] = Use(key, self._clock())
        return found


def _refused(why: str, seconds: float) -> BridgeError:
    retry_after = min(max(ceil(seconds), 1), LONGEST_RETRY)
    return BridgeError(Reason.RATE_LIMIT_EXCEEDED, f"{why}: try again later", retry_after=retry_after)
