"""The connection that carries one answer to the frontend that asked; the worker dials it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

from bridge.errors import BridgeError
from bridge.protocol.dynamo.answers import END, failure, greeting
from bridge.protocol.dynamo.control import is_cancel
from bridge.protocol.dynamo.frames import FrameReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.protocol.dynamo.control import Opening

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT: Final = 5.0
CLOSE_TIMEOUT: Final = 10.0
"""Seconds that the frontend may take to close the connection once all of an answer has left."""

LEFT: Final = "the frontend has left"


class Reply(asyncio.Protocol):
    """The outlet of one answer; see `handlers.outlet.Outlet`."""

    def __init__(
        self,
        opening: Opening,
        cancel: Callable[[], object],
        *,
        buffer: int,
        stall_timeout: float,
    ) -> None:
        """Prepare; `connect` does so.

        Args:
            opening: where the answer goes.
            cancel: hears once that nobody waits for it any more.
            buffer: bytes that may wait for the frontend before the generation is paused.
            stall_timeout: seconds in which the frontend may read nothing of them.
        """
        self._opening = opening
        self._cancel = cancel
        self._buffer = buffer
        self._stall_timeout = stall_timeout
        self._frames = FrameReader()
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._ended = False
        self._cut = False
        """Whether the connection was lost with something unsent."""
        self._closing: asyncio.TimerHandle | None = None
        self._rest = b""
        self.render: Callable[[Iterable[Any]], bytes]
        """Turns a batch of messages into frames; set before the first one."""

    async def connect(self) -> None:
        """Dial the frontend, and say whose answer this is.

        Raises:
            OSError: it is not there.
            TimeoutError: it is not there.
        """
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await asyncio.get_running_loop().create_connection(
                lambda: self, self._opening.host, self._opening.port
            )

    def take(self, batch: Iterable[Any]) -> bool:
        """See `Outlet.take`: one write for all frames of a batch."""
        self._write(self.render(batch))
        return self._writable.is_set()

    def last(self, batch: Iterable[Any]) -> None:
        """See `Outlet.last`."""
        self._rest += self.render(batch)

    async def ready(self) -> None:
        """See `Outlet.ready`."""
        await self._read()
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError(LEFT)

    async def end(self, error: BridgeError | None = None) -> None:
        """Send the end of the answer, after what went wrong; return when all of it has left.

        Raises:
            ConnectionError: the frontend has left, or has not read for too long.
        """
        rest = self._rest if error is None else failure(error)
        self._ended = True
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError(LEFT)
        self._transport.write(rest + END)
        self._transport.set_write_buffer_limits(high=0)  # writable is from now on: nothing is left
        await self._read()
        if self._cut:
            raise ConnectionResetError(LEFT)
        if not self._transport.is_closing():
            # The frontend closes: to close here could lose what it has not read yet.
            self._closing = asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, self.abort)

    def leave(self) -> None:
        """Close the connection unless all of the answer has left: nobody goes on with it."""
        if self._closing is None:
            self.abort()

    def abort(self) -> None:
        """Close the connection, without an end if there was none."""
        self._ended = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the frontend."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=self._buffer)
        self._transport.write(greeting(self._opening.subject))

    def data_received(self, data: bytes) -> None:
        """Give the answer up when the frontend says so."""
        try:
            for header, _ in self._frames.feed(data):
                if is_cancel(header):
                    self._left()
        except BridgeError as exc:
            logger.warning("the connection of an answer was closed: %s", exc.message)
            self._left()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why does not matter
        """Give the answer up, unless it has ended."""
        self._cut = not self._writable.is_set()
        self._writable.set()
        if self._closing is not None:
            self._closing.cancel()
        self._left()

    def pause_writing(self) -> None:
        """Note that the frontend is behind."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Note that it has read."""
        self._writable.set()

    async def _read(self) -> None:
        """Wait until it is writable, or lost. The frontend may be slow, but it must go on."""
        while not self._writable.is_set():
            waiting = self._waiting
            with suppress(TimeoutError):
                async with asyncio.timeout(self._stall_timeout):
                    await self._writable.wait()
            if not self._writable.is_set() and self._waiting >= waiting:
                self.abort()
                raise ConnectionAbortedError("the frontend does not read")

    @property
    def _waiting(self) -> int:
        """Bytes that have not left."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def _left(self) -> None:
        if not self._ended:
            self.abort()
            self._cancel()

    def _write(self, data: bytes) -> None:
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
