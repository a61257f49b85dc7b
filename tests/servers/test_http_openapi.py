"""GET /openapi.json: it names every route and no other, and describes what real answers are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openapi_spec_validator
import pytest

from tests.configured import serve_file
from tests.key_files import bearer, write_keys
from tests.openai_bodies import CHAT, COMPLETIONS, chat, completion, directed
from tests.openapi_document import unsaid
from tests.raw_http import ask
from tests.tokenizers import small

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

EMBEDDINGS = "/v1/embeddings"
ID, LOAD = "/v1/models/{id}", "/v1/models/{id}/load"
FILE = """
key_file = "keys.toml"
protect_metrics = true
reasoning_field = "reasoning"

[models.m]
triton_model = "echo_vllm"
tokenizer = "tokenizer.json"
"""


@pytest.fixture
async def guarded(serve: Serve, triton: RunningTriton, tmp_path: Path) -> AsyncIterator[Bridge]:
    """Serve with keys, and a model that has a tokenizer."""
    write_keys(tmp_path / "keys.toml", operator={"admin": True}, user={"models": ("m",)})
    (tmp_path / "tokenizer.json").write_bytes(small.source(small.byte_level()))
    return await serve_file(serve, tmp_path, triton.address, FILE)


async def served(bridge: Bridge) -> dict[str, Any]:
    """Return the document that a bridge serves."""
    answer = await ask(bridge.http_port, "GET", "/openapi.json")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    found: dict[str, Any] = answer.json
    return found


async def test_every_route_is_described_and_no_other(bridge: Bridge) -> None:
    assert bridge._http is not None
    routes = {
        (route.resource.canonical, route.method)
        for route in bridge._http._runner.app.router.routes()
        if route.resource is not None
    }
    described = {
        (path, method.upper()) for path, item in (await served(bridge))["paths"].items() for method in item
    }
    # aiohttp answers HEAD wherever it answers GET, and has one route for both changes of a model.
    routes = {route for route in routes if route[1] != "HEAD"}
    routes.remove(("/v1/models/{id}/{change}", "POST"))
    assert routes | {(f"/v1/models/{{id}}/{change}", "POST") for change in ("load", "unload")} == described


async def test_the_served_document_is_valid(guarded: Bridge) -> None:
    document = await served(guarded)
    openapi_spec_validator.validate(document)
    assert document["security"] == [{"bearer": []}]
    assert "security" not in document["paths"]["/metrics"]["get"]
    assert "reasoning" in document["components"]["schemas"]["ChatDelta"]["properties"]


async def test_without_keys_the_document_asks_for_none(bridge: Bridge) -> None:
    document = await served(bridge)
    assert document["security"] == []
    assert document["paths"]["/metrics"]["get"]["security"] == []


async def test_a_client_that_has_the_document_is_told_so(bridge: Bridge) -> None:
    first = await ask(bridge.http_port, "GET", "/openapi.json")
    tag = first.headers["etag"]
    again = await ask(bridge.http_port, "GET", "/openapi.json", headers={"If-None-Match": tag})
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert unsaid(first.json, "GET", "/openapi.json", again) == []
    other = await ask(bridge.http_port, "GET", "/openapi.json", headers={"If-None-Match": '"0"'})
    assert (other.status, other.body) == (200, first.body)


LOGPROBS = {"logprobs": True, "top_logprobs": 1}
USAGE = {"stream": True, "stream_options": {"include_usage": True}}
FAILS = directed("x", pieces=["a", "b"], fail_at=1, error="broken")
ANSWERS = [
    pytest.param("POST", CHAT, None, chat(), 200, id="chat"),
    pytest.param("POST", CHAT, None, chat(n=3, return_token_ids=True), 400, id="chat that is refused"),
    pytest.param("POST", CHAT, None, chat(n=2, unheard_of=1), 200, id="chat of two choices"),
    pytest.param("POST", CHAT, None, chat(stop=["two"]), 200, id="chat with a stop string"),
    pytest.param("POST", CHAT, None, chat(**LOGPROBS), 200, id="chat with log probabilities"),
    pytest.param("POST", CHAT, None, chat(**USAGE), 200, id="chat stream"),
    pytest.param("POST", CHAT, None, chat(**USAGE, **LOGPROBS), 200, id="chat stream, log probabilities"),
    pytest.param("POST", CHAT, None, chat(FAILS, stream=True), 200, id="chat stream that fails"),
    pytest.param("POST", CHAT, None, chat(FAILS), 500, id="chat that fails"),
    pytest.param("POST", CHAT, None, chat(model="nobody"), 404, id="chat with nobody"),
    pytest.param("POST", CHAT, None, {"model": "echo_vllm"}, 400, id="chat without messages"),
    pytest.param("POST", COMPLETIONS, None, completion(logprobs=1, echo=False), 200, id="completion"),
    pytest.param("POST", COMPLETIONS, None, completion(**USAGE), 200, id="completion stream"),
    pytest.param("POST", COMPLETIONS, None, completion(prompt=["a", "b"], n=2), 200, id="four completions"),
    pytest.param("POST", COMPLETIONS, None, completion(n=0), 400, id="no completion"),
    pytest.param("POST", EMBEDDINGS, None, {"model": "embed_text", "input": ["a", "b"]}, 200, id="vectors"),
    pytest.param(
        "POST", EMBEDDINGS, None,
        {"model": "embed_text", "input": "a", "encoding_format": "base64"}, 200, id="base64",
    ),
    pytest.param("POST", EMBEDDINGS, None, {"model": "embed_text", "input": ""}, 400, id="nothing to embed"),
    pytest.param("GET", "/v1/models", None, None, 200, id="models"),
    pytest.param("GET", ID, "/v1/models/echo_vllm", None, 200, id="model"),
    pytest.param("GET", ID, "/v1/models/a/b", None, 404, id="no model"),
    pytest.param("POST", LOAD, "/v1/models/plain/load", None, 404, id="load without an admin"),
    pytest.param("POST", "/tokenize", None, {"model": "echo_vllm", "prompt": "a"}, 400, id="no tokenizer"),
    pytest.param("POST", "/v1/detokenize", None, {"model": "echo_vllm"}, 400, id="no tokens"),
    *(
        pytest.param("GET", path, None, None, 200, id=path)
        for path in (
            *("/v1/health/live", "/v1/health/ready", "/health", "/ping", "/version", "/v1/version"),
            *("/metrics", "/openapi.json"),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "sent", "body", "status"), ANSWERS)
async def test_a_real_answer_is_what_the_document_says(
    bridge: Bridge, method: str, path: str, sent: str | None, body: Any, status: int
) -> None:
    answer = await ask(bridge.http_port, method, sent or path, json=body)
    assert (answer.status, unsaid(await served(bridge), method, path, answer)) == (status, [])


@pytest.mark.parametrize(
    ("method", "path", "sent", "key", "body", "status"),
    [
        pytest.param("POST", CHAT, None, "user", chat(model="m"), 200, id="chat"),
        pytest.param("POST", CHAT, None, "nobody", chat(model="m"), 401, id="no such key"),
        pytest.param("POST", CHAT, None, "user", chat(model="plain"), 404, id="not that model"),
        pytest.param("GET", "/metrics", None, "nobody", None, 401, id="metrics without a key"),
        pytest.param("GET", "/metrics", None, "user", None, 200, id="metrics"),
        pytest.param("POST", LOAD, "/v1/models/plain/load", "user", None, 403, id="no admin"),
        pytest.param("POST", LOAD, "/v1/models/plain/load", "operator", None, 200, id="load"),
        pytest.param("POST", "/tokenize", None, "user", {"model": "m", "prompt": "a"}, 200, id="tokens"),
        pytest.param("POST", "/v1/tokenize", None, "user", chat(model="m"), 200, id="chat's tokens"),
        pytest.param("POST", "/detokenize", None, "user", {"model": "m", "tokens": [0, 1]}, 200, id="text"),
    ],
)
async def test_a_real_answer_to_a_key_is_what_the_document_says(
    guarded: Bridge, method: str, path: str, sent: str | None, key: str, body: Any, status: int
) -> None:
    headers = bearer(key)
    answer = await ask(guarded.http_port, method, sent or path, json=body, headers=headers)
    assert (answer.status, unsaid(await served(guarded), method, path, answer)) == (status, [])
