"""Generations that nobody waits for, of models that must not be cancelled: told to stop, read to their end.

Triton (2.51) does not pass the cancel of an ensemble on to its steps, and keeps one inference of it for ever:
the engine generates to its end, and the ensemble can never be unloaded. So its call stays open, its engine is
told to stop where it knows how, and what still comes is thrown away. Nothing here is on a request's path.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, Protocol

from bridge.errors import BridgeError, Reason

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from bridge.backends.base import Stop
    from bridge.protocol.alike import Received
    from bridge.protocol.kserve import ModelInferRequest

logger = logging.getLogger(__name__)

GRACE: Final = 0.02
"""Seconds in which a generation may end by itself, as after its last response, before it is told to."""

MAX_PAUSE: Final = 5.0
"""The longest time between two stop requests: one that comes before the engine has begun is lost on it."""

STOP_TIMEOUT: Final = 5.0
"""Seconds that a stop request may take."""

CLOSE_TIMEOUT: Final = 2.0
"""Seconds that are waited, when the bridge stops, for generations to end."""

MOST: Final = 1000
"""Generations read to their end at once; beyond them calls are cancelled."""


class Meter(Protocol):
    """Hears what becomes of them; for metrics."""

    def abandoned(self) -> None:
        """One was given up."""

    def gone(self, end: str) -> None:
        """It is over: "stopped", "ended" by itself, or "cut", which Triton may not get over."""

    def stop_failed(self) -> None:
        """A stop request was not taken."""


class Uncounted:
    """A meter that counts nothing."""

    def abandoned(self) -> None:
        """See `Meter.abandoned`."""

    def gone(self, end: str) -> None:
        """See `Meter.gone`."""

    def stop_failed(self) -> None:
        """See `Meter.stop_failed`."""


class Send(Protocol):
    """Runs a request; `Backend.stream` of the same server."""

    def __call__(
        self, request: ModelInferRequest, *, model: str, deadline: float
    ) -> AsyncGenerator[Sequence[Received], None]:
        """See `Backend.stream`."""


class Kept(Protocol):
    """A running call that must not be cancelled."""

    def shut(self) -> None:
        """Give it up, and fail it: the bridge is stopping."""


class Abandoned:
    """See the module; those of one server."""

    def __init__(self, send: Send, *, address: str, limit: float, meter: Meter | None = None) -> None:
        """Begin with none.

        Args:
            send: runs stop requests.
            address: of the server, for the log.
            limit: seconds that one may go on before it is cancelled all the same.
            meter: hears what becomes of them.
        """
        self.running: dict[Kept, None] = {}
        """Calls that may come here: those not given up yet, and not over."""
        self.limit = limit
        """Seconds that one may go on."""
        self.closed = False
        """Whether `close` was called."""
        self._send = send
        self._address = address
        self._meter = meter or Uncounted()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failing = False

    def leave(self, stop: Stop, ended: asyncio.Future[None], cancel: Callable[[], object]) -> None:
        """See a generation off, in the background.

        Args:
            stop: makes the request that ends it.
            ended: done when its call is over; what still comes is somebody else's to read.
            cancel: ends the call; one that is over stays as it is.
        """
        self._meter.abandoned()
        if len(self._tasks) >= MOST:
            cancel()
            self._meter.gone("cut")
            return
        task = asyncio.create_task(self._see_off(stop, ended, cancel))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give up all that runs; return when it has ended, or was cut off after `CLOSE_TIMEOUT`."""
        self.closed = True
        for kept in list(self.running):
            kept.shut()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_TIMEOUT)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _see_off(self, stop: Stop, ended: asyncio.Future[None], cancel: Callable[[], object]) -> None:
        end = "cut"
        try:
            async with asyncio.timeout(self.limit):
                end = await self._wait(stop(), ended)
        except TimeoutError:
            logger.warning("upstream %s: an abandoned generation does not end", self._address)
        finally:
            cancel()
            self._meter.gone(end)

    async def _wait(self, stop: ModelInferRequest | None, ended: asyncio.Future[None]) -> str:
        """Return how it ended; until then tell it to, ever less often."""
        told, pause = False, GRACE
        while True:
            await asyncio.wait([ended], timeout=pause)
            if ended.done():
                return "stopped" if told else "ended"
            if stop is not None:
                told = await self._tell(stop) or told
            pause = min(2 * pause, MAX_PAUSE)

    async def _tell(self, stop: ModelInferRequest) -> bool:
        """Send a stop request; return whether it was taken. The engine answers without data."""
        deadline = asyncio.get_running_loop().time() + STOP_TIMEOUT
        try:
            async with aclosing(self._send(stop, model=stop.model_name, deadline=deadline)) as answer:
                async for _ in answer:
                    pass
        except BridgeError as exc:
            if exc.reason is not Reason.RESPONSE_TRUNCATED:
                self._failed(exc)
                return False
        self._failing = False
        return True

    def _failed(self, error: BridgeError) -> None:
        self._meter.stop_failed()
        if not self._failing:
            self._failing = True
            logger.warning("upstream %s: stop requests fail: %s", self._address, error.message)
