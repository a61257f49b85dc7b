"""A call of grpc.aio that is read on when it is given up: see `abandoned`."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import grpc

if TYPE_CHECKING:
    from bridge.backends.abandoned import Abandoned
    from bridge.backends.base import Stop


class KeptStream:
    """The part of a streaming call that a generation uses.

    grpc.aio cancels a call whose reader is cancelled, hence a task for each read.
    """

    def __init__(self, call: Any, deadline: float, abandoned: Abandoned, stop: Stop) -> None:
        """Take over a call.

        Args:
            call: a `grpc.aio.StreamStreamCall` that has begun.
            deadline: time of the event loop's clock at which it fails.
            abandoned: sees it off when it is given up.
            stop: makes the request that ends the generation.
        """
        self._call = call
        self._abandoned = abandoned
        self._stop = stop
        self._left = self._late = False
        self._reading: asyncio.Future[Any] | None = None
        self._waiting: asyncio.Future[Any] | None = None
        self._timer = asyncio.get_running_loop().call_at(deadline, self._expire)
        abandoned.running[self] = None

    async def read(self) -> Any:
        """Return the next message, or `grpc.aio.EOF`.

        Raises:
            grpc.aio.AioRpcError: the call failed, or its deadline passed.
            asyncio.CancelledError: it was given up, or who reads was cancelled.
        """
        try:
            return await self._next()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._late and not (task and task.cancelling()):
                raise _expired() from None
            raise

    async def _next(self) -> Any:
        if self._left:
            raise asyncio.CancelledError
        self._reading = asyncio.ensure_future(self._call.read())
        self._waiting = asyncio.shield(self._reading)
        return await self._waiting

    def cancel(self) -> None:
        """Give it up: who waits for it is cancelled, and the call goes on for `abandoned`."""
        if self._left:
            return
        self._left = True
        self._timer.cancel()
        self._abandoned.running.pop(self, None)
        if self._waiting is not None:
            self._waiting.cancel()
        if not self._call.done():
            self._abandoned.leave(self._stop, asyncio.ensure_future(self._drain()), self._call.cancel)

    def shut(self) -> None:
        """See `Kept.shut`."""
        self.cancel()

    async def _drain(self) -> None:
        """Read what nobody waits for, to the end."""
        with contextlib.suppress(grpc.aio.AioRpcError):
            if self._reading is not None:
                await self._reading
            while not self._call.done():
                await self._call.read()

    def _expire(self) -> None:
        self._late = True
        self.cancel()


def _expired() -> grpc.aio.AioRpcError:
    nothing = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(grpc.StatusCode.DEADLINE_EXCEEDED, nothing, nothing, "the deadline passed")
