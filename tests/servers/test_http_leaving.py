"""A client that leaves stops its model within 200 ms, whatever it waits for, and nothing stays behind."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.eventually import eventually
from tests.grpc_client import in_flight
from tests.openai_bodies import CHAT, COMPLETIONS, chat, completion, directed
from tests.raw_http import connected

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

WITHIN = 1.0
SLOW = {"words": 500, "delay_ms": 5}


async def settled(bridge: Bridge, before: set[asyncio.Task[Any]]) -> None:
    """Wait until no request is in flight and no task but those of `before` is left."""
    await eventually(lambda: in_flight(bridge.metrics.text()) == 0)
    await eventually(lambda: asyncio.all_tasks() <= before)


def cancellations(triton: RunningTriton, tag: str) -> list[dict[str, Any]]:
    return [event for event in triton.events(tag) if event["event"] == "cancelled"]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize(
    ("path", "make"), [pytest.param(CHAT, chat, id="chat"), pytest.param(COMPLETIONS, completion, id="text")]
)
@pytest.mark.parametrize("directive", [{"hang_at": 0}, SLOW], ids=["before a token", "between tokens"])
async def test_leaving_stops_the_model(
    bridge: Bridge, triton: RunningTriton, stream: bool, path: str, make: Any, directive: dict[str, Any]
) -> None:
    tag = f"leaves {stream} {path} {directive}"
    before = asyncio.all_tasks()
    async with connected(bridge.http_port) as connection:
        body = make(directed(tag=tag, **directive), stream=stream, max_tokens=500)
        await connection.send("POST", path, json=body)
        await triton.event(tag, "request")
        if stream and directive is SLOW:
            await connection.until(b"word3")
        left_at = time.monotonic()
    event = await triton.event(tag, "cancelled")
    assert event["time"] - left_at < WITHIN
    assert event["sent"] < 500
    await settled(bridge, before)


async def test_leaving_stops_every_choice(bridge: Bridge, triton: RunningTriton) -> None:
    before = asyncio.all_tasks()
    async with connected(bridge.http_port) as connection:
        prompts = [directed(tag="all leave", **SLOW), directed(tag="all leave", hang_at=0)]
        body = completion(prompts, stream=True, n=3, max_tokens=500)
        await connection.send("POST", COMPLETIONS, json=body)
        await connection.until(b"word5")
        left_at = time.monotonic()
    await eventually(lambda: len(cancellations(triton, "all leave")) == 6)
    assert max(event["time"] for event in cancellations(triton, "all leave")) - left_at < WITHIN
    await settled(bridge, before)


async def test_one_choice_that_fails_stops_the_others(bridge: Bridge, triton: RunningTriton) -> None:
    before = asyncio.all_tasks()
    async with connected(bridge.http_port) as connection:
        prompts = [directed(tag="stopped", hang_at=1, words=2), directed(fail_at=0, first_delay_ms=30)]
        answer = await connection.ask("POST", COMPLETIONS, json=completion(prompts))
        assert answer.status == 500
        answered_at = time.monotonic()
        event = await triton.event("stopped", "cancelled")
        assert event["time"] - answered_at < WITHIN
    await settled(bridge, before)


async def test_leaving_in_mid_upload_asks_no_model(bridge: Bridge) -> None:
    before = asyncio.all_tasks()
    async with connected(bridge.http_port) as connection:
        await connection.send("POST", CHAT, body=b'{"model":', headers={"Content-Length": "1000"})
        await eventually(lambda: in_flight(bridge.metrics.text()) == 1)
    await settled(bridge, before)
    assert b'code="CANCELLED",door="http",endpoint="chat",model=""' in bridge.metrics.text()


async def test_leaving_during_a_comment_stops_the_model(serve: Serve, triton: RunningTriton) -> None:
    bridge = await serve(triton=triton.address, keep_alive=0.02)
    before = asyncio.all_tasks()
    async with connected(bridge.http_port) as connection:
        body = chat(directed(tag="pinged", hang_at=0), stream=True)
        await connection.send("POST", CHAT, json=body)
        for _ in range(3):
            await connection.until(b": ping\n\n")
        left_at = time.monotonic()
    assert (await triton.event("pinged", "cancelled"))["time"] - left_at < WITHIN
    await settled(bridge, before)


async def test_a_client_that_reads_late_loses_nothing(bridge: Bridge, triton: RunningTriton) -> None:
    word = "x" * 4000
    body = completion(directed(tag="slow reader", pieces=[word] * 2000), stream=True, max_tokens=2000)
    async with connected(bridge.http_port) as connection:
        await connection.send("POST", COMPLETIONS, json=body)
        await connection.until(b"\r\n\r\n")
        await triton.event("slow reader", "done")
        received = 0
        async for chunk in connection.chunks():
            received += chunk.count(word.encode())
    assert received == 2000


async def test_stopping_the_bridge_stops_model_and_stream(serve: Serve, triton: RunningTriton) -> None:
    bridge = await serve(triton=triton.address, drain_timeout=0.1)
    async with connected(bridge.http_port) as connection:
        await connection.send(
            "POST", CHAT, json=chat(directed(tag="drained", hang_at=1, words=2), stream=True)
        )
        await connection.until(b"word0")
        stopped_at = time.monotonic()
        stopping = asyncio.create_task(bridge.stop())
        rest = await connection.rest()
        await stopping
    event = await triton.event("drained", "cancelled")
    assert event["time"] - stopped_at < 0.1 + WITHIN
    assert b'"code":"service_unavailable"' in rest
    assert rest.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
