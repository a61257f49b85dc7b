"""Workers and front ends on a request plane; the workers may be processes, which a test may kill."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bridge.config import Config, Nats
from bridge.operators.serving import make_worker
from tests.eventually import eventually

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from contextlib import AsyncExitStack

    from bridge.app import Bridge
    from bridge.backends.nats_plane import Plane
    from bridge.operators.worker import Worker
    from tests.conftest import Serve
    from tests.nats_server import NatsServer
    from tests.tritonserver import RunningTriton

COMMAND = (sys.executable, "-m", "bridge", "worker")
WITHIN = 10.0


@dataclass
class Stage:
    """What the fixture `stage` gives; all that it starts is stopped after the test."""

    nats: NatsServer
    tritons: list[RunningTriton]
    serve: Serve
    stack: AsyncExitStack
    workers: list[Worker] = field(default_factory=list)

    async def worker(self, at: int = 0, settings: Nats | None = None, **more: Any) -> Worker:
        """Offer the models of one of the Tritons, in this process."""
        worker = await self.stranger(at, settings, **more)
        await eventually(lambda: worker._offers.joined, WITHIN)
        return worker

    async def stranger(self, at: int = 0, settings: Nats | None = None, **more: Any) -> Worker:
        """Start a worker that may not be let in."""
        defaults = {"triton": self.tritons[at].address, "poll_interval": 0.1, "drain_timeout": 0.1}
        config = Config(**(defaults | more), nats=replace(settings or Nats(), url=self.nats.url))
        worker = make_worker(config)
        await worker.start()
        self.stack.push_async_callback(worker.stop)
        self.workers.append(worker)
        return worker

    async def worker_process(self, at: int = 0) -> Process:
        """Offer the models of one of the Tritons by the command."""
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "--nats", self.nats.url, "--triton", self.tritons[at].address
        )
        self.stack.push_async_callback(_end, process)
        return process

    async def front_end(self, workers: int = 1, **settings: Any) -> Bridge:
        """Return a bridge that knows so many workers, and has the model."""
        bridge = await self.serve(upstream=self.nats.url, **settings)
        await self.knows(bridge, workers)
        await eventually(lambda: "echo_vllm" in bridge._handlers.catalog.found, WITHIN)
        return bridge

    async def knows(self, bridge: Bridge, workers: int) -> None:
        """Wait until a bridge knows so many workers that offer something."""
        await eventually(lambda: len(having(bridge)) == workers, WITHIN)


def plane_of(bridge: Bridge) -> Plane:
    """Return what a bridge knows of its request plane."""
    plane: Plane = bridge._handlers.catalog.backend._plane
    return plane


def having(bridge: Bridge) -> list[str]:
    """Return the workers that a bridge would ask."""
    return [worker.component_id for worker in plane_of(bridge).roster.having("echo_vllm", "")]


def look(plane: Plane, after: float) -> None:
    """Let a time of silence pass for the generations of a bridge, without waiting for it."""
    for generation in list(plane._generations.values()):
        generation.look(asyncio.get_running_loop().time() + after)


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    async with asyncio.timeout(WITHIN):
        await process.wait()
