"""Keys at both doors: who is let in, what is open to all, and that no form of a header confuses the two."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from openai_bridge.v1 import models_pb2

from tests.grpc_client import WAIT, Details, connected, failure, health
from tests.key_files import bearer, metadata, secret, write_keys
from tests.openai_bodies import CHAT, COMPLETIONS, chat, completion, directed
from tests.raw_http import ask
from tests.raw_http import connected as connected_http

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

LIST = models_pb2.ListModelsRequest()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return write_keys(tmp_path / "keys.toml", alice={}, limited={"models": ("plain", "nobody")})


@pytest.fixture
async def bridge(serve: Serve, triton: RunningTriton, keys: Path) -> Bridge:
    return await serve(triton=triton.address, key_file=keys)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("POST", CHAT, chat(), id="chat"),
        pytest.param("POST", CHAT, chat(stream=True), id="a stream"),
        pytest.param("POST", COMPLETIONS, completion(), id="completions"),
        pytest.param("POST", "/v1/embeddings", {"model": "plain", "input": "x"}, id="embeddings"),
        pytest.param("POST", "/tokenize", {"model": "plain", "prompt": "x"}, id="tokenize"),
        pytest.param("POST", "/v1/detokenize", {"model": "plain", "tokens": [1]}, id="detokenize"),
        pytest.param("GET", "/v1/models", None, id="models"),
        pytest.param("GET", "/v1/models/plain", None, id="a model"),
        pytest.param("POST", "/v1/models/plain/load", None, id="loading"),
        pytest.param("POST", CHAT, [], id="before the body is looked at"),
    ],
)
async def test_every_route_of_the_api_needs_a_key(bridge: Bridge, method: str, path: str, body: Any) -> None:
    for headers in ({}, bearer("nobody")):
        answer = await ask(bridge.http_port, method, path, json=body, headers=headers)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert (answer.error["type"], answer.error["code"]) == ("invalid_request_error", "invalid_api_key")
        assert "x-should-retry" not in answer.headers
    answer = await ask(bridge.http_port, method, path, json=body, headers=bearer("alice"))
    assert answer.status != 401


@pytest.mark.parametrize(
    "path",
    ["/health", "/ping", "/v1/health/live", "/v1/health/ready", "/version", "/v1/version", "/metrics"],
)
async def test_what_a_load_balancer_asks_is_open_to_all(bridge: Bridge, path: str) -> None:
    for headers in ({}, bearer("nobody")):
        assert (await ask(bridge.http_port, "GET", path, headers=headers)).status == 200


async def test_metrics_may_need_a_key_too(serve: Serve, triton: RunningTriton, keys: Path) -> None:
    bridge = await serve(triton=triton.address, key_file=keys, protect_metrics=True)
    assert (await ask(bridge.http_port, "GET", "/metrics")).status == 401
    assert (await ask(bridge.http_port, "GET", "/metrics", headers=bearer("alice"))).status == 200
    assert (await ask(bridge.http_port, "GET", "/health")).status == 200


async def test_every_method_of_the_grpc_api_needs_a_key(bridge: Bridge) -> None:
    async with connected(bridge.grpc_port) as stubs:
        methods = [
            stubs.chat.CreateChatCompletion,
            stubs.chat.CreateChatCompletionStream,
            stubs.completions.CreateCompletion,
            stubs.completions.CreateCompletionStream,
            stubs.embeddings.CreateEmbedding,
            stubs.models.ListModels,
            stubs.models.RetrieveModel,
        ]
        for method in methods:
            for shown in ((), metadata("nobody")):
                error = await failure(method(LIST, metadata=shown, timeout=WAIT))
                assert error.code() is grpc.StatusCode.UNAUTHENTICATED
                info = Details.of(error).info
                assert info is not None
                assert info.reason == "INVALID_API_KEY"
        answer = await stubs.models.ListModels(LIST, metadata=metadata("alice"), timeout=WAIT)
        assert "plain" in {model.id for model in answer.data}
        assert await health(stubs) == "SERVING"


VALUES = [
    pytest.param("", id="empty"),
    pytest.param("Bearer", id="no key"),
    pytest.param(secret("alice"), id="no scheme"),
    pytest.param(f"Basic {secret('alice')}", id="another scheme"),
    pytest.param(f"Bearer {secret('alice')}x", id="a key and more"),
    pytest.param(f"Bearer {secret('alice')[:-1]}", id="most of a key"),
    pytest.param(f"Bearer Bearer {secret('alice')}", id="the scheme twice"),
    pytest.param(f"Bearer {secret('alice')},{secret('alice')}", id="two keys in one"),
    pytest.param("Bearer " + "x" * 4000, id="huge"),
]


@pytest.mark.parametrize("value", VALUES)
async def test_nothing_but_a_key_opens_either_door(bridge: Bridge, value: str) -> None:
    async with connected_http(bridge.http_port) as connection:
        await connection.write(
            f"GET /v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: {value}\r\n\r\n".encode()
        )
        assert (await connection.answer()).status == 401
    async with connected(bridge.grpc_port) as stubs:
        error = await failure(
            stubs.models.ListModels(LIST, metadata=(("authorization", value),), timeout=WAIT)
        )
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert secret("alice") not in (error.details() or "")


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([f"Authorization: Bearer {secret('alice')}"] * 2, id="the header twice"),
        pytest.param(["Authorization: Bearer x", f"Authorization: Bearer {secret('alice')}"], id="two keys"),
        pytest.param([f"X-Api-Key: {secret('alice')}"], id="another header"),
        pytest.param([f"Api-Key: {secret('alice')}"], id="the header of Azure"),
        pytest.param([f"Proxy-Authorization: Bearer {secret('alice')}"], id="a proxy's header"),
        pytest.param([f"Cookie: authorization=Bearer {secret('alice')}"], id="a cookie"),
        pytest.param([f"Authorization: Bearer\u00a0{secret('alice')}"], id="no ASCII"),
        pytest.param([f"Authorization\t: Bearer {secret('alice')}"], id="a tab in the name"),
        pytest.param([f"Authorization: Bearer\r\n {secret('alice')}"], id="folded"),
    ],
)
async def test_a_key_counts_only_where_it_belongs(bridge: Bridge, lines: list[str]) -> None:
    async with connected_http(bridge.http_port) as connection:
        head = "\r\n".join(["GET /v1/models HTTP/1.1", "Host: x", *lines, "", ""])
        await connection.write(head.encode())
        assert (await connection.answer()).status in {400, 401}
    answer = await ask(bridge.http_port, "GET", f"/v1/models?api_key={secret('alice')}")
    assert answer.status == 401


async def test_a_key_that_is_shown_twice_over_grpc_is_refused(bridge: Bridge) -> None:
    async with connected(bridge.grpc_port) as stubs:
        for shown in (
            (*metadata("alice"), *metadata("alice")),
            (*metadata("nobody"), *metadata("alice")),
            (("authorization-bin", secret("alice").encode()),),
            (("x-api-key", secret("alice")),),
        ):
            error = await failure(stubs.models.ListModels(LIST, metadata=shown, timeout=WAIT))
            assert error.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_key_shows_and_asks_only_its_models(bridge: Bridge) -> None:
    listed = await ask(bridge.http_port, "GET", "/v1/models", headers=bearer("limited"))
    assert [model["id"] for model in listed.json["data"]] == ["plain"]
    hidden = await ask(bridge.http_port, "GET", "/v1/models/demo", headers=bearer("limited"))
    missing = await ask(bridge.http_port, "GET", "/v1/models/nobody", headers=bearer("limited"))
    assert (hidden.status, hidden.error) == (
        404,
        {**missing.error, "message": missing.error["message"].replace("nobody", "demo")},
    )
    shown = {"headers": bearer("limited")}
    assert (await ask(bridge.http_port, "POST", CHAT, json=chat("x", model="plain"), **shown)).status == 200
    for path, body in ((CHAT, chat()), (CHAT, chat(stream=True)), (COMPLETIONS, completion())):
        answer = await ask(bridge.http_port, "POST", path, json=body, **shown)
        assert (answer.status, answer.error["code"]) == (404, "model_not_found")
    for path in ("/v1/embeddings", "/tokenize", "/detokenize"):
        body = {"model": "echo_vllm", "input": "x", "prompt": "x", "tokens": [1]}
        answer = await ask(bridge.http_port, "POST", path, json=body, **shown)
        assert (answer.status, answer.error["code"]) == (404, "model_not_found")


async def test_a_refused_request_reaches_no_model_and_tells_no_key(
    bridge: Bridge, triton: RunningTriton, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        body = chat(directed(tag="kept out"))
        await ask(bridge.http_port, "POST", CHAT, json=body, headers=bearer("nobody"))
        await ask(bridge.http_port, "POST", CHAT, json=chat(), headers=bearer("alice"))
    assert triton.events("kept out") == []
    facts = [record.facts for record in caplog.records if record.getMessage() == "request"]  # type: ignore[attr-defined]
    assert [(fact.get("key"), fact["code"]) for fact in facts] == [(None, "UNAUTHENTICATED"), ("alice", "OK")]
    told = caplog.text + repr(facts) + bridge.metrics.text().decode()
    assert "secret-of" not in told
    assert "alice" not in bridge.metrics.text().decode()
    assert b'code="UNAUTHENTICATED"' in bridge.metrics.text()


async def test_without_a_file_of_keys_any_header_is_welcome(serve: Serve, triton: RunningTriton) -> None:
    bridge = await serve(triton=triton.address)
    for headers in ({}, bearer("nobody"), {"Authorization": "Basic eA=="}):
        assert (await ask(bridge.http_port, "POST", CHAT, json=chat(), headers=headers)).status == 200
