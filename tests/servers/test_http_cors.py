"""Web pages of other origins: none by default, those that are configured otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.key_files import write_keys
from tests.openai_bodies import CHAT, chat
from tests.raw_http import ask

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.raw_http import Answer
    from tests.tritonserver import RunningTriton

PAGE = "https://chat.example"
OTHER = "https://evil.example"
WANTED = "authorization,content-type,x-stainless-lang"


async def preflight(bridge: Bridge, origin: str, path: str = CHAT) -> Answer:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": WANTED,
    }
    return await ask(bridge.http_port, "OPTIONS", path, headers=headers)


def cors_headers(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


@pytest.fixture
async def open_bridge(serve: Serve, triton: RunningTriton, tmp_path: Path) -> Bridge:
    keys = write_keys(tmp_path / "keys.toml")
    return await serve(triton=triton.address, cors_origins=(PAGE, "http://localhost:3000"), key_file=keys)


async def test_by_default_no_page_may_ask_and_no_answer_says_otherwise(bridge: Bridge) -> None:
    asked = await preflight(bridge, PAGE)
    assert (asked.status, asked.headers["allow"]) == (405, "POST")
    answer = await ask(bridge.http_port, "POST", CHAT, json=chat(), headers={"Origin": PAGE})
    assert answer.status == 200
    assert cors_headers(asked) == cors_headers(answer) == {}


@pytest.mark.parametrize("path", [CHAT, "/v1/models", "/nowhere"])
async def test_a_page_may_ask_whether_it_may_without_a_key(open_bridge: Bridge, path: str) -> None:
    answer = await preflight(open_bridge, PAGE, path)
    assert (answer.status, answer.body) == (204, b"")
    assert cors_headers(answer) == {
        "access-control-allow-origin": PAGE,
        "access-control-allow-methods": "GET, POST",
        "access-control-allow-headers": WANTED,
        "access-control-max-age": "600",
        "access-control-expose-headers": "x-request-id, openai-bridge-ignored, retry-after, x-should-retry",
    }
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    [OTHER, "https://chat.example.evil.example", "https://CHAT.example", "http://chat.example", "null"],
)
async def test_another_page_may_not(open_bridge: Bridge, origin: str) -> None:
    answer = await preflight(open_bridge, origin)
    assert (answer.status, cors_headers(answer)) == (405, {})
    assert answer.headers["vary"] == "Origin"


async def test_a_page_may_read_errors_and_streams(serve: Serve, triton: RunningTriton) -> None:
    bridge = await serve(triton=triton.address, cors_origins=(PAGE,))
    for body, status in ((chat(), 200), (chat(stream=True), 200), (chat(temperature=9), 400)):
        answer = await ask(bridge.http_port, "POST", CHAT, json=body, headers={"Origin": PAGE})
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (status, PAGE)
        other = await ask(bridge.http_port, "POST", CHAT, json=body, headers={"Origin": OTHER})
        assert (other.status, cors_headers(other)) == (status, {})


async def test_a_refusal_may_be_read_too(open_bridge: Bridge) -> None:
    answer = await ask(open_bridge.http_port, "POST", CHAT, json=chat(), headers={"Origin": PAGE})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (401, PAGE)
    assert "access-control-allow-credentials" not in answer.headers


async def test_any_page_may_where_all_are_allowed(serve: Serve, triton: RunningTriton) -> None:
    bridge = await serve(triton=triton.address, cors_origins=("*",))
    for origin in (PAGE, OTHER, "null"):
        assert (await preflight(bridge, origin)).headers["access-control-allow-origin"] == origin


async def test_options_without_an_origin_stays_a_method_that_is_not_served(open_bridge: Bridge) -> None:
    answer = await ask(open_bridge.http_port, "OPTIONS", CHAT)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
