"""Traces over both doors: what is taken from the caller, what Triton is told, what spans say."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from openai_bridge.v1 import embeddings_pb2, models_pb2
from opentelemetry.trace import SpanKind, StatusCode

from tests import grpc_client
from tests.eventually import eventually
from tests.observability.recorded_spans import Recorded, attributes
from tests.openai_bodies import CHAT, COMPLETIONS, chat, completion, directed
from tests.raw_http import ask, connected
from tests.scripted_triton import data, scripted_triton, sends

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.scripted_triton import ScriptedTriton
    from tests.tritonserver import RunningTriton

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{CALLER}-01"
TRACED = ("traceparent", PARENT)
DOORS = pytest.mark.parametrize("door", ["http", "grpc"])


@pytest.fixture
async def peer(serve: Serve) -> AsyncIterator[ScriptedTriton]:
    async with scripted_triton(sends(data("a", final=True))) as running:
        yield running


async def send(door: str, bridge: Bridge, headers: Sequence[tuple[str, str]]) -> None:
    """Ask the scripted model; a header may come twice."""
    if door == "grpc":
        async with grpc_client.connected(bridge.grpc_port) as stubs:
            request = grpc_client.chat(model="m")
            await stubs.chat.CreateChatCompletion(request, timeout=grpc_client.WAIT, metadata=headers)
        return
    body = b'{"model":"m","messages":[{"role":"user","content":"x"}]}'
    lines = [
        f"POST {CHAT} HTTP/1.1",
        "Host: t",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name.title()}: {value}" for name, value in headers),
    ]
    async with connected(bridge.http_port) as connection:
        await connection.write("\r\n".join([*lines, "", ""]).encode() + body)
        assert (await connection.answer()).status == 200


def told(peer: ScriptedTriton) -> dict[str, str]:
    """Return what the last call was told of its trace."""
    return {name: value for name, value in peer.calls[-1].metadata if name.startswith("trace")}


@DOORS
@pytest.mark.parametrize(
    ("headers", "passed"),
    [
        pytest.param([], {}, id="nothing"),
        pytest.param([TRACED], {"traceparent": PARENT}, id="a parent"),
        pytest.param(
            [TRACED, ("tracestate", "a=1"), ("tracestate", "b=2 , c=3")],
            {"traceparent": PARENT, "tracestate": "a=1,b=2,c=3"},
            id="a state in two parts",
        ),
        pytest.param([TRACED, ("tracestate", "A=1")], {"traceparent": PARENT}, id="a wrong state"),
        pytest.param([("tracestate", "a=1")], {}, id="a state alone"),
        pytest.param([("traceparent", "00-x")], {}, id="a wrong parent"),
    ],
)
async def test_triton_is_told_of_the_callers_trace(
    peer: ScriptedTriton, serve: Serve, door: str, headers: list[tuple[str, str]], passed: dict[str, str]
) -> None:
    bridge = await serve(triton=peer.address)
    await send(door, bridge, headers)
    assert told(peer) == passed


async def test_two_parents_are_none(peer: ScriptedTriton, serve: Serve) -> None:
    bridge = await serve(triton=peer.address)
    await send("http", bridge, [TRACED, TRACED])  # gRPC itself keeps the last one
    assert told(peer) == {}


@DOORS
async def test_triton_is_told_of_our_own_span_where_there_is_one(
    peer: ScriptedTriton, serve: Serve, door: str
) -> None:
    recorded = Recorded()
    bridge = await serve(triton=peer.address, tracing=recorded.tracing)
    await send(door, bridge, [TRACED, ("tracestate", "a=1")])
    await eventually(lambda: len(recorded.spans) == 2)
    span = recorded.by_kind[SpanKind.CLIENT]
    assert told(peer) == {"traceparent": f"00-{TRACE}-{span.context.span_id:016x}-01", "tracestate": "a=1"}


@DOORS
async def test_another_bridge_is_told_as_triton_is(peer: ScriptedTriton, serve: Serve, door: str) -> None:
    far = await serve(triton=peer.address)
    near = await serve(upstream=f"grpc://127.0.0.1:{far.grpc_port}")
    await send(door, near, [TRACED])
    assert told(peer) == {"traceparent": PARENT}


EMBEDDING = {"model": "embed_text", "input": ["a", "b", "c"]}
OVER_HTTP = [
    pytest.param("POST", CHAT, chat(n=3), f"POST {CHAT}", "chat echo_vllm", id="three choices"),
    pytest.param("POST", CHAT, chat(stream=True), f"POST {CHAT}", "chat echo_vllm", id="a stream"),
    pytest.param(
        "POST", COMPLETIONS, completion(), f"POST {COMPLETIONS}", "text_completion echo_vllm", id="completion"
    ),
    pytest.param(
        "POST", "/v1/embeddings", EMBEDDING, "POST /v1/embeddings", "embeddings embed_text", id="embeddings"
    ),
    pytest.param("GET", "/v1/models/echo_vllm", None, "GET /v1/models/{id}", None, id="no model is asked"),
]


@pytest.mark.parametrize(("method", "path", "body", "request_span", "model_span"), OVER_HTTP)
async def test_a_request_over_http_has_its_spans(
    triton: RunningTriton, serve: Serve, method: str, path: str, body: Any, request_span: str, model_span: str
) -> None:
    recorded = Recorded()
    bridge = await serve(triton=triton.address, tracing=recorded.tracing)
    answer = await ask(bridge.http_port, method, path, json=body)
    assert answer.status == 200
    await eventually(lambda: SpanKind.SERVER in recorded.by_kind)
    found = recorded.by_kind
    assert found.pop(SpanKind.SERVER).name == request_span
    assert [span.name for span in found.values()] == ([model_span] if model_span else [])


async def test_a_request_over_grpc_has_its_spans(triton: RunningTriton, serve: Serve) -> None:
    recorded = Recorded()
    bridge = await serve(triton=triton.address, tracing=recorded.tracing)
    wait = {"timeout": grpc_client.WAIT}
    async with grpc_client.connected(bridge.grpc_port) as stubs:
        await stubs.chat.CreateChatCompletion(grpc_client.chat(n=2), **wait)
        await grpc_client.read(stubs.completions.CreateCompletionStream(grpc_client.completion(), **wait))
        embedding = embeddings_pb2.CreateEmbeddingRequest(
            model="embed_text", input=[embeddings_pb2.EmbeddingInput(text="a")]
        )
        await stubs.embeddings.CreateEmbedding(embedding, **wait)
        await stubs.models.ListModels(models_pb2.ListModelsRequest(), **wait)
    await eventually(lambda: len(recorded.spans) == 7)
    service = "openai_bridge.v1"
    assert [span.name for span in recorded.spans] == [
        "chat echo_vllm",
        f"{service}.ChatService/CreateChatCompletion",
        "text_completion echo_vllm",
        f"{service}.CompletionsService/CreateCompletionStream",
        "embeddings embed_text",
        f"{service}.EmbeddingsService/CreateEmbedding",
        f"{service}.ModelsService/ListModels",
    ]
    assert attributes(recorded.spans[0])["gen_ai.response.finish_reasons"] == ("stop", "stop")
    assert attributes(recorded.spans[0])["gen_ai.request.stream"] is False
    assert attributes(recorded.spans[1]) == {
        "rpc.system.name": "grpc",
        "rpc.method": f"{service}.ChatService/CreateChatCompletion",
        "rpc.response.status_code": "OK",
        "openai_bridge.request_id": attributes(recorded.spans[1])["openai_bridge.request_id"],
    }


FAILURES = [
    pytest.param(chat(directed(fail_at=0)), 500, "backend_error", id="the model"),
    pytest.param(chat(directed(words=3, fail_at=2), stream=True), 200, "backend_error", id="in the stream"),
    pytest.param(chat(model="nobody"), 404, None, id="an unknown model"),
    pytest.param({"model": "echo_vllm"}, 400, None, id="a wrong request"),
]


@pytest.mark.parametrize(("body", "status", "error"), FAILURES)
async def test_a_failure_is_told_by_its_reason(
    triton: RunningTriton, serve: Serve, body: dict[str, Any], status: int, error: str | None
) -> None:
    recorded = Recorded()
    bridge = await serve(triton=triton.address, tracing=recorded.tracing)
    answer = await ask(bridge.http_port, "POST", CHAT, json=body)
    await eventually(lambda: SpanKind.SERVER in recorded.by_kind)
    found = recorded.by_kind
    request = found.pop(SpanKind.SERVER)
    assert (answer.status, attributes(request)["http.response.status_code"]) == (status, status)
    assert attributes(request).get("error.type") == error
    assert request.status.status_code is (StatusCode.ERROR if error else StatusCode.UNSET)
    assert [attributes(span)["error.type"] for span in found.values()] == ([error] if error else [])


async def test_a_client_that_leaves_ends_its_spans(triton: RunningTriton, serve: Serve) -> None:
    recorded = Recorded()
    bridge = await serve(triton=triton.address, tracing=recorded.tracing)
    async with connected(bridge.http_port) as connection:
        body = chat(directed(words=2, hang_at=1), stream=True)
        await connection.send("POST", CHAT, json=body)
        await connection.until(b"word0")
    await eventually(lambda: len(recorded.spans) == 2)
    assert attributes(recorded.by_kind[SpanKind.CLIENT])["error.type"] == "cancelled"
    assert attributes(recorded.by_kind[SpanKind.SERVER])["http.response.status_code"] == 499


async def test_spans_of_many_requests_do_not_mix(triton: RunningTriton, serve: Serve) -> None:
    recorded = Recorded()
    bridge = await serve(triton=triton.address, tracing=recorded.tracing)
    parents = [f"00-{number:032x}-{number:016x}-01" for number in range(1, 9)]
    await asyncio.gather(
        *(
            ask(bridge.http_port, "POST", CHAT, json=chat(), headers={"traceparent": parent})
            for parent in parents
        )
    )
    await eventually(lambda: len(recorded.spans) == 16)
    for number in range(1, 9):
        spans = {span.kind: span for span in recorded.spans if span.context.trace_id == number}
        request, model = spans[SpanKind.SERVER], spans[SpanKind.CLIENT]
        assert request.parent is not None
        assert (request.parent.span_id, model.parent) == (number, request.context)
