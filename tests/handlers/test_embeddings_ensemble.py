"""Embeddings of an ensemble: a caller that leaves cancels no call, for Triton would not get over it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from openai_bridge.v1.embeddings_pb2 import CreateEmbeddingRequest, EmbeddingInput

from bridge.config import Config
from bridge.handlers.base import Call
from bridge.handlers.embeddings import EmbeddingsHandler
from bridge.observability.metrics import Metrics
from bridge.observability.record import RequestRecord
from bridge.protocol import kserve
from bridge.wiring import make_backend, make_catalog
from tests.eventually import eventually
from tests.scripted_triton import data, empty, scripted_triton

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WAIT = 5.0


def embeds(platform: str) -> kserve.ModelConfig:
    made = kserve.ModelConfig(name="m", platform=platform, backend="" if platform else "python")
    made.input.add(name="text", data_type="TYPE_STRING", dims=[1])
    made.output.add(name="vector", data_type="TYPE_FP32", dims=[2])
    return made


def call() -> Call:
    record = RequestRecord(Metrics(), door="grpc", endpoint="embeddings", request_id="r")
    return Call(request_id="r", deadline=asyncio.get_running_loop().time() + WAIT, record=record)


@pytest.mark.parametrize("transport", ["native", "grpcio"])
@pytest.mark.parametrize("platform", ["ensemble", ""])
async def test_only_a_call_of_another_model_is_cancelled(transport: str, platform: str) -> None:
    left = asyncio.Event()

    async def script(_: Any) -> AsyncIterator[kserve.ModelStreamInferResponse]:
        await left.wait()
        yield data("late")
        yield empty(final=True)

    async with scripted_triton(script, embeds(platform)) as peer:
        config = Config(triton=peer.address, triton_transport=transport)  # type: ignore[arg-type]  # one of two
        backend = make_backend(config)
        catalog = make_catalog(config, backend)
        await catalog.refresh()
        request = CreateEmbeddingRequest(model="m", input=[EmbeddingInput(text="x")])
        asking = asyncio.create_task(EmbeddingsHandler(catalog).create(request, call()))
        await eventually(lambda: peer.calls and peer.calls[0].half_closed.is_set())
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        if platform:
            left.set()
            await eventually(lambda: peer.calls[0].ended)
            assert not peer.calls[0].cancelled.is_set()
        else:
            await eventually(peer.calls[0].cancelled.is_set)
        await backend.close()
