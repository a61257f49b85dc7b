"""Through each gateway of the examples, a client gets what the bridge itself would give it, and as soon."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from tests import grpc_client
from tests.grpc_client import WAIT, words
from tests.key_files import bearer, metadata, write_keys
from tests.openai_bodies import CHAT, DONE, chat, directed, said, text_of
from tests.raw_http import ask, connected

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Serve
    from tests.examples.gateway import Gateway
    from tests.tritonserver import RunningTriton

from tests.examples.gateway import running

PIECES = 12
SLOW = {"words": PIECES, "delay_ms": 25}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def check_pace(seen: list[float], events: list[dict[str, Any]]) -> None:
    """Check that the pieces came while the model spoke: what is gathered comes together at the end.

    Args:
        seen: when each piece was there, on the clock of the records.
        events: what the model wrote down of its beginning and its end.
    """
    begun, done = (next(it["time"] for it in events if it["event"] == name) for name in ("request", "done"))
    assert (seen[0] - begun) / (done - begun) < 0.5
    assert (seen[-1] - seen[0]) / (done - begun) > 0.5
    gaps = [later - earlier for earlier, later in itertools.pairwise(seen)]
    assert max(gaps) / (done - begun) < 0.5


async def test_events_arrive_one_by_one(gateway: Gateway, triton: RunningTriton) -> None:
    tag = f"paced by {gateway.name}"
    body = chat(directed(tag=tag, **SLOW), stream=True)
    seen = []
    async with connected(gateway.http_port) as connection:
        await connection.send("POST", CHAT, json=body)
        head = await connection.head()
        assert head.headers["content-type"].startswith("text/event-stream")
        for number in range(PIECES):
            await connection.until(f"word{number} ".encode())
            seen.append(time.monotonic())
        await connection.until(DONE)
    await triton.event(tag, "done")
    check_pace(seen, triton.events(tag))


async def test_messages_of_grpc_arrive_one_by_one(gateway: Gateway, triton: RunningTriton) -> None:
    tag = f"paced by {gateway.name} over grpc"
    seen, told = [], ""
    async with grpc_client.connected(gateway.grpc_port) as stubs:
        request = grpc_client.chat({"tag": tag, **SLOW})
        async for answer in stubs.chat.CreateChatCompletionStream(request, timeout=WAIT):
            if piece := grpc_client.text([answer]):
                told += piece
                seen.append(time.monotonic())
    assert told == words(PIECES)
    await triton.event(tag, "done")
    check_pace(seen, triton.events(tag))


async def test_a_first_event_arrives_while_the_model_is_silent(gateway: Gateway) -> None:
    async with connected(gateway.http_port) as connection:
        await connection.send("POST", CHAT, json=chat(directed(words=9, hang_at=1), stream=True))
        await connection.until(b"word0 ")


async def test_who_leaves_cancels_the_generation(gateway: Gateway, triton: RunningTriton) -> None:
    tag = f"leaves {gateway.name}"
    async with connected(gateway.http_port) as connection:
        await connection.send("POST", CHAT, json=chat(directed(tag=tag, words=9, hang_at=1), stream=True))
        await connection.until(b"word0 ")
    assert (await triton.event(tag, "cancelled"))["sent"] == 1


async def test_who_leaves_without_a_stream_cancels_it_too(gateway: Gateway, triton: RunningTriton) -> None:
    tag = f"leaves {gateway.name} plain"
    async with connected(gateway.http_port) as connection:
        await connection.send("POST", CHAT, json=chat(directed(tag=tag, hang_at=0)))
        await triton.event(tag, "request")
    await triton.event(tag, "cancelled")


async def test_a_call_that_is_cancelled_ends_on_triton(gateway: Gateway, triton: RunningTriton) -> None:
    tag = f"leaves {gateway.name} over grpc"
    async with grpc_client.connected(gateway.grpc_port) as stubs:
        request = grpc_client.chat({"tag": tag, "words": 9, "hang_at": 1})
        call = stubs.chat.CreateChatCompletionStream(request, timeout=WAIT)
        await call.read()
        call.cancel()
        assert (await triton.event(tag, "cancelled"))["sent"] == 1


@pytest.mark.parametrize(
    ("body", "status", "headers"),
    [
        pytest.param(chat(), 200, {}, id="an answer"),
        pytest.param(chat(nobody_knows=1), 200, {"openai-bridge-ignored": "nobody_knows"}, id="a header"),
        pytest.param(chat(model="nobody"), 404, {}, id="no such model"),
        pytest.param(chat(temperature=9), 400, {}, id="a wrong field"),
        pytest.param(chat(directed(fail_at=0)), 500, {"x-should-retry": "false"}, id="a model that fails"),
        pytest.param(chat("x", model="silent"), 502, {}, id="a model without an answer"),
        pytest.param(
            chat(directed(fail_at=0, error="Exceeds maximum queue size")),
            429,
            {"retry-after": "1"},
            id="full",
        ),
    ],
)
async def test_statuses_headers_and_errors_pass(
    gateway: Gateway, bridges: list[Any], body: dict[str, Any], status: int, headers: dict[str, str]
) -> None:
    through = await ask(gateway.http_port, "POST", CHAT, json=body)
    direct = await ask(bridges[0].http_port, "POST", CHAT, json=body)
    assert (through.status, headers.items() <= through.headers.items()) == (status, True), through.headers
    if status != 200:
        assert through.error == direct.error
        assert through.headers["content-type"] == direct.headers["content-type"]


async def test_details_of_grpc_errors_pass(gateway: Gateway) -> None:
    async with grpc_client.connected(gateway.grpc_port) as stubs:
        call = stubs.chat.CreateChatCompletion(grpc_client.chat(temperature=9), timeout=WAIT)
        error = await grpc_client.failure(call)
        health = await grpc_client.health(stubs)
    bad = grpc_client.Details.of(error).bad_request
    assert (error.code(), health) == (grpc.StatusCode.INVALID_ARGUMENT, "SERVING")
    assert bad is not None
    assert bad.field_violations[0].field == "temperature"


async def test_request_ids_and_traces_pass(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="bridge.access")
    headers = {"X-Request-Id": "mine-1", "traceparent": TRACEPARENT}
    answer = await ask(gateway.http_port, "POST", CHAT, json=chat(), headers=headers)
    made = await ask(gateway.http_port, "POST", CHAT, json=chat())
    async with grpc_client.connected(gateway.grpc_port) as stubs:
        sent = (("x-request-id", "mine-2"), ("traceparent", TRACEPARENT))
        call = stubs.chat.CreateChatCompletion(grpc_client.chat(), metadata=sent, timeout=WAIT)
        assert dict(await call.initial_metadata())["x-request-id"] == "mine-2"
        await call
    assert answer.headers["x-request-id"] == "mine-1"
    assert not made.headers["x-request-id"].startswith("req_")  # the gateway made it, and logs the same
    facts = [record.__dict__["facts"] for record in caplog.records if record.name == "bridge.access"]
    told = [(fact["request_id"], fact.get("trace_id")) for fact in facts]
    assert told == [("mine-1", TRACE), (made.headers["x-request-id"], None), ("mine-2", TRACE)]


async def test_keys_pass(name: str, triton: RunningTriton, serve: Serve, tmp_path: Path) -> None:
    keys = write_keys(tmp_path / "keys.toml", alice={})
    bridge = await serve(triton=triton.address, key_file=keys)
    ports = ([bridge.http_port] * 2, [bridge.grpc_port] * 2)
    async with running(name, tmp_path, *ports) as gateway, grpc_client.connected(gateway.grpc_port) as stubs:
        without = await ask(gateway.http_port, "POST", CHAT, json=chat())
        with_one = await ask(gateway.http_port, "POST", CHAT, json=chat(), headers=bearer("alice"))
        call = stubs.chat.CreateChatCompletion
        error = await grpc_client.failure(call(grpc_client.chat(), timeout=WAIT))
        await call(grpc_client.chat(), metadata=metadata("alice"), timeout=WAIT)
    assert (without.status, without.headers["www-authenticate"]) == (401, "Bearer")
    assert (with_one.status, error.code()) == (200, grpc.StatusCode.UNAUTHENTICATED)


async def test_many_streams_at_once_are_whole(gateway: Gateway) -> None:
    body = chat(directed(words=50, delay_ms=1), stream=True, max_tokens=50)
    answers = await asyncio.gather(*[ask(gateway.http_port, "POST", CHAT, json=body) for _ in range(16)])
    assert {text_of(said(answer.body)) for answer in answers} == {words(50)}


async def test_metrics_stay_inside(gateway: Gateway) -> None:
    assert (await ask(gateway.http_port, "GET", "/metrics")).status == 404
