"""The socket under the NATS library, which sees the connection's life; messages go past it.

All messages of a read are handed over where they are read, and all that a turn of the event loop sends is one
write: no task is woken for a message (docs/decisions/0008-nats-wire.md).
"""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING, cast

from nats.aio.client import Client
from nats.aio.transport import Transport
from nats.errors import ProtocolError

from bridge.protocol import nats_wire
from bridge.protocol.nats_wire import OURS, Message, Reader

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from urllib.parse import ParseResult

    Heard = Callable[[Message], object]

CLOSE_TIMEOUT = 1.0
"""Seconds that a closed connection may take to say so."""


class Connection(Client):
    """A connection of the library with our socket under it."""

    def __init__(self, *, secure: bool = False) -> None:
        """Prepare; `secure`: nothing is said without TLS."""
        super().__init__()
        self.wire = Wire(secure=secure)
        """Where messages go."""
        self._transport = self.wire  # the library makes one only where there is none

    async def close(self) -> None:
        """Disconnect; one that was never connected is left as it is."""
        if self._flush_queue is not None:
            await super().close()


class Wire(Transport, asyncio.Protocol):
    """See the module; a transport of `nats.aio`."""

    def __init__(self, *, secure: bool = False) -> None:
        """Prepare; `secure`: nothing is said without TLS."""
        self._loop = asyncio.get_running_loop()
        self._open = not secure
        """Whether anything may be said: the library takes a server without TLS for good."""
        self._reader = Reader()
        self._heard: dict[bytes, Heard] = {}
        self._ids = count()
        self._out: list[bytes] = []
        self._rest = bytearray()
        """What the library has not read yet."""
        self._news = asyncio.Event()
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._error: ProtocolError | None = None
        self._transport: asyncio.Transport | None = None

    @property
    def waiting(self) -> int:
        """Bytes that were sent, and that the server has not taken."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def post(self, message: bytes) -> None:
        """Send something with all else of this turn of the event loop."""
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(message)

    def publish(
        self, subject: str, data: bytes = b"", reply: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        """Send a message.

        Raises:
            ValueError: a subject or a header is none.
        """
        self.post(nats_wire.publication(subject, data, reply, headers))

    def subscribe(self, subject: str, heard: Heard, queue: str = "") -> bytes:
        """Hear what comes to a subject; return the subscription's id."""
        sid = OURS + str(next(self._ids)).encode()
        self._heard[sid] = heard
        self.post(nats_wire.subscription(sid, subject, queue))
        return sid

    def unsubscribe(self, sid: bytes) -> None:
        """Ask for no more of it; what is on its way still comes until `forget`."""
        self.post(nats_wire.unsubscription(sid))

    def forget(self, sid: bytes) -> None:
        """Hear no more of it."""
        self._heard.pop(sid, None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand the messages over; the rest waits for the library."""
        try:
            messages, rest = self._reader.feed(data)
        except ValueError:
            self._error = ProtocolError()
            self.close()
            return
        for sid, message in messages:
            if (heard := self._heard.get(sid)) is not None:
                try:
                    heard(message)
                except Exception as exc:  # noqa: BLE001 - a bug in one request must not end all
                    context = {"message": "a message of NATS was not handled", "exception": exc}
                    self._loop.call_exception_handler(context)
        if rest:
            self._rest += rest
            self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the library asks `at_eof`
        """See `asyncio.Protocol`."""
        self._news.set()
        if not self._over.done():
            self._over.set_result(None)

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: int) -> None:  # noqa: ARG002
        """See `Transport.connect`."""
        host, port = str(uri.hostname), int(uri.port or 0)  # the library has checked and completed them
        async with asyncio.timeout(connect_timeout):
            await self._loop.create_connection(lambda: self, host, port)

    async def connect_tls(
        self,
        uri: str | ParseResult,
        ssl_context: ssl.SSLContext,
        buffer_size: int,  # noqa: ARG002 - the loop's own
        connect_timeout: int,
    ) -> None:
        """See `Transport.connect_tls`."""
        if self._transport is None:
            raise ConnectionError("there is no connection")
        if self._rest:
            raise ConnectionError("the server has said more than it may before TLS")
        self._reader = Reader()  # nor is half a message one
        name = uri if isinstance(uri, str) else uri.hostname
        async with asyncio.timeout(connect_timeout):
            secure = await self._loop.start_tls(self._transport, self, ssl_context, server_hostname=name)
        if secure is None:
            raise ConnectionError("the server went away during the handshake of TLS")
        self._transport, self._open = secure, True

    def write(self, payload: bytes) -> None:
        """See `Transport.write`."""
        if not self._open:
            raise ConnectionError("the server does not offer TLS")
        self.post(payload)

    def writelines(self, payload: list[bytes]) -> None:
        """See `Transport.writelines`."""
        if payload:
            self.post(b"".join(payload))

    async def drain(self) -> None:
        """See `Transport.drain`.

        It neither waits nor fails: the library drains while it closes, too, and sees a loss where it reads.
        """
        self._flush()

    async def read(self, buffer_size: int) -> bytes:
        """See `Transport.read`; empty at the end."""
        while not self._rest and not self.at_eof():
            self._news.clear()
            await self._news.wait()
        if self._error is not None and not self._rest:
            raise self._error
        taken = bytes(self._rest[:buffer_size])
        del self._rest[:buffer_size]
        return taken

    async def readline(self) -> bytes:
        """See `Transport.readline`.

        Raises:
            ConnectionResetError: there is none; the library would take its absence for a login.
        """
        while b"\n" not in self._rest:
            if self._over.done():
                raise ConnectionResetError("the server has left")
            self._news.clear()
            await self._news.wait()
        return await self.read(self._rest.find(b"\n") + 1)

    async def wait_closed(self) -> None:
        """See `Transport.wait_closed`; what the server has not taken by then is given up."""
        if self._transport is not None:
            # uvloop does not tell of the loss of a connection that was given up while it was made.
            await asyncio.wait([self._over], timeout=CLOSE_TIMEOUT)
            self._transport.abort()

    def close(self) -> None:
        """See `Transport.close`; what was posted is sent."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def at_eof(self) -> bool:
        """See `Transport.at_eof`: whether nothing more will be read."""
        return self._over.done() and not self._rest

    def __bool__(self) -> bool:
        """Tell the library that there is a transport: it makes none of its own."""
        return True

    def _flush(self) -> None:
        if self._out and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(self._out))
        self._out.clear()
