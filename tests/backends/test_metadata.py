"""What goes with a request reaches the server, over either transport and whichever server it is."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from bridge.config import Config, Upstream
from bridge.observability.metrics import Metrics
from bridge.protocol import kserve
from bridge.wiring import make_backend
from tests.scripted_triton import data, refused_address, scripted_triton, sends
from tests.two_transports import EITHER, WAIT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bridge.backends.base import Backend

SENT = (("traceparent", "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"), ("tracestate", "a= 1,b=~!@#"))
ANSWER = sends(data("a", final=True))


async def ask(backend: Backend, metadata: Sequence[tuple[str, str]]) -> None:
    request = kserve.ModelInferRequest(model_name="m", id="r")
    deadline = asyncio.get_running_loop().time() + WAIT
    stream = backend.stream(request, model="m", deadline=deadline, metadata=metadata)
    async with aclosing(stream) as batches:
        assert [batch async for batch in batches]


@asynccontextmanager
async def closing(backend: Backend) -> AsyncIterator[Backend]:
    try:
        yield backend
    finally:
        await backend.close()


@EITHER
async def test_metadata_reaches_the_server(transport: type) -> None:
    async with scripted_triton(ANSWER) as peer, closing(transport(peer.address)) as backend:
        await ask(backend, SENT)
        await ask(backend, ())

    with_it, without = (dict(call.metadata) for call in peer.calls)
    assert with_it.items() >= dict(SENT).items()
    assert without.keys() & dict(SENT).keys() == set()


@pytest.mark.parametrize("transport", ["native", "grpcio"])
async def test_metadata_goes_along_to_another_server(transport: str) -> None:
    with refused_address() as nowhere:
        async with scripted_triton(ANSWER) as peer:
            tritons = tuple(Upstream(address=address) for address in (nowhere, peer.address))
            config = Config(triton=tritons, triton_transport=transport)
            async with closing(make_backend(config, metrics := Metrics())) as backend:
                for _ in range(2):  # either is the first to be asked, once
                    await ask(backend, SENT)

    assert [dict(call.metadata).items() >= dict(SENT).items() for call in peer.calls] == [True, True]
    assert b"openai_bridge_retries_total{" in metrics.text()
