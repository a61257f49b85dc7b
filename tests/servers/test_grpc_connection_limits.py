"""Limits of gRPC connections: calls at once, age, idleness, and handshakes that never end, on both doors."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from bridge.config import Limits, Tls
from tests import scripted_h2 as h2
from tests.certificates import Authority, Pair
from tests.grpc_client import WAIT, chat, connected, read, text
from tests.raw_http import connected as connected_raw

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.raw_http import Connection
    from tests.tritonserver import RunningTriton

NOWHERE = "127.0.0.1:1"
MAX_CONCURRENT_STREAMS = 3
"""The setting's number in HTTP/2."""


async def limited(serve: Serve, triton: str = NOWHERE, **limits: Any) -> Bridge:
    return await serve(triton=triton, limits=Limits(**limits))


async def frames(connection: Connection) -> AsyncIterator[tuple[int, int, bytes]]:
    """Yield kind, flags and payload of what comes, to the end of the connection."""
    while True:
        try:
            head = await connection.read(9)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        yield head[3], head[4], await connection.read(int.from_bytes(head[:3], "big"))


async def first(connection: Connection, wanted: int) -> bytes:
    """Return the payload of the first frame of a kind."""
    async for kind, flags, payload in frames(connection):
        if kind == wanted and not flags:
            return payload
    raise AssertionError("the connection ended before it")


async def test_so_many_calls_may_be_open_on_one_connection(serve: Serve) -> None:
    bridge = await limited(serve, max_connection_streams=7)
    async with connected_raw(bridge.grpc_port) as connection:
        await connection.write(h2.PREFACE + h2.settings())
        payload = await first(connection, h2.SETTINGS)
    pairs = [payload[at : at + 6] for at in range(0, len(payload), 6)]
    told = {int.from_bytes(pair[:2], "big"): int.from_bytes(pair[2:], "big") for pair in pairs}
    assert told[MAX_CONCURRENT_STREAMS] == 7


async def test_calls_beyond_those_wait_for_others_to_end(serve: Serve, triton: RunningTriton) -> None:
    bridge = await limited(serve, triton.address, max_connection_streams=1)
    async with connected(bridge.grpc_port) as stubs:
        calls = [stubs.chat.CreateChatCompletionStream(chat({"words": 3}), timeout=WAIT) for _ in range(4)]
        told = await asyncio.gather(*map(read, calls))
    assert {text(chunks) for chunks in told} == {"word0 word1 word2 "}


@pytest.mark.parametrize("limit", ["max_connection_age", "idle_timeout"])
async def test_a_connection_that_is_old_or_idle_is_told_to_go(serve: Serve, limit: str) -> None:
    bridge = await limited(serve, **{limit: 0.2})
    async with connected_raw(bridge.grpc_port) as connection:
        await connection.write(h2.PREFACE + h2.settings())
        assert await first(connection, h2.GOAWAY)


async def test_a_call_outlives_the_age_of_its_connection(serve: Serve, triton: RunningTriton) -> None:
    bridge = await limited(serve, triton.address, max_connection_age=0.2)
    async with connected(bridge.grpc_port) as stubs:
        request = chat({"words": 30, "delay_ms": 20}, max_tokens=60)
        call = stubs.chat.CreateChatCompletionStream(request, timeout=WAIT)
        assert "word29 " in text([chunk async for chunk in call])


@pytest.mark.parametrize("door", ["http", "grpc"])
async def test_a_handshake_that_does_not_come_is_not_waited_for(
    serve: Serve, door: str, certificate: Pair
) -> None:
    tls = Tls(certificate=certificate.certificate, key=certificate.key)
    bridge = await serve(triton=NOWHERE, tls=tls, limits=Limits(header_timeout=0.3))
    async with connected_raw(getattr(bridge, f"{door}_port")) as connection:
        await connection.write(b"\x16\x03\x01\x02\x00\x01")  # a handshake begins so
        assert b"HTTP/" not in await connection.rest()


async def test_a_grpc_connection_that_says_nothing_is_closed(serve: Serve) -> None:
    bridge = await limited(serve, header_timeout=0.3)
    async with connected_raw(bridge.grpc_port) as connection:
        await connection.write(h2.PREFACE[:5])
        await connection.rest()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Authority(tmp_path_factory.mktemp("ours"), "ours").issue("bridge")
