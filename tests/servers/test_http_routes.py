"""Routes and methods that do not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.openai_bodies import CHAT, COMPLETIONS
from tests.raw_http import ask

if TYPE_CHECKING:
    from bridge.app import Bridge


@pytest.mark.parametrize(
    "path",
    ["/", "/nowhere", "/v1", "/v1/", "/v1/chat", "/v1/chat/completions/x", "/v2/models", "/v1//models"],
)
async def test_an_unknown_route_is_not_found(bridge: Bridge, path: str) -> None:
    answer = await ask(bridge.http_port, "GET", path)
    assert (answer.status, answer.error["code"]) == (404, "unknown_url")
    assert answer.error["type"] == "invalid_request_error"
    assert f"GET {path}" in answer.error["message"]
    assert answer.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        pytest.param("GET", CHAT, {"POST"}, id="GET chat"),
        pytest.param("PUT", COMPLETIONS, {"POST"}, id="PUT completions"),
        pytest.param("POST", "/v1/models", {"GET", "HEAD"}, id="POST models"),
        pytest.param("DELETE", "/v1/models/org/name", {"GET", "HEAD"}, id="DELETE a model"),
        pytest.param("OPTIONS", CHAT, {"POST"}, id="OPTIONS"),
        pytest.param("POST", "/metrics", {"GET", "HEAD"}, id="POST metrics"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(
    bridge: Bridge, method: str, path: str, allowed: set[str]
) -> None:
    answer = await ask(bridge.http_port, method, path)
    assert (answer.status, answer.error["code"]) == (405, "method_not_supported")
    assert set(answer.headers["allow"].split(",")) == allowed
    assert answer.headers["x-request-id"].startswith("req_")
