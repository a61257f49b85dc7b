"""So many requests at once; others wait their turn, in order, for a bounded time."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, Protocol

from bridge.errors import BridgeError, Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

STOPPING: Final = "the bridge is stopping"


class Meter(Protocol):
    """Hears what becomes of requests at the gate; for metrics."""

    def queued(self) -> None:
        """One waits."""

    def unqueued(self) -> None:
        """It waits no longer."""

    def waited(self, seconds: float) -> None:
        """A wait is over, whatever came of it; 0 for one that need not wait."""

    def entered(self) -> None:
        """One holds a slot."""

    def left(self) -> None:
        """It holds it no longer."""

    def refused(self, reason: Reason) -> None:
        """One is not let in."""


class Slots:
    """The slots of one process."""

    def __init__(self, limit: int, *, queue_size: int, queue_timeout: float, meter: Meter) -> None:
        """Begin with all of them free.

        Args:
            limit: how many there are; 0 is no limit.
            queue_size: how many may wait for one.
            queue_timeout: seconds that each may wait.
            meter: hears what becomes of each.
        """
        self._limit, self._queue_size, self._queue_timeout = limit, queue_size, queue_timeout
        self._meter = meter
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed = False
        self.held = 0
        """How many are taken."""

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @asynccontextmanager
    async def slot(self, deadline: float) -> AsyncIterator[None]:
        """Hold a slot for the length of the block.

        Args:
            deadline: time of the event loop's clock at which not to wait any longer.

        Raises:
            BridgeError: QUEUE_FULL, TIMEOUT, or SHUTTING_DOWN if the slots are closed first.
        """
        try:
            await self._acquire(deadline)
        except BridgeError as exc:
            self._meter.refused(exc.reason)
            raise
        self._meter.entered()
        try:
            yield
        finally:
            self._meter.left()
            self._release()

    def close(self) -> None:
        """Refuse those that wait, and all that come."""
        self._closed = True
        for turn in tuple(self._waiting):
            self._refuse(turn, BridgeError(Reason.SHUTTING_DOWN, STOPPING))

    async def _acquire(self, deadline: float) -> None:
        if self._closed:
            raise BridgeError(Reason.SHUTTING_DOWN, STOPPING)
        if not self._limit or self.held < self._limit:
            self.held += 1
            self._meter.waited(0.0)
            return
        if len(self._waiting) >= self._queue_size:
            raise BridgeError(Reason.QUEUE_FULL, "too many requests are waiting: try again later")
        await self._wait(deadline)

    async def _wait(self, deadline: float) -> None:
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        self._meter.queued()
        began = loop.time()
        limit = began + self._queue_timeout
        error = (
            BridgeError(Reason.QUEUE_FULL, "the request has waited too long for others to end")
            if limit < deadline
            else BridgeError(Reason.TIMEOUT, "the deadline passed while the request waited for others to end")
        )
        # The future decides, once: a turn that comes together with the end of patience is not lost.
        timer = loop.call_at(min(limit, deadline), self._refuse, turn, error)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._forget(turn)
            elif turn.exception() is None:
                self._release()  # it was our turn, and we have just left
            raise
        finally:
            timer.cancel()
            self._meter.unqueued()
            self._meter.waited(loop.time() - began)

    def _refuse(self, turn: asyncio.Future[None], error: BridgeError) -> None:
        self._forget(turn)
        if not turn.done():
            turn.set_exception(error)

    def _forget(self, turn: asyncio.Future[None]) -> None:
        if turn in self._waiting:
            self._waiting.remove(turn)

    def _release(self) -> None:
        """Give the slot to who waits longest, or free it."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.held -= 1
