"""What open streams hold in memory, and that none of ten thousand is lost."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.load.http import HttpConnection
from benchmarks.measure import measure
from benchmarks.plan import OPEN
from benchmarks.servers import Server

if TYPE_CHECKING:
    from benchmarks.measure import Sample
    from benchmarks.servers import Servers


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one process of the bridge."""

    idle: int
    """Bytes before its first request."""
    most: int
    """Bytes at the most."""
    streams: int
    """How many were open at once."""
    sample: Sample

    @property
    def per_stream(self) -> float:
        """Bytes of an open stream."""
        return (self.most - self.idle) / self.streams


def raise_limit() -> None:
    """Let this process and those that it starts open as many files as they may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def measure_memory(servers: Servers) -> Memory:
    """Open 10 000 streams on a bridge of its own.

    Raises:
        LostTokenError: one was not answered whole.
    """
    process = servers.bridge()
    server = Server(process, process.found[0], HttpConnection)
    idle = process.rss()
    sample = await measure(server, OPEN)
    memory = Memory(idle, process.most_rss(), sample.open_at_once, sample)
    process.stop()
    return memory
