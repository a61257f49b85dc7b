"""Health, version and the list of models without an SDK."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from bridge.config import ModelConfig
from bridge.demo.ports import Ports
from tests.openai_bodies import CHAT, chat
from tests.raw_http import ask, connected

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

LIVE = {"message": "Service is live."}
READY = {"message": "Service is ready."}


@pytest.mark.parametrize("path", ["/v1/health/live", "/health", "/ping"])
async def test_live_says_so(bridge: Bridge, path: str) -> None:
    answer = await ask(bridge.http_port, "GET", path)
    assert (answer.status, answer.json) == (200, LIVE)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"].startswith("req_")


async def test_ready_says_so(bridge: Bridge) -> None:
    answer = await ask(bridge.http_port, "GET", "/v1/health/ready")
    assert (answer.status, answer.json) == (200, READY)


@pytest.mark.parametrize("path", ["/version", "/v1/version"])
async def test_the_version_is_the_packages(bridge: Bridge, path: str) -> None:
    answer = await ask(bridge.http_port, "GET", path)
    assert (answer.status, answer.json) == (200, {"version": version("openai-bridge")})


async def test_ready_needs_every_configured_model(serve: Serve, triton: RunningTriton) -> None:
    models = {"demo": ModelConfig(), "nobody": ModelConfig()}
    bridge = await serve(triton=triton.address, models=models)
    answer = await ask(bridge.http_port, "GET", "/v1/health/ready")
    assert answer.status == 503
    assert answer.error == {
        "message": "model 'nobody' is configured but not ready",
        "type": "server_error",
        "param": None,
        "code": None,
    }
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert (await ask(bridge.http_port, "GET", "/v1/health/live")).json == LIVE
    assert (await ask(bridge.http_port, "POST", CHAT, json=chat())).status == 200


async def test_without_a_triton_the_bridge_lives_and_is_not_ready(serve: Serve) -> None:
    bridge = await serve(triton=f"127.0.0.1:{Ports().chosen().grpc}")
    answer = await ask(bridge.http_port, "GET", "/v1/health/ready")
    assert (answer.status, answer.error["message"]) == (503, "Triton cannot be reached")
    assert answer.headers["retry-after"] == "2"
    assert (await ask(bridge.http_port, "GET", "/health")).json == LIVE
    for method, path, json in (("GET", "/v1/models", None), ("POST", CHAT, chat())):
        refused = await ask(bridge.http_port, method, path, json=json)
        assert (refused.status, refused.error["message"]) == (503, "Triton cannot be reached")
        assert "x-should-retry" not in refused.headers


async def test_head_is_answered_where_get_is(bridge: Bridge) -> None:
    async with connected(bridge.http_port) as connection:
        await connection.send("HEAD", "/health", headers={"Connection": "close"})
        assert (await connection.head()).status == 200
        assert await connection.rest() == b""
