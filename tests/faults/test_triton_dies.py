"""Triton killed and back: what runs fails with a clear error, what comes after works without a restart."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import grpc
import pytest
from grpc_health.v1 import health_pb2

from tests.faults.conftest import restart
from tests.grpc_client import (
    WAIT,
    Details,
    chat,
    connected,
    failure,
    health,
    health_becomes,
    in_flight,
    prompt,
    words,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.grpc_client import Stubs
    from tests.tritonserver import RunningTriton

NOTICED = 1.0
"""Seconds in which a running request must have learnt that Triton is gone."""

BACK = 3.0
"""Seconds after which a request must be served by a Triton that is back."""

PAUSE = 0.02
"""Seconds between two tries."""

ENDLESS = {"words": 1000, "delay_ms": 5}


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WAIT)) as session:
        yield session


def url(bridge: Bridge, path: str) -> str:
    return f"http://127.0.0.1:{bridge.http_port}{path}"


def body(directive: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "model": "echo_vllm",
        "messages": [{"role": "user", "content": prompt(**directive)}],
        "max_tokens": 1000,
        **fields,
    }


async def test_a_kill_in_mid_stream_ends_the_grpc_stream_as_unavailable(
    own: RunningTriton, serve: Serve
) -> None:
    bridge = await serve(triton=own.address)
    said: list[Any] = []
    async with connected(bridge.grpc_port) as stubs:
        call = stubs.chat.CreateChatCompletionStream(chat(ENDLESS), timeout=WAIT)
        said += [await call.read(), await call.read()]
        own.server.kill()
        killed = time.monotonic()
        error = await failure(call)
        noticed = time.monotonic() - killed

    details = Details.of(error)
    assert said[1].choices[0].delta.content == "word0 "
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert error.details() == "Triton cannot be reached"
    assert details.info is not None
    assert details.info.reason == "BACKEND_UNAVAILABLE"
    assert details.retry is not None
    assert noticed < NOTICED
    assert in_flight(bridge.metrics.text()) == 0


async def test_a_kill_in_mid_stream_ends_the_http_stream_with_an_error_event(
    own: RunningTriton, serve: Serve, http: aiohttp.ClientSession
) -> None:
    bridge = await serve(triton=own.address)
    asked = http.post(url(bridge, "/v1/chat/completions"), json=body(ENDLESS, stream=True))
    async with asked as response:
        assert response.status == 200
        begun = await response.content.readuntil(b"word0")
        own.server.kill()
        rest = await response.content.read()

    *_, error, done, nothing = (begun + rest).split(b"\n\n")
    assert (done, nothing) == (b"data: [DONE]", b"")
    assert json.loads(error.removeprefix(b"data: ")) == {
        "error": {
            "message": "Triton cannot be reached",
            "type": "server_error",
            "param": None,
            "code": "service_unavailable",
        }
    }


async def test_a_bridge_that_was_there_before_triton_serves_when_triton_comes(
    dead: RunningTriton, serve: Serve, http: aiohttp.ClientSession
) -> None:
    bridge = await serve(triton=dead.address)
    async with connected(bridge.grpc_port) as stubs:
        assert await health(stubs) == "NOT_SERVING"
        error = await failure(stubs.chat.CreateChatCompletion(chat(), timeout=WAIT))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        async with http.get(url(bridge, "/v1/models")) as response:
            assert response.status == 503

        await restart(dead)
        await until_served(stubs)
        await health_becomes(stubs, "SERVING")
        async with http.get(url(bridge, "/v1/models")) as response:
            assert "echo_vllm" in [model["id"] for model in (await response.json())["data"]]


async def test_readiness_health_and_requests_follow_a_kill_and_a_restart(
    own: RunningTriton, serve: Serve, http: aiohttp.ClientSession
) -> None:
    bridge = await serve(triton=own.address)
    async with connected(bridge.grpc_port) as stubs:
        watch = stubs.health.Watch(health_pb2.HealthCheckRequest(service="openai_bridge.v1.ChatService"))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING

        own.server.kill()
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        error = await failure(stubs.chat.CreateChatCompletion(chat(), timeout=WAIT))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        async with http.get(url(bridge, "/v1/health/ready")) as response:
            assert response.status == 503
            assert (await response.json())["error"]["message"] == "Triton cannot be reached"
        async with http.post(url(bridge, "/v1/chat/completions"), json=body({"words": 3})) as response:
            assert response.status == 503
            assert response.headers["retry-after"] == "1"
        async with http.get(url(bridge, "/v1/health/live")) as response:
            assert response.status == 200
        async with http.get(url(bridge, "/v1/models")) as response:
            assert response.status == 200, "models of a Triton that is away stay listed"

        await restart(own)
        await until_served(stubs)
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()
        async with http.get(url(bridge, "/v1/health/ready")) as response:
            assert response.status == 200
        async with http.post(url(bridge, "/v1/chat/completions"), json=body({"words": 3})) as response:
            assert (await response.json())["choices"][0]["message"]["content"] == words(3)


async def until_served(stubs: Stubs) -> None:
    """Ask again and again until a request is served; fail after `BACK` seconds.

    Every failure on the way must say that Triton cannot be reached.
    """
    start = time.monotonic()
    while time.monotonic() - start < BACK:
        call = stubs.chat.CreateChatCompletion(chat({"words": 3}), timeout=WAIT)
        if await call.code() is grpc.StatusCode.OK:
            assert (await call).choices[0].message.content == words(3)
            return
        error = await failure(call)
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        await asyncio.sleep(PAUSE)
    raise AssertionError(f"still unavailable after {BACK} s")
