"""POST /v1/embeddings, byte by byte."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.grpc_client import in_flight
from tests.models.standin.vectors import vector
from tests.raw_http import ask, connected

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

PATH = "/v1/embeddings"


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "embed_text", "input": "hello", **fields}


async def test_the_answer_is_openais(bridge: Bridge) -> None:
    answer = await ask(bridge.http_port, "POST", PATH, json=body(), headers={"x-request-id": "mine"})
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"] == "mine"
    assert answer.json == {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": vector("hello")}],
        "model": "embed_text",
        "usage": {"prompt_tokens": 0, "total_tokens": 0},
    }
    assert "openai-bridge-ignored" not in answer.headers


@pytest.mark.parametrize(
    ("fields", "status", "param", "code"),
    [
        pytest.param({"input": ""}, 400, "input", "invalid_value", id="empty text"),
        pytest.param({"input": []}, 400, "input", "missing_required_parameter", id="empty array"),
        pytest.param({"input": ["a", ""]}, 400, "input[1]", "invalid_value", id="an empty text among others"),
        pytest.param({"input": [[], [1]]}, 400, "input[0]", "invalid_value", id="empty token ids"),
        pytest.param({"input": [1, 2]}, 400, "input", "unsupported_value", id="token ids"),
        pytest.param({"input": None}, 400, "input", "missing_required_parameter", id="null"),
        pytest.param({"input": 3}, 400, "input", "invalid_type", id="a number"),
        pytest.param({"dimensions": 4}, 400, "dimensions", "unsupported_parameter", id="dimensions"),
        pytest.param({"encoding_format": "int8"}, 400, "encoding_format", "invalid_value", id="int8"),
        pytest.param({"model": "nobody"}, 404, None, "model_not_found", id="unknown model"),
        pytest.param({"model": "plain"}, 400, "model", "unsupported_value", id="a model that chats"),
    ],
)
async def test_errors_name_the_field(
    bridge: Bridge, fields: dict[str, Any], status: int, param: str | None, code: str
) -> None:
    answer = await ask(bridge.http_port, "POST", PATH, json=body(**fields))
    assert (answer.status, answer.error["param"], answer.error["code"]) == (status, param, code)


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param({"body": b"{", "headers": {}}, id="no JSON"),
        pytest.param({"body": b"{}", "headers": {"Content-Type": "text/plain"}}, id="another content type"),
    ],
)
async def test_a_body_that_is_no_json_is_refused(bridge: Bridge, request_: dict[str, Any]) -> None:
    answer = await ask(bridge.http_port, "POST", PATH, **request_)
    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")


async def test_a_body_over_the_limit_is_refused(serve: Serve, triton: RunningTriton) -> None:
    bridge = await serve(triton=triton.address, max_request_bytes=1000)
    answer = await ask(bridge.http_port, "POST", PATH, json=body(input="x" * 1000))
    assert answer.status == 413
    assert answer.error["message"] == "the body is larger than the limit of 1000 bytes"


async def test_unknown_fields_are_named_in_a_header(bridge: Bridge) -> None:
    answer = await ask(bridge.http_port, "POST", PATH, json=body(stream=True, top_k=3))
    assert answer.status == 200
    assert answer.headers["openai-bridge-ignored"] == "stream, top_k"


async def test_unknown_fields_can_be_refused(serve: Serve, triton: RunningTriton) -> None:
    bridge = await serve(triton=triton.address, unknown_fields="reject")
    answer = await ask(bridge.http_port, "POST", PATH, json=body(top_k=3))
    assert (answer.status, answer.error["param"]) == (400, "top_k")


async def test_a_request_id_in_the_body_is_the_requests_own(bridge: Bridge) -> None:
    answer = await ask(bridge.http_port, "POST", PATH, json=body(request_id="from-the-body"))
    assert answer.headers["x-request-id"] == "from-the-body"


async def test_a_client_that_leaves_ends_the_calls(bridge: Bridge, triton: RunningTriton) -> None:
    text = f"x @@{json.dumps({'tag': 'left', 'hang_at': 0})}"
    async with connected(bridge.http_port) as connection:
        await connection.send("POST", PATH, json=body(model="embed_batched", input=text))
        await triton.event("left", "request")
        connection.leave()
        await triton.event("left", "cancelled")


async def test_a_request_is_counted_once_and_by_its_model(serve: Serve, triton: RunningTriton) -> None:
    bridge = await serve(triton=triton.address)
    await ask(bridge.http_port, "POST", PATH, json=body(model="embed_batched", input=["a b", "c"]))
    await ask(bridge.http_port, "POST", PATH, json=body(input=""))
    exposition = (await ask(bridge.http_port, "GET", "/metrics")).body
    lines = exposition.decode().splitlines()
    counted = 'requests_total{code="%s",door="http",endpoint="embeddings",model="%s"} 1.0'
    assert f"openai_bridge_{counted % ('OK', 'embed_batched')}" in lines
    assert f"openai_bridge_{counted % ('INVALID_ARGUMENT', 'embed_text')}" in lines
    assert 'openai_bridge_tokens_total{kind="prompt",model="embed_batched"} 3.0' in lines
    assert in_flight(exposition) == 0
