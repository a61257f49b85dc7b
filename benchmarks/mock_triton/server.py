"""Starting and stopping a mock on a port."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

from benchmarks.mock_triton.connection import Connection
from benchmarks.mock_triton.counts import Counts
from benchmarks.mock_triton.engine import Model, tick
from benchmarks.mock_triton.generate_stream import HttpConnection
from benchmarks.mock_triton.questions import Questions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

MODELS: Final = ("burst", "tick-2ms", "tick-20ms")
_BACKLOG: Final = 4096


@dataclass(frozen=True, slots=True)
class MockTriton:
    """A running mock."""

    address: str
    """HOST:PORT of gRPC."""
    http_address: str
    """HOST:PORT of HTTP, which has generate_stream only."""
    counts: Counts
    models: dict[str, Model]
    """By name."""

    @property
    def running(self) -> int:
        """How many answers are not complete."""
        return sum(model.running for model in self.models.values())


@asynccontextmanager
async def serve(
    models: Sequence[str] = MODELS, *, host: str = "127.0.0.1", port: int = 0, http_port: int = 0
) -> AsyncIterator[MockTriton]:
    """Serve until the block ends; then all connections are closed.

    Args:
        models: `burst`, or `tick-Nms` for any N.
        host: address to listen on.
        port: of gRPC; 0 takes a free one.
        http_port: of HTTP; 0 takes a free one.

    Raises:
        ValueError: a model has another name.
        OSError: the address cannot be bound.
    """
    counts = Counts()
    made = {name: Model(tick(name), counts) for name in models}
    questions = Questions(made)
    connections: WeakSet[Connection | HttpConnection] = WeakSet()

    def accept(connection: Connection | HttpConnection) -> Connection | HttpConnection:
        connections.add(connection)
        return connection

    loop = asyncio.get_running_loop()
    grpc = await loop.create_server(
        lambda: accept(Connection(made, questions, counts)), host, port, backlog=_BACKLOG
    )
    http = await loop.create_server(
        lambda: accept(HttpConnection(made, counts)), host, http_port, backlog=_BACKLOG
    )
    servers = (grpc, http)
    grpc_address, http_address = (f"{host}:{server.sockets[0].getsockname()[1]}" for server in servers)
    try:
        yield MockTriton(grpc_address, http_address, counts, made)
    finally:
        for server in servers:
            server.close()
        for connection in list(connections):
            connection.abort()
        for server in servers:
            await server.wait_closed()
