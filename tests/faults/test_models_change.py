"""Models that are unloaded, loaded again, or crash while the bridge runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from openai_bridge.v1 import models_pb2

from tests.faults.conftest import repository
from tests.grpc_client import WAIT, Details, chat, connected, failure, read, words

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import Serve
    from tests.grpc_client import Stubs
    from tests.tritonserver import RunningTriton

NEVER = 3600.0
"""A poll interval at which only requests make the bridge look."""


@pytest.fixture
async def unloading(own: RunningTriton) -> AsyncIterator[Any]:
    """Return the repository; `plain` is loaded again after the test."""
    async with repository(own) as opened:
        yield opened
        await opened.load("plain")


async def names(stubs: Stubs) -> list[str]:
    listed = await stubs.models.ListModels(models_pb2.ListModelsRequest(), timeout=WAIT)
    return [model.id for model in listed.data]


async def test_an_unloaded_model_is_not_found_and_served_again_when_it_is_loaded(
    own: RunningTriton, serve: Serve, unloading: Any
) -> None:
    bridge = await serve(triton=own.address, poll_interval=NEVER)
    async with connected(bridge.grpc_port) as stubs:
        assert "plain" in await names(stubs)
        await unloading.unload("plain")
        error = await failure(stubs.chat.CreateChatCompletion(chat(model="plain"), timeout=WAIT))
        assert error.code() is grpc.StatusCode.NOT_FOUND
        details = Details.of(error)
        assert details.resource is not None
        assert details.resource.resource_name == "plain"
        assert "plain" not in await names(stubs)

        await unloading.load("plain")
        answer = await stubs.chat.CreateChatCompletion(chat(model="plain"), timeout=WAIT)
        assert answer.choices[0].message.content
        assert "plain" in await names(stubs)


async def test_a_crash_is_a_clear_error_until_the_model_is_loaded_anew(
    own: RunningTriton, serve: Serve
) -> None:
    bridge = await serve(triton=own.address, token_timeout=0.5)
    said: list[Any] = []
    async with connected(bridge.grpc_port) as stubs, repository(own) as opened:
        call = stubs.chat.CreateChatCompletionStream(chat(model="crasher"), timeout=WAIT)
        with pytest.raises(grpc.aio.AioRpcError) as crashed:
            await read(call, said)
        unhealthy = await failure(stubs.chat.CreateChatCompletion(chat(model="crasher"), timeout=WAIT))
        others = await stubs.chat.CreateChatCompletion(chat(), timeout=WAIT)
        await opened.unload("crasher")
        await opened.load("crasher")
        sound = chat({"words": 2, "crash_at": 99}, model="crasher")
        repaired = await stubs.chat.CreateChatCompletion(sound, timeout=WAIT)

    assert said[1].choices[0].delta.content == "word0 "
    assert crashed.value.code() in {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE}
    assert unhealthy.code() is grpc.StatusCode.UNAVAILABLE
    assert "not healthy" in unhealthy.details()
    details = Details.of(unhealthy)
    assert details.info is not None
    assert details.info.reason == "BACKEND_UNAVAILABLE"
    assert others.choices[0].message.content
    assert repaired.choices[0].message.content == words(2)
