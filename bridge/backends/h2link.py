"""One HTTP/2 connection on the event loop: moves bytes between a transport and `h2grpc.Connection`.

One write per read, no task, no wake-up: receivers are called where the bytes are read.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from bridge.protocol.h2grpc.connection import Connection
from bridge.protocol.h2grpc.header_blocks import request_block

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.backends.base import Metadata
    from bridge.backends.h2call import Call
    from bridge.protocol.h2grpc.stream import Limits, Stream

_TCP_USER_TIMEOUT: Final[int | None] = getattr(socket, "TCP_USER_TIMEOUT", None)
"""Linux's option: milliseconds after which sent data that nobody acknowledges ends a connection."""


@dataclass(frozen=True, slots=True)
class Peer:
    """What a connection must know of its server."""

    authority: str
    """HOST:PORT."""
    secure: bool
    keepalive: float
    """Seconds of silence, while calls run, before a ping."""
    keepalive_timeout: float
    """Seconds until a ping must be answered, and any data acknowledged."""
    metadata: Metadata = ()
    """Goes with every call."""


class Link(asyncio.Protocol):
    """See the module. A channel makes it and opens calls on it once it is `ready`."""

    def __init__(self, peer: Peer, limits: Limits, lost: Callable[[Link], None]) -> None:
        """Prepare; the event loop connects it.

        Args:
            peer: the server.
            limits: what it may send.
            lost: hears when the connection has ended, once it was made.
        """
        self._peer = peer
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._connection: Connection[Call] = Connection(limits)
        self._transport: asyncio.Transport | None = None
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._reading = self._retired = False
        self._heard = self._loop.time()
        self._pinged: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def accepting(self) -> bool:
        """Whether calls may be opened here."""
        return self._connection.accepting and not self._retired

    async def ready(self) -> None:
        """Wait until the peer has greeted.

        Raises:
            ConnectionError: it does not speak gRPC, or went away.
        """
        await self._ready
        if not self.accepting:
            raise ConnectionError("the server greeted and went away")

    async def gone(self) -> None:
        """Wait until the connection has ended."""
        if self._transport is not None:
            await self._gone

    def open(self, call: Call) -> None:
        """Begin a call."""
        block = request_block(
            scheme="https" if self._peer.secure else "http",
            authority=self._peer.authority,
            path=call.path,
            timeout=call.deadline - self._loop.time(),
            metadata=(*self._peer.metadata, *call.metadata),
        )
        stream = self._connection.open(call, block, call.message or b"")
        stream.paused = call.paused
        call.begun(self, stream)
        self._flush()

    def silent_since(self, time: float) -> bool:
        """Tell whether nothing has come since a time of the event loop's clock."""
        return self._heard <= time

    def retire(self) -> None:
        """Take no more calls; those that run go on, and the last one ends the connection."""
        self._retired = True
        self._flush()

    def cancel(self, stream: Stream[Call]) -> None:
        """Give up a call."""
        self._connection.cancel(stream)
        self._flush()

    def pause(self, stream: Stream[Call]) -> None:
        """Stop the peer's sending on a call."""
        self._connection.pause(stream)

    def resume(self, stream: Stream[Call]) -> None:
        """Let the peer send on a call again."""
        self._connection.resume(stream)
        self._flush()

    def close(self) -> None:
        """End the connection and all its calls, CANCELLED."""
        ended = self._connection.close()
        self._flush()
        self.abort()
        self._deliver(ended)

    def abort(self) -> None:
        """End the connection without a word."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the peer."""
        self._transport = cast("asyncio.Transport", transport)
        self._limit_unacknowledged()
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() != "h2":
            self.abort()
            return
        self._heard = self._loop.time()
        self._timer = self._loop.call_later(self._peer.keepalive, self._check_alive)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Hand over what came, then write what that calls for."""
        self._heard = self._loop.time()
        self._reading = True
        try:
            self._deliver(self._connection.receive(data))
        finally:
            self._reading = False
        if not self._ready.done() and self._connection.greeted:
            self._ready.set_result(None)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the reason tells nobody anything
        """Tell the calls, and whoever waits for the connection."""
        if self._timer is not None:
            self._timer.cancel()
        if not self._ready.done():
            self._ready.set_exception(ConnectionError("the server does not speak gRPC, or went away"))
            self._ready.exception()  # whoever would have waited may have been cancelled
        self._gone.set_result(None)
        self._lost(self)
        self._deliver(self._connection.lost())

    def _deliver(self, streams: Sequence[Stream[Call]]) -> None:
        for stream in streams:
            call = stream.owner
            batch = stream.arrived
            if batch:
                stream.arrived = []
                call.message = None
                call.receiver.messages(batch)
            if stream.status is not None:
                call.ended(stream.status)

    def _flush(self) -> None:
        """Write what is to be sent; while a read is handled, its end does it once for all."""
        if self._reading or self._transport is None:
            return
        data = self._connection.data_to_send()
        if data and not self._transport.is_closing():
            self._transport.write(data)
        if self._connection.error is not None or not (self.accepting or self._connection.calls):
            self._transport.abort()

    def _check_alive(self) -> None:
        """Ping a silent peer while calls wait for it; give it up when that is not answered."""
        now = self._loop.time()
        if self._pinged is not None and self._heard < self._pinged:
            self.abort()
            return
        self._pinged = None
        wait = self._heard + self._peer.keepalive - now
        if wait <= 0 and self._connection.calls:
            self._pinged, wait = now, self._peer.keepalive_timeout
            self._connection.ping()
            self._flush()
        elif wait <= 0:
            wait = self._peer.keepalive
        self._timer = self._loop.call_later(wait, self._check_alive)

    def _limit_unacknowledged(self) -> None:
        sock = None if self._transport is None else self._transport.get_extra_info("socket")
        if sock is not None and _TCP_USER_TIMEOUT is not None:
            limit = int(self._peer.keepalive_timeout * 1000)
            sock.setsockopt(socket.IPPROTO_TCP, _TCP_USER_TIMEOUT, limit)
