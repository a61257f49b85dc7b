"""Where frontends send requests: on connections that stay, in a row, each of them acknowledged."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING, cast

from bridge.errors import BridgeError
from bridge.protocol.dynamo.frames import RequestReader, acknowledgement

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.protocol.dynamo.frames import Request

logger = logging.getLogger(__name__)


class Listener:
    """See the module."""

    def __init__(self, accept: Callable[[Request], str], max_body: int) -> None:
        """Prepare; `start` listens.

        Args:
            accept: takes a request, or returns why not: a text of `answers`.
            max_body: bytes of the largest body that is kept.
        """
        self._accept = accept
        self._max_body = max_body
        self._server: asyncio.Server | None = None
        self._open: set[_Connection] = set()

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port.

        Raises:
            OSError: the address cannot be bound.
        """
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: _Connection(self._accept, self._max_body, self._open), host, port
            )
        except OSError as exc:
            why = os.strerror(exc.errno or 0)  # the text of the event loop says all of it once more
            raise OSError(f"dynamo: cannot listen on {host}:{port}: {why}") from exc
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        """Close all connections."""
        if self._server is not None:
            self._server.close()
            for connection in tuple(self._open):
                connection.close()
            await self._server.wait_closed()


class _Connection(asyncio.Protocol):
    """One connection of a frontend."""

    def __init__(self, accept: Callable[[Request], str], max_body: int, open_: set[_Connection]) -> None:
        self._accept = accept
        self._requests = RequestReader(max_body)
        self._open = open_
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._open.add(self)

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete, all in one write."""
        if self._transport is None:
            return
        try:
            taken = [acknowledgement(self._accept(request)) for request in self._requests.feed(data)]
        except BridgeError as exc:
            logger.warning("a frontend's connection was closed: %s", exc.message)
            self._transport.abort()
        else:
            self._transport.write(b"".join(taken))

    def pause_writing(self) -> None:
        """Take no more from a frontend that does not read what it is told."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        if self._transport is not None:
            self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why does not matter
        self._open.discard(self)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
