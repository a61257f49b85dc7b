"""Clients that ask for much and do not read: what they cost, and whether others notice."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.load.http import HttpConnection
from benchmarks.measure import measure
from benchmarks.mock_triton.answers import MAX_TOKENS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from benchmarks.measure import Sample
    from benchmarks.plan import Scenario
    from benchmarks.servers import Servers

STALLED: Final = 8
_RECEIVE_BUFFER: Final = 16 * 1024
"""Bytes that the kernel may take for a client: else it would take megabytes, and nobody would be stalled."""
_SETTLE: Final = 0.5
"""Seconds until what may be buffered is buffered."""


@dataclass(frozen=True, slots=True)
class Beside:
    """A load beside stalled clients."""

    sample: Sample
    per_stalled: float
    """Bytes of memory for each stalled client."""


async def measure_beside_stalled(servers: Servers, scenario: Scenario) -> Beside:
    """Run a scenario while other clients of the same server do not read.

    Raises:
        LostTokenError: an answer of the scenario was not whole.
    """
    server = servers.by_name[scenario.server]
    before = server.process.rss()
    async with _stalled(server.address):
        grown = server.process.rss() - before
        return Beside(await measure(server, scenario), max(0, grown) / STALLED)


class _Stalled(HttpConnection):
    """Reads no more once its answer has begun."""

    def data_received(self, data: bytes) -> None:
        self.take(data)
        self._transport.pause_reading()


@asynccontextmanager
async def _stalled(address: str) -> AsyncIterator[None]:
    host, _, port = address.rpartition(":")
    loop = asyncio.get_running_loop()
    connections: list[_Stalled] = []
    try:
        for _ in range(STALLED):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            client.setblocking(False)
            await loop.sock_connect(client, (host, int(port)))
            _, connection = await loop.create_connection(lambda: _Stalled("burst"), sock=client)
            connections.append(connection)
            connection.ask(1, MAX_TOKENS)
        await asyncio.sleep(_SETTLE)
        yield
    finally:
        for connection in connections:
            connection.close()
