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
from benchmarks.mock_triton.questions import Questions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

MODELS: Final = ("burst", "tick-2ms", "tick-20ms")


@dataclass(frozen=True, slots=True)
class MockTriton:
    """A running mock."""

    address: str
    """HOST:PORT."""
    counts: Counts
    models: dict[str, Model]
    """By name."""

    @property
    def running(self) -> int:
        """How many answers are not complete."""
        return sum(model.running for model in self.models.values())


@asynccontextmanager
async def serve(
    models: Sequence[str] = MODELS, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[MockTriton]:
    """Serve until the block ends; then all connections are closed.

    Args:
        models: `burst`, or `tick-Nms` for any N.
        host: address to listen on.
        port: 0 takes a free one.

    Raises:
        ValueError: a model has another name.
        OSError: the address cannot be bound.
    """
    counts = Counts()
    made = {name: Model(tick(name), counts) for name in models}
    questions = Questions(made)
    connections: WeakSet[Connection] = WeakSet()

    def accept() -> Connection:
        connection = Connection(made, questions, counts)
        connections.add(connection)
        return connection

    server = await asyncio.get_running_loop().create_server(accept, host, port, backlog=4096)
    bound = server.sockets[0].getsockname()[1]
    try:
        yield MockTriton(f"{host}:{bound}", counts, made)
    finally:
        server.close()
        for connection in list(connections):
            connection.abort()
        await server.wait_closed()
