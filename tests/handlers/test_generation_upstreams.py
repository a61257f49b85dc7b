"""Requests over several Tritons: what is tried elsewhere, at every kind of request, and how it is logged."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from openai_bridge.v1.completions_pb2 import CreateCompletionRequest, Prompt
from openai_bridge.v1.embeddings_pb2 import CreateEmbeddingRequest, EmbeddingInput

from bridge.config import Config, ModelConfig, Upstream
from bridge.errors import BridgeError, Reason
from bridge.handlers.base import Call
from bridge.handlers.completions import completions_handler
from bridge.handlers.embeddings import EmbeddingsHandler
from bridge.observability.metrics import Metrics
from bridge.observability.record import RequestRecord
from bridge.wiring import make_backend, make_catalog
from tests.scripted_triton import config, data, empty, error, fails, scripted_triton, sends

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bridge.handlers.catalog import Catalog
    from tests.scripted_triton import Script, ScriptedTriton

WAIT = 5.0
WELL = sends(data("a"), data("b"), empty(final=True))
UNAVAILABLE = fails(grpc.StatusCode.UNAVAILABLE, "Server exiting")
OTHER_TENSORS = sends(error("unexpected inference input 'x' for model 'm'"))


@dataclass(frozen=True, slots=True)
class Setting:
    """Handlers over scripted Tritons."""

    peers: list[ScriptedTriton]
    catalog: Catalog

    @property
    def calls(self) -> list[int]:
        """How many generations each peer got."""
        return [len(peer.calls) for peer in self.peers]

    def call(self) -> Call:
        record = RequestRecord(Metrics(), door="grpc", endpoint="completions", request_id="r")
        return Call(request_id="r", deadline=asyncio.get_running_loop().time() + WAIT, record=record)

    async def complete(self, call: Call | None = None, **fields: Any) -> list[str]:
        """Return the texts of the choices."""
        request = CreateCompletionRequest(**{"model": "m", "prompt": [Prompt(text="p")], **fields})
        handler: Any = completions_handler(self.catalog)
        answer = await handler.complete(request, call or self.call())
        return [choice.text for choice in answer.choices]


@asynccontextmanager
async def running(
    *scripts: Script, models: Callable[[list[str]], dict[str, ModelConfig]] = lambda _: {}
) -> AsyncIterator[Setting]:
    async with AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(scripted_triton(script, config("m"))) for script in scripts]
        made = Config(
            triton=tuple(Upstream(address=peer.address) for peer in peers),
            models=models([peer.address for peer in peers]),
        )
        backend = make_backend(made)
        stack.push_async_callback(backend.close)
        catalog = make_catalog(made, backend)
        await catalog.refresh()
        yield Setting(peers, catalog)


async def test_a_failed_try_leaves_nothing_in_the_answer() -> None:
    async with running(UNAVAILABLE, WELL) as setting:
        assert await setting.complete() == ["ab"]
        assert setting.calls == [1, 1]


async def test_every_choice_is_tried_by_itself() -> None:
    async with running(UNAVAILABLE, WELL) as setting:
        assert await setting.complete(n=3) == ["ab"] * 3
        assert setting.calls[1] == 3


async def test_embeddings_are_tried_elsewhere_too() -> None:
    embedder = config("m")
    embedder.output[0].data_type = 11  # FP32
    embedder.output[0].dims[:] = [1]
    async with running(UNAVAILABLE, UNAVAILABLE) as setting:
        for peer in setting.peers:
            peer.models["m"] = embedder
        await setting.catalog.refresh(forget=True)
        request = CreateEmbeddingRequest(model="m", input=[EmbeddingInput(text="x")])
        with pytest.raises(BridgeError):
            await EmbeddingsHandler(setting.catalog).create(request, setting.call())
        assert setting.calls == [1, 1]


async def test_the_line_of_a_request_names_every_server_it_went_to(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with running(UNAVAILABLE, WELL) as setting:
        call = setting.call()
        await setting.complete(call)
        call.record.end()
        one, other = (peer.address for peer in setting.peers)
    (line,) = [record.__dict__["facts"] for record in caplog.records if record.name == "bridge.access"]
    assert line["upstream"] == f"{one},{other}"


def second_only(addresses: list[str]) -> dict[str, ModelConfig]:
    return {"there": ModelConfig(triton_model="m", upstreams=(addresses[1],))}


async def test_a_model_of_some_servers_runs_only_there() -> None:
    async with running(WELL, WELL, models=second_only) as setting:
        for _ in range(3):
            await setting.complete(model="there")
        assert setting.calls == [0, 3]


async def test_a_model_of_some_servers_is_not_tried_on_others() -> None:
    async with running(WELL, UNAVAILABLE, models=second_only) as setting:
        with pytest.raises(BridgeError):
            await setting.complete(model="there")
        assert setting.calls == [0, 2]


async def test_one_server_with_other_tensors_is_left_out_and_nothing_is_asked_anew() -> None:
    async with running(OTHER_TENSORS, WELL) as setting:
        for peer in setting.peers:
            peer.asked.clear()
        for _ in range(4):
            assert await setting.complete() == ["ab"]
        assert setting.calls == [1, 4]
        assert "m" not in setting.peers[0].asked + setting.peers[1].asked


async def test_when_no_server_has_the_expected_tensors_they_are_asked_anew() -> None:
    async with running(OTHER_TENSORS, OTHER_TENSORS) as setting:
        for peer in setting.peers:
            peer.asked.clear()
        with pytest.raises(BridgeError) as caught:
            await setting.complete()
        assert caught.value.reason is Reason.BACKEND_CONTRACT
        assert "m" in setting.peers[0].asked + setting.peers[1].asked
