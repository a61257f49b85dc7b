"""A balanced backend over scripted Tritons, and what its metrics say."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from bridge.config import Balancing, Config, Upstream
from bridge.errors import BridgeError
from bridge.observability.metrics import Metrics
from bridge.protocol import kserve
from bridge.wiring import make_backend
from tests.scripted_backend import text
from tests.scripted_triton import data, empty, scripted_triton, sends

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from bridge.backends.balanced import Balanced
    from tests.scripted_triton import Script, ScriptedTriton

WAIT = 5.0
WELL = sends(data("a"), data("b"), empty(final=True))

each_transport = pytest.mark.parametrize("transport", ["native", "grpcio"])


@dataclass(frozen=True)
class Setting:
    """Peers, the backend over them, and what was counted."""

    peers: list[ScriptedTriton]
    backend: Balanced
    metrics: Metrics
    placed: list[str]
    """Addresses in the order that generations went there."""

    def went(self) -> str:
        """Return where the generations went, a letter for each peer."""
        names = {peer.address: "abcdef"[at] for at, peer in enumerate(self.peers)}
        return "".join(names[address] for address in self.placed)

    def count(self, name: str, at: int, **labels: str) -> float:
        """Return a metric of the peer number `at`."""
        wanted = {"upstream": self.peers[at].address, **labels}
        lines = self.metrics.text().decode().splitlines()
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in lines
            if line.startswith(f"openai_bridge_{name}{{")
            and all(f'{key}="{value}"' in line for key, value in wanted.items())
        )


@asynccontextmanager
async def balancing(
    *scripts: Script,
    transport: str = "native",
    servers: Mapping[str, Any] | None = None,
    look: bool = True,
    settings: Mapping[str, Any] | None = None,
    **rules: Any,
) -> AsyncIterator[Setting]:
    """Serve each script by a peer of its own, which has the model `m`.

    Args:
        scripts: what each peer says.
        transport: how they are spoken to.
        servers: further settings of each server.
        look: whether their models are asked for first.
        settings: further settings of the bridge.
        rules: settings of the balancing.
    """
    async with AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(scripted_triton(script)) for script in scripts]
        config = Config(
            triton=tuple(Upstream(address=peer.address, **(servers or {})) for peer in peers),
            triton_transport=transport,
            balancing=Balancing(**rules),
            **(settings or {}),
        )
        metrics = Metrics()
        backend = make_backend(config, metrics)
        stack.push_async_callback(backend.close)
        if look:
            await backend.ready_models()
        yield Setting(peers, backend, metrics, [])


async def said(setting: Setting, into: list[str] | None = None, *, seconds: float = WAIT) -> list[str]:
    """Return the texts of one generation; those before a failure are left in `into`."""
    collected = [] if into is None else into
    deadline = asyncio.get_running_loop().time() + seconds
    request = kserve.ModelInferRequest(model_name="m", id="r1")
    stream = setting.backend.stream(request, model="m", deadline=deadline, placed=setting.placed.append)
    async with asyncio.timeout(2 * WAIT):
        try:
            async for batch in stream:
                collected.extend(part.decode() if isinstance(part, bytes) else text(part) for part in batch)
        finally:
            await stream.aclose()
    return collected


async def failure(setting: Setting, into: list[str] | None = None, **options: Any) -> BridgeError:
    """Run one generation that must fail; return how."""
    with pytest.raises(BridgeError) as caught:
        await said(setting, into, **options)
    return caught.value
