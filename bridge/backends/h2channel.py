"""Calls to one server: keeps a connection, replaces it when the peer ends it, backs off when it refuses.

Connects with the first call. Calls that come meanwhile wait for that one attempt.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from bridge.backends.base import LINGER
from bridge.backends.h2call import Call
from bridge.backends.h2link import Link, Peer
from bridge.protocol.h2grpc.status import Status, StatusCode
from bridge.protocol.h2grpc.stream import Limits

if TYPE_CHECKING:
    from ssl import SSLContext

    from bridge.backends.base import Metadata
    from bridge.backends.h2call import Receiver

FIRST_BACKOFF: Final = 0.1
"""Seconds after a failed attempt in which calls fail at once."""

MAX_BACKOFF: Final = 1.0
"""The longest such time: a restarted server must be found soon."""

BACKOFF_FACTOR: Final = 1.6

KEEPALIVE: Final = 300.0
"""Seconds between pings on a silent connection: Triton takes more of them for an attack."""

_UNREACHABLE: Final = Status(StatusCode.UNAVAILABLE, "failed to connect")
_CLOSED: Final = Status(StatusCode.CANCELLED, "the channel is closed")


class Channel:
    """See the module."""

    def __init__(
        self,
        address: str,
        *,
        ssl: SSLContext | None = None,
        server_name: str | None = None,
        metadata: Metadata = (),
        limits: Limits | None = None,
        keepalive: float = KEEPALIVE,
        keepalive_timeout: float = 20.0,
        connect_timeout: float = 5.0,
    ) -> None:
        """Prepare; the first call connects.

        Args:
            address: HOST:PORT.
            ssl: for TLS; the server must choose h2 by ALPN.
            server_name: the name in its certificate; None is the host of the address.
            metadata: goes with every call.
            limits: what the server may send.
            keepalive: seconds of silence, while calls run, before a ping.
            keepalive_timeout: seconds until a ping is answered.
            connect_timeout: seconds until the server has greeted.
        """
        host, _, port = address.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)
        self._ssl, self._server_name = ssl, server_name
        if ssl is not None:
            ssl.set_alpn_protocols(["h2"])
        self._peer = Peer(address, ssl is not None, keepalive, keepalive_timeout, tuple(metadata))
        self._limits = limits or Limits()
        self._connect_timeout = connect_timeout
        self.closed = False
        """Whether `close` was called: what ends now is our own doing."""
        self._link: Link | None = None
        self._links: set[Link] = set()
        self._waiting: dict[Call, None] = {}
        self._connecting: asyncio.Task[None] | None = None
        self._backoff = FIRST_BACKOFF
        self._retry_at = 0.0

    def call(
        self, path: str, message: bytes, *, deadline: float, receiver: Receiver, metadata: Metadata = ()
    ) -> Call:
        """Make a call; its receiver hears nothing before this returns.

        Args:
            path: /package.Service/Method.
            message: the request, serialized.
            deadline: time of the event loop's clock at which the call ends.
            receiver: hears what comes.
            metadata: goes with the message.
        """
        call = Call(self, path, message, deadline=deadline, receiver=receiver, metadata=metadata)
        self.start(call)
        return call

    def start(self, call: Call) -> None:
        """Begin a call, here or once there is a connection."""
        if self.closed:
            asyncio.get_running_loop().call_soon(call.ended, _CLOSED)
            return
        if self._link is not None and self._link.accepting:
            self._link.open(call)
            return
        self._waiting[call] = None
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())

    def forget(self, call: Call) -> None:
        """Do not begin a call that waits."""
        self._waiting.pop(call, None)

    def doubt(self, since: float) -> None:
        """Make the next calls on a new connection if nothing has come on this one since a time.

        A connection may be half-open: its peer is gone, or does not reach us, and nobody tells.
        """
        if self._link is not None and self._link.silent_since(since):
            self._link.retire()

    async def close(self) -> None:
        """End all calls, CANCELLED, and all connections."""
        self.closed = True
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        for call in self._take_waiting():
            call.ended(_CLOSED)
        links = list(self._links)
        for link in links:
            link.retire()
        if links:  # what is about to end may do so: see LINGER
            await asyncio.wait([asyncio.create_task(link.gone()) for link in links], timeout=LINGER)
        for link in list(self._links):
            link.close()
        for link in links:
            await link.gone()

    async def _connect(self) -> None:
        """Make one attempt and tell the calls that wait for it."""
        link = Link(self._peer, self._limits, self._links.discard)
        try:
            await self._reach(link)
        except (OSError, ValueError):  # ValueError: a host name that cannot be one
            self._connecting = None
            for call in self._take_waiting():
                call.ended(_UNREACHABLE)
        else:
            self._connecting = None
            self._link = link
            for call in self._take_waiting():
                self.start(call)

    async def _reach(self, link: Link) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() < self._retry_at:
            raise ConnectionError("too soon after the last attempt")
        try:
            async with asyncio.timeout(self._connect_timeout):
                name = self._server_name if self._ssl else None
                await loop.create_connection(
                    lambda: link, self._host, self._port, ssl=self._ssl, server_hostname=name
                )
                await link.ready()
        except BaseException:
            link.abort()
            await link.gone()
            self._retry_at = loop.time() + self._backoff
            self._backoff = min(self._backoff * BACKOFF_FACTOR, MAX_BACKOFF)
            raise
        self._links.add(link)
        self._backoff = FIRST_BACKOFF

    def _take_waiting(self) -> list[Call]:
        waiting, self._waiting = list(self._waiting), {}
        return waiting
