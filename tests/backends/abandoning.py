"""A peer whose generations hang until they are told to stop, and a backend in front of it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bridge.protocol import kserve
from tests.eventually import eventually
from tests.scripted_backend import text
from tests.scripted_triton import data, empty, scripted_triton

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from tests.scripted_triton import PeerCall, Script, ScriptedTriton

WAIT = 5.0
SHORT = 0.15
"""A limit in seconds that a test waits for."""


@dataclass
class Counts:
    """A meter."""

    running: int = 0
    ends: list[str] = field(default_factory=list)
    failures: int = 0

    def abandoned(self) -> None:
        self.running += 1

    def gone(self, end: str) -> None:
        self.running -= 1
        self.ends.append(end)

    def stop_failed(self) -> None:
        self.failures += 1

    async def end(self) -> str:
        """Return how the only one ended."""
        await eventually(lambda: self.ends)
        (end,) = self.ends
        assert self.running == 0
        return end


class Engine:
    """Says a text and hangs until it is told to stop, so many times."""

    def __init__(self, needed: int = 1) -> None:
        self.needed = needed
        self._told = asyncio.Event()

    async def generates(self, _: Any) -> AsyncIterator[kserve.ModelStreamInferResponse]:
        yield data("a")
        await self._told.wait()
        yield data("never read")
        yield empty(final=True)

    async def stops(self, _: Any) -> AsyncIterator[kserve.ModelStreamInferResponse]:
        self.needed -= 1
        if not self.needed:
            self._told.set()
        yield empty(final=True)


@dataclass(frozen=True)
class Setting:
    peer: ScriptedTriton
    backend: Any
    counts: Counts

    def stream(self, stop: Any = None, seconds: float = WAIT) -> AsyncGenerator[Any, None]:
        deadline = asyncio.get_running_loop().time() + seconds
        request = kserve.ModelInferRequest(model_name="m", id="r1")
        stream: AsyncGenerator[Any, None] = self.backend.stream(
            request, model="m", deadline=deadline, stop=stop or stopping
        )
        return stream

    @property
    def victim(self) -> PeerCall:
        return self.peer.calls[0]

    @property
    def stops(self) -> list[PeerCall]:
        return self.peer.calls[1:]


def stopping() -> kserve.ModelInferRequest:
    request = kserve.ModelInferRequest(model_name="engine", id="r1")
    request.inputs.add(name="stop", datatype="BOOL", shape=[1])
    return request


def unstoppable() -> None: ...


@asynccontextmanager
async def running(
    transport: Any, generates: Script, stops: Script | None = None, **options: Any
) -> AsyncIterator[Setting]:
    """Return a peer and a backend in front of it; at the end nothing runs any more."""
    async with scripted_triton(generates) as peer:
        peer.stopping = stops or peer.stopping
        counts = Counts()
        backend = transport(peer.address, meter=counts, **options)
        try:
            yield Setting(peer, backend, counts)
        finally:
            await eventually(lambda: not backend._abandoned.running)
            await backend.close()
            assert counts.running == 0


async def left(setting: Setting, stop: Any = None) -> None:
    """Begin a generation, read one text of it, and leave."""
    async with aclosing(setting.stream(stop)) as batches:
        async for batch in batches:
            assert text(batch[0]) == "a"
            break


async def collect(stream: AsyncGenerator[Any, None], into: list[str]) -> None:
    async with aclosing(stream) as batches:
        async for batch in batches:
            into.extend(item.decode() if isinstance(item, bytes) else text(item) for item in batch)
