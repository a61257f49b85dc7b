"""A key counts at each door in that door's words alone, and what it has used at one counts at the other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from openai_bridge.v1 import models_pb2

from tests import scripted_h2 as h2
from tests.grpc_client import WAIT, chat, connected, failure
from tests.key_files import bearer, metadata, secret, write_keys
from tests.openai_bodies import CHAT, directed
from tests.openai_bodies import chat as body
from tests.raw_http import Connection, ask
from tests.raw_http import connected as connected_http

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

SHOWN = f"Bearer {secret('alice')}"
LIST = "/openai_bridge.v1.ModelsService/ListModels"


@pytest.fixture
async def bridge(serve: Serve, triton: RunningTriton, tmp_path: Path) -> Bridge:
    keys = write_keys(tmp_path / "keys.toml", alice={}, often={"requests_per_minute": 2})
    return await serve(triton=triton.address, key_file=keys)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("Grpc-Metadata-Authorization", id="as gateways write metadata"),
        pytest.param("Authorization-Bin", id="as binary metadata"),
        pytest.param("X-Forwarded-Authorization", id="as proxies pass it on"),
        pytest.param("X-Original-Authorization", id="as proxies keep it"),
        pytest.param("Sec-WebSocket-Protocol", id="as pages without headers send it"),
    ],
)
async def test_another_header_is_no_key(bridge: Bridge, name: str) -> None:
    answer = await ask(bridge.http_port, "GET", "/v1/models", headers={name: SHOWN})
    assert answer.status == 401


async def test_a_key_behind_the_body_is_none(bridge: Bridge) -> None:
    lines = [
        f"POST {CHAT} HTTP/1.1", "Host: x", "Content-Type: application/json", "Transfer-Encoding: chunked",
        "Trailer: Authorization", "", "2", "{}", "0", f"Authorization: {SHOWN}", "", "",
    ]  # fmt: skip
    async with connected_http(bridge.http_port) as connection:
        await connection.write("\r\n".join(lines).encode())
        assert (await connection.answer()).status in {400, 401}


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param((("grpc-metadata-authorization", SHOWN),), id="as gateways write it"),
        pytest.param((("cookie", f"authorization={SHOWN}"),), id="a cookie"),
        pytest.param((("x-forwarded-authorization", SHOWN),), id="as proxies pass it on"),
        pytest.param((("authorization", secret("alice")),), id="without its scheme"),
    ],
)
async def test_other_metadata_is_no_key(bridge: Bridge, shown: Any) -> None:
    async with connected(bridge.grpc_port) as stubs:
        call = stubs.models.ListModels(models_pb2.ListModelsRequest(), metadata=shown, timeout=WAIT)
        assert (await failure(call)).code().name == "UNAUTHENTICATED"


async def test_the_grpc_door_speaks_no_http_1(bridge: Bridge) -> None:
    async with connected_http(bridge.grpc_port) as connection:
        await connection.send("GET", "/v1/models", headers=bearer("alice"))
        assert b"HTTP/1.1 200" not in await connection.rest()


@pytest.mark.parametrize(
    ("header", "served"),
    [
        pytest.param(("te", "trailers"), True, id="grpc"),
        pytest.param(("accept", "*/*"), False, id="a browser"),
    ],
)
async def test_no_page_of_a_browser_can_call_the_grpc_door(
    bridge: Bridge, header: tuple[str, str], served: bool
) -> None:
    """A page may send any body as text/plain without asking, but never the header TE."""
    head = h2.block(
        (":method", "POST"), (":scheme", "http"), (":path", LIST), (":authority", "x"),
        header, ("content-type", "text/plain"), ("authorization", SHOWN),
    )  # fmt: skip
    async with connected_http(bridge.grpc_port) as connection:
        await connection.write(h2.PREFACE + h2.settings() + h2.frame(h2.HEADERS, h2.END_HEADERS, 1, head))
        await connection.write(h2.body(1, models_pb2.ListModelsRequest(), flags=h2.END_STREAM))
        assert (b"echo_vllm" in await first_answer(connection)) is served


async def first_answer(connection: Connection) -> bytes:
    """Return the frames up to the end of the first call, or of the connection."""
    raw = b""
    try:
        while True:
            head = await connection.read(9)
            raw += head + await connection.read(int.from_bytes(head[:3], "big"))
            kind, flags, number = head[3], head[4], int.from_bytes(head[5:], "big")
            if number == 1 and (
                kind == h2.RST_STREAM or (kind in {h2.HEADERS, h2.DATA} and flags & h2.END_STREAM)
            ):
                return raw
    except asyncio.IncompleteReadError:
        return raw


async def test_what_a_key_has_used_at_one_door_counts_at_the_other(bridge: Bridge) -> None:
    asked, shown = body(directed(text="ok")), {"metadata": metadata("often"), "timeout": WAIT}
    async with connected(bridge.grpc_port) as stubs:
        assert (await ask(bridge.http_port, "POST", CHAT, json=asked, headers=bearer("often"))).status == 200
        assert await stubs.chat.CreateChatCompletion(chat({"text": "ok"}), **shown)
        assert (await ask(bridge.http_port, "POST", CHAT, json=asked, headers=bearer("often"))).status == 429
        error = await failure(stubs.chat.CreateChatCompletion(chat({"text": "ok"}), **shown))
        assert error.code().name == "RESOURCE_EXHAUSTED"
