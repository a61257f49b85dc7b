"""Stopping: who is told at once, who may finish, and that what is cut off says so."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1 import health_pb2

from bridge.config import Limits
from tests import grpc_client
from tests.doors import Way, each_way, tell
from tests.eventually import eventually
from tests.grpc_client import Details, failure, health
from tests.openai_bodies import CHAT, chat, directed, said, text_of
from tests.raw_http import ask, connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

WAIT = 10.0
QUICK = 0.5
"""Seconds within which what is idle must end, and what is told at once be told."""


@pytest.fixture
def tag() -> str:
    return uuid.uuid4().hex


class Stopping:
    """A stop under way, with a request that keeps it from ending."""

    def __init__(self, bridge: Bridge) -> None:
        self.bridge = bridge
        self.task = asyncio.create_task(bridge.stop())

    @property
    def done(self) -> bool:
        return self.task.done()

    async def over(self) -> float:
        """Wait for the end; return how long that took."""
        begun = time.monotonic()
        await asyncio.wait_for(self.task, WAIT)
        return time.monotonic() - begun


@pytest.fixture
async def stopping(serve: Serve, triton: RunningTriton, tag: str) -> AsyncIterator[Stopping]:
    """Stop a bridge that has a stream; the stream is cut off after the test."""
    bridge = await serve(triton=triton.address, drain_timeout=60)
    async with connected(bridge.http_port) as connection:
        await connection.send("POST", CHAT, json=chat(directed(tag=tag, words=2, hang_at=1), stream=True))
        await connection.until(b"word0")
        found = Stopping(bridge)
        await eventually(lambda: bridge.protection.entrance.closed)
        yield found
        assert not found.done
    await found.over()


async def test_ready_fails_at_once_and_live_does_not(stopping: Stopping) -> None:
    port = stopping.bridge.http_port
    ready = await ask(port, "GET", "/v1/health/ready")
    assert (ready.status, ready.error["message"]) == (503, "the bridge is stopping")
    for path in ("/v1/health/live", "/health", "/ping", "/metrics", "/version"):
        assert (await ask(port, "GET", path)).status == 200
    async with grpc_client.connected(stopping.bridge.grpc_port) as stubs:
        assert await health(stubs) == "NOT_SERVING"
        assert await health(stubs, "openai_bridge.v1.ChatService") == "NOT_SERVING"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("POST", CHAT, chat(), id="chat"),
        pytest.param("POST", CHAT, chat(stream=True), id="a stream"),
        pytest.param("GET", "/v1/models", None, id="models"),
    ],
)
async def test_a_new_request_is_refused_and_told_to_go_elsewhere(
    stopping: Stopping, method: str, path: str, body: Any
) -> None:
    answer = await ask(stopping.bridge.http_port, method, path, json=body)
    assert (answer.status, answer.error["message"]) == (503, "the bridge is stopping")
    assert answer.error["type"] == "server_error"
    assert (answer.headers["retry-after"], answer.headers["connection"]) == ("1", "close")
    assert "x-should-retry" not in answer.headers


async def test_a_new_call_is_refused_with_a_hint_to_retry(stopping: Stopping) -> None:
    async with grpc_client.connected(stopping.bridge.grpc_port) as stubs:
        for method in (stubs.chat.CreateChatCompletion, stubs.chat.CreateChatCompletionStream):
            error = await failure(method(grpc_client.chat({}), timeout=WAIT))
            details = Details.of(error)
            assert error.code() is grpc.StatusCode.UNAVAILABLE
            assert details.info is not None
            assert details.retry is not None
            assert (details.info.reason, details.retry.retry_delay.seconds) == ("SHUTTING_DOWN", 1)


async def test_when_hurried_the_stream_is_told_why_it_ends(
    serve: Serve, triton: RunningTriton, tag: str
) -> None:
    bridge = await serve(triton=triton.address, drain_timeout=60)
    async with connected(bridge.http_port) as connection:
        await connection.send("POST", CHAT, json=chat(directed(tag=tag, words=2, hang_at=1), stream=True))
        await connection.until(b"word0")
        stop = Stopping(bridge)
        await eventually(lambda: bridge.protection.entrance.closed)
        assert not stop.done
        bridge.protection.hurry()
        rest = await connection.rest()
        assert await stop.over() < QUICK
    assert b'"code":"service_unavailable"' in rest
    assert rest.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
    await triton.event(tag, "cancelled")


@each_way
async def test_what_runs_may_finish(serve: Serve, triton: RunningTriton, tag: str, way: Way) -> None:
    bridge = await serve(triton=triton.address, drain_timeout=60)
    told = asyncio.create_task(
        tell(bridge, way, chat(directed(tag=tag, words=40, delay_ms=10), max_tokens=40))
    )
    await triton.event(tag, "request")
    await Stopping(bridge).over()
    (text,) = (await told).texts
    assert text.split() == [f"word{number}" for number in range(40)]


async def test_what_does_not_finish_in_time_fails_with_a_reason(
    serve: Serve, triton: RunningTriton, tag: str
) -> None:
    bridge = await serve(triton=triton.address, drain_timeout=0.2)
    hangs = {"tag": tag, "words": 2, "hang_at": 1}
    async with connected(bridge.http_port) as connection, grpc_client.connected(bridge.grpc_port) as stubs:
        await connection.send("POST", CHAT, json=chat(directed(**hangs)))
        calls = [
            method(grpc_client.chat(hangs), timeout=WAIT)
            for method in (stubs.chat.CreateChatCompletion, stubs.chat.CreateChatCompletionStream)
        ]
        failures = [asyncio.create_task(failure(call)) for call in calls]
        await eventually(lambda: sum(event["event"] == "request" for event in triton.events(tag)) == 3)
        took = await Stopping(bridge).over()
        answer = await connection.answer()
        assert (answer.status, answer.error["message"]) == (503, "the bridge is stopping")
        for failed in failures:
            error = await failed
            assert (error.code(), error.details()) == (grpc.StatusCode.UNAVAILABLE, "the bridge is stopping")
    assert 0.2 <= took < 0.2 + QUICK


@each_way
async def test_what_waits_for_a_slot_is_refused_at_once(
    serve: Serve, triton: RunningTriton, tag: str, way: Way
) -> None:
    bridge = await serve(triton=triton.address, drain_timeout=60, limits=Limits(max_concurrent_requests=1))
    async with connected(bridge.http_port) as connection:
        body = chat(directed(tag=tag, words=60, delay_ms=10), stream=True, max_tokens=60)
        await connection.send("POST", CHAT, json=body)
        await triton.event(tag, "request")
        waiting = asyncio.create_task(tell(bridge, way, chat()))
        await eventually(lambda: bridge.protection.gate.slots.waiting == 1)
        stop = Stopping(bridge)
        with pytest.raises(Exception, match="the bridge is stopping"):
            await waiting
        assert not stop.done
        assert text_of(said((await connection.answer()).body)).split()[-1] == "word59"
        await stop.over()


async def test_an_idle_bridge_ends_at_once_whoever_is_connected(serve: Serve, triton: RunningTriton) -> None:
    bridge = await serve(triton=triton.address, drain_timeout=60)
    async with connected(bridge.http_port) as connection, connected(bridge.http_port) as silent:
        assert (await connection.ask("GET", "/health")).status == 200
        assert await Stopping(bridge).over() < QUICK
        assert (await connection.rest(), await silent.rest()) == (b"", b"")


async def test_who_watches_the_health_does_not_hold_up_the_end(serve: Serve, triton: RunningTriton) -> None:
    bridge = await serve(triton=triton.address, drain_timeout=60)
    async with grpc_client.connected(bridge.grpc_port) as stubs:
        watch = stubs.health.Watch(health_pb2.HealthCheckRequest(), timeout=WAIT)
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        stop = Stopping(bridge)
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert await stop.over() < 1 + QUICK


async def test_a_body_that_never_comes_does_not_hold_up_the_end_for_ever(
    serve: Serve, triton: RunningTriton
) -> None:
    bridge = await serve(triton=triton.address, drain_timeout=0.2)
    async with connected(bridge.http_port) as connection:
        await connection.send("POST", CHAT, body=b"{", headers={"Content-Length": "1000"})
        await eventually(lambda: grpc_client.in_flight(bridge.metrics.text()) == 1)
        assert await Stopping(bridge).over() < 3
        await connection.rest()
    assert grpc_client.in_flight(bridge.metrics.text()) == 0
