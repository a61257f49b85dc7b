"""A client that leaves or whose deadline passes stops the model within 200 ms, and nothing of it stays."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from tests.eventually import eventually
from tests.faults.leaks import all_ended
from tests.grpc_client import WAIT, chat, completion, connected, failure, in_flight, text, words

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

WITHIN = 1.0
"""Seconds in which the model must have noticed."""

DEADLINE = 0.3


@pytest.fixture
def tag() -> str:
    return uuid.uuid4().hex


async def settled(bridge: Bridge) -> None:
    """Wait until no request is in flight."""
    await eventually(lambda: not in_flight(bridge.metrics.text()))


def happened(triton: RunningTriton, tag: str, name: str) -> list[dict[str, Any]]:
    """Return the events of that name so far."""
    return [event for event in triton.events(tag) if event["event"] == name]


@pytest.mark.parametrize("rpc", ["unary", "stream"])
@pytest.mark.parametrize(
    "directive",
    [
        pytest.param({"words": 1000, "delay_ms": 10}, id="while it speaks"),
        pytest.param({"words": 5, "first_delay_ms": 30_000}, id="before its first token"),
        pytest.param({"words": 5, "hang_at": 2}, id="while it hangs"),
    ],
)
async def test_a_deadline_stops_the_model(
    bridge: Bridge, triton: RunningTriton, tag: str, rpc: str, directive: dict[str, Any]
) -> None:
    request = chat({"tag": tag, **directive})
    async with connected(bridge.grpc_port) as stubs:
        expiry = time.monotonic() + DEADLINE
        method = stubs.chat.CreateChatCompletion if rpc == "unary" else stubs.chat.CreateChatCompletionStream
        error = await failure(method(request, timeout=DEADLINE))
        ended = time.monotonic()
        cancelled = await triton.event(tag, "cancelled")

    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert abs(ended - expiry) < WITHIN
    assert cancelled["time"] - expiry < WITHIN
    await settled(bridge)


async def test_the_servers_own_limit_stops_the_model_with_details(
    triton: RunningTriton, serve: Serve, tag: str
) -> None:
    bridge = await serve(triton=triton.address, request_timeout=DEADLINE)
    async with connected(bridge.grpc_port) as stubs:
        start = time.monotonic()
        call = stubs.chat.CreateChatCompletionStream(
            chat({"tag": tag, "words": 1000, "delay_ms": 10}), timeout=WAIT
        )
        error = await failure(call)
        cancelled = await triton.event(tag, "cancelled")

    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert ("grpc-retry-pushback-ms", "-1") in tuple(error.trailing_metadata())
    assert cancelled["time"] - start < DEADLINE + WITHIN


async def test_cancelling_before_the_first_token_stops_the_model(
    bridge: Bridge, triton: RunningTriton, tag: str
) -> None:
    async with connected(bridge.grpc_port) as stubs:
        call = stubs.chat.CreateChatCompletionStream(
            chat({"tag": tag, "first_delay_ms": 30_000}), timeout=WAIT
        )
        reading = asyncio.ensure_future(call.read())
        await triton.event(tag, "request")
        when = time.monotonic()
        call.cancel()
        cancelled = await triton.event(tag, "cancelled")
        with pytest.raises(asyncio.CancelledError):
            await reading

    assert cancelled["sent"] == 0
    assert cancelled["time"] - when < WITHIN
    await settled(bridge)


async def test_cancelling_after_the_first_token_stops_the_model(
    bridge: Bridge, triton: RunningTriton, tag: str
) -> None:
    async with connected(bridge.grpc_port) as stubs:
        call = stubs.chat.CreateChatCompletionStream(
            chat({"tag": tag, "words": 1000, "delay_ms": 5}), timeout=WAIT
        )
        said = [await call.read(), await call.read()]
        when = time.monotonic()
        call.cancel()
        cancelled = await triton.event(tag, "cancelled")

    assert text(said) == "word0 "
    assert 0 < cancelled["sent"] < 500
    assert cancelled["time"] - when < WITHIN
    await settled(bridge)


async def test_cancelling_a_unary_call_stops_the_model(
    bridge: Bridge, triton: RunningTriton, tag: str
) -> None:
    async with connected(bridge.grpc_port) as stubs:
        call = stubs.chat.CreateChatCompletion(chat({"tag": tag, "words": 1000, "delay_ms": 5}), timeout=WAIT)
        answering = asyncio.ensure_future(call)
        await triton.event(tag, "request")
        when = time.monotonic()
        answering.cancel()
        cancelled = await triton.event(tag, "cancelled")

    assert cancelled["time"] - when < WITHIN
    await settled(bridge)


async def test_losing_the_connection_stops_every_choice(
    bridge: Bridge, triton: RunningTriton, tag: str
) -> None:
    async with connected(bridge.grpc_port) as stubs:
        call = stubs.completions.CreateCompletionStream(
            completion({"tag": tag, "words": 1000, "delay_ms": 5}, n=3, max_tokens=1000), timeout=WAIT
        )
        await call.read()
        when = time.monotonic()
    await eventually(lambda: len(happened(triton, tag, "cancelled")) == 3)
    await settled(bridge)

    times = [event["time"] for event in happened(triton, tag, "cancelled")]
    assert max(times) - when < WITHIN


async def test_one_choice_that_fails_stops_the_others(
    bridge: Bridge, triton: RunningTriton, tag: str
) -> None:
    request = completion({"tag": tag, "words": 1000, "delay_ms": 5}, max_tokens=1000)
    request.prompt.add(text=completion({"fail_at": 1, "words": 3}).prompt[0].text)
    async with connected(bridge.grpc_port) as stubs:
        error = await failure(stubs.completions.CreateCompletion(request, timeout=WAIT))
        when = time.monotonic()
        cancelled = await triton.event(tag, "cancelled")

    assert error.code() is grpc.StatusCode.INTERNAL
    assert cancelled["time"] - when < WITHIN


async def test_many_clients_that_leave_at_any_moment_leave_nothing(
    bridge: Bridge, triton: RunningTriton, tag: str
) -> None:
    tasks = len(asyncio.all_tasks())
    async with connected(bridge.grpc_port) as stubs:

        async def leave_after(reads: int) -> None:
            call = stubs.chat.CreateChatCompletionStream(
                chat({"tag": tag, "words": 2000, "delay_ms": 1}), timeout=WAIT
            )
            for _ in range(reads):
                await call.read()
            call.cancel()

        await asyncio.gather(*(leave_after(reads % 7) for reads in range(40)))
        await settled(bridge)
        answer = await stubs.chat.CreateChatCompletion(chat({"words": 4}), timeout=WAIT)

    assert answer.choices[0].message.content == words(4)
    await eventually(lambda: len(asyncio.all_tasks()) <= tasks)
    await all_ended([triton], tag)
    assert len(happened(triton, tag, "cancelled")) == len(happened(triton, tag, "request")) > 0
