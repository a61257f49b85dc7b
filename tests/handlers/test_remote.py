"""A bridge in front of another one: the same bytes, the same errors, and leaving reaches the model."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from openai_bridge.v1 import chat_pb2

from bridge.config import ModelConfig
from bridge.demo.ports import Ports
from bridge.handlers.base import Call
from bridge.handlers.remote import remote_chat
from bridge.observability.metrics import Metrics
from bridge.observability.record import RequestRecord
from tests import grpc_client
from tests.eventually import eventually
from tests.openai_bodies import CHAT, COMPLETIONS, chat, completion, directed, masked, said
from tests.outlets import delivered
from tests.raw_http import Answer, ask, connected

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

USAGE = {"include_usage": True}
TOLD = directed(text="é 日 \U0001f642", input_tokens=8)
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
THINKER = ModelConfig(triton_model="echo_vllm", reasoning_parser="think")
THOUGHT = chat(directed(pieces=["<think>why</think>", '<tool_call>{"name": "f", "arguments": {}}']))
THOUGHT |= {"model": "thinker", "tools": TOOLS}
GIVEN_ID = {"X-Request-Id": "given"}


@pytest.fixture
async def inner(serve: Serve, triton: RunningTriton) -> Bridge:
    models = {"echo_vllm": ModelConfig(), "thinker": THINKER}
    return await serve(triton=triton.address, models=models, first_token_timeout=0.2, max_request_bytes=8192)


@pytest.fixture
async def outer(serve: Serve, inner: Bridge) -> Bridge:
    return await serve(upstream=f"grpc://127.0.0.1:{inner.grpc_port}")


def told(answer: Answer) -> tuple[int, bytes, dict[str, str]]:
    """Return what must be the same: the status, the body but for ids, the headers but for the date."""
    return answer.status, masked(answer.body), {**answer.headers, "date": ""}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param(CHAT, chat(TOLD), id="chat"),
        pytest.param(CHAT, chat(TOLD, stream=True), id="chat streamed"),
        pytest.param(CHAT, chat(TOLD, stream=True, stream_options=USAGE), id="chat streamed with usage"),
        pytest.param(
            CHAT, chat(TOLD, stream=True, logprobs=True, top_logprobs=2), id="chat with log probabilities"
        ),
        pytest.param(CHAT, chat(TOLD, n=3, seed=1, max_tokens=2), id="choices that are cut"),
        pytest.param(CHAT, chat("x", model="plain"), id="a model that does not count"),
        pytest.param(CHAT, chat("x", model="demo", seed=3, max_tokens=8), id="demo"),
        pytest.param(CHAT, THOUGHT, id="reasoning and a call"),
        pytest.param(CHAT, THOUGHT | {"stream": True}, id="reasoning and a call, streamed"),
        pytest.param(CHAT, chat(tool_choice="required"), id="a call without tools"),
        pytest.param(CHAT, chat(unknown=1, stream=True), id="unknown field"),
        pytest.param(COMPLETIONS, completion(TOLD, logprobs=1), id="completion"),
        pytest.param(COMPLETIONS, completion(TOLD, stream=True, stream_options=USAGE), id="text streamed"),
        pytest.param(COMPLETIONS, completion(["a b", "c"]), id="two prompts"),
        pytest.param(CHAT, chat(model="nobody"), id="unknown model"),
        pytest.param(CHAT, chat(model="nobody", stream=True), id="unknown model streamed"),
        pytest.param(CHAT, chat(model="identity"), id="model without text"),
        pytest.param(CHAT, {"messages": []}, id="no model"),
        pytest.param(CHAT, chat(messages=[]), id="no messages"),
        pytest.param(CHAT, chat(temperature=3, stream=True), id="value out of range"),
        pytest.param(CHAT, chat(n=1.5), id="wrong type"),
        pytest.param(CHAT, chat("x", model="plain", seed=1), id="field the model cannot carry"),
        pytest.param(CHAT, chat("x", model="silent", stream=True), id="end without data"),
        pytest.param(CHAT, chat("x", model="dropper"), id="no first token in time"),
        pytest.param(CHAT, chat("x", model="dropper", stream=True), id="no first token in time, streamed"),
        pytest.param(CHAT, chat(directed(fail_at=0), stream=True), id="failure at once"),
        pytest.param(CHAT, chat(directed(fail_at=1)), id="failure later"),
        pytest.param(CHAT, chat(directed(words=3, fail_at=1), stream=True), id="failure in the stream"),
        pytest.param(
            COMPLETIONS, completion(directed(fail_at=0, error="Exceeds maximum queue size")), id="queue"
        ),
        pytest.param("/v1/embeddings", {"model": "nobody", "input": "x"}, id="embedding of an unknown model"),
        pytest.param("/v1/embeddings", {"model": "echo_vllm", "input": "x"}, id="embedding of a text model"),
    ],
)
async def test_a_request_is_answered_as_by_the_bridge_behind(
    inner: Bridge, outer: Bridge, path: str, body: dict[str, Any]
) -> None:
    answers = [
        await ask(bridge.http_port, "POST", path, json=body, headers=GIVEN_ID) for bridge in (inner, outer)
    ]
    direct, through = map(told, answers)
    assert through == direct


@pytest.mark.parametrize(
    "path",
    ["/v1/models/demo", "/v1/models/no%2Fbody", "/v1/models", "/v1/health/ready", "/v1/version", "/nowhere"],
)
async def test_a_question_is_answered_as_by_the_bridge_behind(
    inner: Bridge, outer: Bridge, path: str
) -> None:
    direct, through = [
        told(await ask(bridge.http_port, "GET", path, headers=GIVEN_ID)) for bridge in (inner, outer)
    ]
    assert through == direct


async def test_the_statuses_of_the_table_are_not_all_the_same(inner: Bridge, outer: Bridge) -> None:
    """The comparison above would hold if both bridges refused everything."""
    bodies = [chat(TOLD), chat(model="nobody"), chat(n=0), chat("x", model="silent"), chat("x" * 10_000)]
    statuses = [(await ask(outer.http_port, "POST", CHAT, json=body)).status for body in bodies]
    assert statuses == [200, 404, 400, 502, 413]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("hang_at", [0, 1], ids=["before a token", "after a token"])
async def test_leaving_reaches_the_model_through_both(
    serve: Serve, bridge: Bridge, triton: RunningTriton, stream: bool, hang_at: int
) -> None:
    outer = await serve(upstream=f"grpc://127.0.0.1:{bridge.grpc_port}")
    tag = f"leaves through both {stream} {hang_at}"
    async with connected(outer.http_port) as connection:
        body = chat(directed(tag=tag, words=2, hang_at=hang_at), stream=stream)
        await connection.send("POST", CHAT, json=body)
        await triton.event(tag, "request")
        if stream and hang_at:
            await connection.until(b"word0")
        left_at = time.monotonic()
    assert (await triton.event(tag, "cancelled"))["time"] - left_at < 1.0
    for each in (outer, bridge):
        await eventually(lambda each=each: grpc_client.in_flight(each.metrics.text()) == 0)
        assert b'code="CANCELLED"' in each.metrics.text()


async def test_cancelling_the_delivery_between_two_messages_cancels_the_call(
    bridge: Bridge, triton: RunningTriton
) -> None:
    record = RequestRecord(Metrics(), door="http", endpoint="chat", request_id="closed")
    call = Call(request_id="closed", deadline=asyncio.get_running_loop().time() + 5, record=record)
    request = grpc_client.chat({"tag": "closed between", "words": 2, "hang_at": 1})
    async with grpc.aio.insecure_channel(f"127.0.0.1:{bridge.grpc_port}") as channel:
        async with delivered(remote_chat(channel), request, call) as batches:
            (role,) = await anext(batches)
            assert role.choices[0].delta.role == chat_pb2.ROLE_ASSISTANT
            await triton.event("closed between", "request")
            closed_at = time.monotonic()
        event = await triton.event("closed between", "cancelled")
    assert event["time"] - closed_at < 1.0


async def test_the_outer_limit_of_time_reaches_the_model(
    serve: Serve, bridge: Bridge, triton: RunningTriton
) -> None:
    outer = await serve(upstream=f"grpc://127.0.0.1:{bridge.grpc_port}", request_timeout=0.2)
    body = chat(directed(tag="outer limit", words=2, hang_at=1), stream=True)
    sent_at = time.monotonic()
    answer = await ask(outer.http_port, "POST", CHAT, json=body)
    assert said(answer.body)[-1]["error"]["code"] == "timeout"
    event = await triton.event("outer limit", "cancelled")
    assert 0.1 < event["time"] - sent_at < 1.2


async def test_one_request_id_goes_all_the_way(outer: Bridge, triton: RunningTriton) -> None:
    body = chat(directed(tag="all the way"))
    answer = await ask(outer.http_port, "POST", CHAT, json=body, headers=GIVEN_ID)
    assert answer.headers["x-request-id"] == "given"
    assert (await triton.event("all the way", "request"))["id"].startswith("given:")


async def test_the_grpc_door_passes_requests_on_as_well(outer: Bridge) -> None:
    async with grpc_client.connected(outer.grpc_port) as stubs:
        call = stubs.chat.CreateChatCompletionStream(grpc_client.chat({"words": 3}), timeout=grpc_client.WAIT)
        assert grpc_client.text([chunk async for chunk in call]) == grpc_client.words(3)
        error = await grpc_client.failure(
            stubs.chat.CreateChatCompletion(grpc_client.chat(model="nobody"), timeout=grpc_client.WAIT)
        )
        assert await grpc_client.health(stubs) == "SERVING"
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert grpc_client.Details.of(error).resource.resource_name == "nobody"


async def test_both_bridges_count_models_and_tokens(inner: Bridge, outer: Bridge) -> None:
    await ask(outer.http_port, "POST", CHAT, json=chat(TOLD))
    await ask(outer.http_port, "POST", CHAT, json=chat(TOLD, stream=True, stream_options=USAGE))
    await ask(outer.http_port, "POST", CHAT, json=chat(model="nobody"))
    for bridge, door in ((inner, "grpc"), (outer, "http")):
        text = bridge.metrics.text().decode()
        served = (
            f'openai_bridge_requests_total{{code="OK",door="{door}",endpoint="chat",model="echo_vllm"}} 2.0'
        )
        assert served in text
        assert 'openai_bridge_tokens_total{kind="prompt",model="echo_vllm"} 16.0' in text
        assert "nobody" not in text


async def test_an_answer_of_many_mebibytes_passes(serve: Serve, bridge: Bridge) -> None:
    outer = await serve(upstream=f"grpc://127.0.0.1:{bridge.grpc_port}")
    prompt = directed(pieces=["x" * 6_000_000])
    answer = await ask(outer.http_port, "POST", COMPLETIONS, json=completion(prompt))
    assert (answer.status, len(answer.json["choices"][0]["text"])) == (200, 6_000_000)


async def test_without_the_bridge_behind_nothing_is_ready(serve: Serve) -> None:
    outer = await serve(upstream=f"grpc://127.0.0.1:{Ports().chosen().grpc}")
    for method, path, body in (
        ("GET", "/v1/health/ready", None),
        ("GET", "/v1/models", None),
        ("POST", CHAT, chat()),
        ("POST", CHAT, chat(stream=True)),
    ):
        answer = await ask(outer.http_port, method, path, json=body)
        assert (answer.status, answer.error["message"]) == (503, "the upstream cannot be reached"), path
        assert int(answer.headers["retry-after"]) > 0
    assert (await ask(outer.http_port, "GET", "/health")).status == 200


async def test_a_bridge_behind_that_is_not_ready_is_told(serve: Serve, triton: RunningTriton) -> None:
    inner = await serve(triton=triton.address, models={"nobody": ModelConfig()})
    outer = await serve(upstream=f"grpc://127.0.0.1:{inner.grpc_port}")
    answer = await ask(outer.http_port, "GET", "/v1/health/ready")
    assert (answer.status, json.loads(answer.body)["error"]["message"]) == (
        503,
        "the upstream bridge is not ready",
    )


async def test_a_bridge_behind_that_goes_away_ends_the_stream_with_an_event(
    serve: Serve, triton: RunningTriton
) -> None:
    inner = await serve(triton=triton.address, drain_timeout=0)
    outer = await serve(upstream=f"grpc://127.0.0.1:{inner.grpc_port}")
    async with connected(outer.http_port) as connection:
        body = chat(directed(tag="deserted", words=2, hang_at=1), stream=True)
        await connection.send("POST", CHAT, json=body)
        await connection.until(b"word0")
        await inner.stop()
        rest = await connection.until(b"data: [DONE]\n\n")
    assert b'"error"' in rest
    assert b'"code":"service_unavailable"' in rest
