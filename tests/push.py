"""A native backend in front of a scripted HTTP/2 peer, and a sink that remembers what it heard."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from bridge.backends.triton_native import NativeTritonBackend
from bridge.protocol import kserve
from tests import scripted_h2 as h2
from tests.scripted_backend import text
from tests.scripted_h2 import scripted_h2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from bridge.backends.push import Handle
    from bridge.errors import BridgeError, Reason
    from tests.scripted_h2 import Peer, ScriptedH2

WAIT = 10.0
CANCEL = b"\x00\x00\x00\x08"


class Ear:
    """A sink that remembers, and does on each batch what a test wants."""

    def __init__(
        self,
        on_batch: Callable[[Ear], None] = lambda _: None,
        on_end: Callable[[], object] = lambda: None,
    ) -> None:
        self.batches: list[list[str]] = []
        self.ends: list[BridgeError | None] = []
        self.over = asyncio.Event()
        self.handle: Handle | None = None
        self._on_batch, self._on_end = on_batch, on_end

    def responses(self, batch: Sequence[kserve.ModelInferResponse]) -> None:
        assert self.handle is not None, "a sink is called before open has returned"
        assert not self.ends
        self.batches.append([text(response) for response in batch])
        self._on_batch(self)

    def ended(self, error: BridgeError | None) -> None:
        assert self.handle is not None
        self.ends.append(error)
        self.over.set()
        self._on_end()

    @property
    def reason(self) -> Reason | None:
        (error,) = self.ends
        return error and error.reason


@asynccontextmanager
async def running(script: h2.Script, **options: Any) -> AsyncIterator[tuple[ScriptedH2, NativeTritonBackend]]:
    async with scripted_h2(script) as server:
        backend = NativeTritonBackend(server.address, **options)
        try:
            async with asyncio.timeout(WAIT):
                yield server, backend
        finally:
            await backend.close()


def opened(
    backend: NativeTritonBackend, ear: Ear | None = None, *, seconds: float = WAIT, size: int = 0
) -> Ear:
    """Open a generation, with a prompt of `size` bytes."""
    ear = ear or Ear()
    request = kserve.ModelInferRequest(model_name="m", raw_input_contents=[bytes(size)])
    deadline = asyncio.get_running_loop().time() + seconds
    ear.handle = backend.open(request, model="m", deadline=deadline, sink=ear)
    return ear


async def asked(peer: Peer) -> int:
    """Greet, and return the stream of the first request."""
    await peer.greet()
    return await peer.request()


def resets(server: ScriptedH2) -> list[bytes]:
    return [item.payload for peer in server.peers for item in peer.frames if item.kind == h2.RST_STREAM]
