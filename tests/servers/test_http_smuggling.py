"""Requests whose end or headers a proxy may see elsewhere: refused, and what is behind them is not read."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.openai_bodies import CHAT
from tests.raw_http import Connection, connected

if TYPE_CHECKING:
    from tests.conftest import Serve

NOWHERE = "127.0.0.1:1"
GET = b"GET /health HTTP/1.1\r\nHost: x\r\n"
POST = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()
OLD_POST = POST.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Connection: keep-alive\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
NO_CHUNK = b"\r\n0\r\n\r\n"
HIDDEN = b"GET /v1/version HTTP/1.1\r\nHost: x\r\n\r\n"

LENGTHS = [
    pytest.param(b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n" + NO_CHUNK, id="length, then chunks"),
    pytest.param(b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n" + NO_CHUNK, id="chunks, then length"),
    pytest.param(b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", id="two lengths"),
    pytest.param(b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", id="one length twice"),
    pytest.param(b"Content-Length: 2, 2\r\n\r\n{}", id="a list of lengths"),
    pytest.param(b"Content-Length: +2\r\n\r\n{}", id="a length with a sign"),
    pytest.param(b"Content-Length: 0_2\r\n\r\n{}", id="a length with an underscore"),
    pytest.param(b"Content-Length: 0x2\r\n\r\n{}", id="a hexadecimal length"),
    pytest.param(b"Content-Length: \xef\xbc\x92\r\n\r\n{}", id="a length in other digits"),
    pytest.param(b"Content-Length: 18446744073709551618\r\n\r\n{}", id="a length beyond 64 bits"),
    pytest.param(b"Content-Length: 2 2\r\n\r\n{}", id="a length with a space"),
    pytest.param(b"Content-Length: \r\n\r\n", id="an empty length"),
    pytest.param(b"Content-Length:\r\n 2\r\n\r\n{}", id="a folded length"),
]
ENCODINGS = [
    pytest.param(b"Transfer-Encoding: xchunked\r\n" + NO_CHUNK, id="an unknown encoding"),
    pytest.param(b"Transfer-Encoding: identity\r\n" + NO_CHUNK, id="no encoding"),
    pytest.param(b"Transfer-Encoding: gzip, chunked\r\n" + NO_CHUNK, id="an encoding before chunks"),
    pytest.param(b"Transfer-Encoding: chunked, identity\r\n" + NO_CHUNK, id="an encoding behind chunks"),
    pytest.param(b"Transfer-Encoding: chunked\r\n" * 2 + NO_CHUNK, id="chunks twice"),
    pytest.param(b"Transfer-Encoding: \x0bchunked\r\n" + NO_CHUNK, id="a vertical tab"),
    pytest.param(b'Transfer-Encoding: "chunked"\r\n' + NO_CHUNK, id="quotes"),
    pytest.param(b"Transfer-Encoding : chunked\r\n" + NO_CHUNK, id="a space before the colon"),
    pytest.param(b"Transfer-Encoding\x00: chunked\r\n" + NO_CHUNK, id="a null byte in the name"),
    pytest.param(b"Transfer-Encoding:\r\n chunked\r\n" + NO_CHUNK, id="folded"),
    pytest.param(b"X: a\rTransfer-Encoding: chunked\r\n" + NO_CHUNK, id="behind a bare CR"),
    pytest.param(b"X: a\nTransfer-Encoding: chunked\r\n" + NO_CHUNK, id="behind a bare LF"),
]
CHUNKS = [
    pytest.param(b"0x2\r\n{}\r\n0\r\n\r\n", id="0x"),
    pytest.param(b"+2\r\n{}\r\n0\r\n\r\n", id="a sign"),
    pytest.param(b"-2\r\n{}\r\n0\r\n\r\n", id="below zero"),
    pytest.param(b"0_2\r\n{}\r\n0\r\n\r\n", id="an underscore"),
    pytest.param(b"10000000000000002\r\n{}\r\n0\r\n\r\n", id="beyond 64 bits"),
    pytest.param(b"2\r\n{}0\r\n\r\n", id="no end of a chunk"),
    pytest.param(b"2\n{}\n0\n\n", id="bare LF"),
    pytest.param(b"2;a\nb\r\n{}\r\n0\r\n\r\n", id="bare LF in an extension"),
    pytest.param(b"\r\n{}\r\n0\r\n\r\n", id="no size"),
]
HEADERS = [
    pytest.param(b"X: a\r\n b\r\n\r\n", id="a folded header"),
    pytest.param(b"X: a\r\n\tb\r\n\r\n", id="folded by a tab"),
    pytest.param(b"X: a\rb\r\n\r\n", id="a bare CR"),
    pytest.param(b"X: a\nY: b\r\n\r\n", id="a bare LF"),
    pytest.param(b"X: a\0b\r\n\r\n", id="a null byte"),
    pytest.param(b": a\r\n\r\n", id="no name"),
    pytest.param(b"Host: y\r\n\r\n", id="two hosts"),
    pytest.param(b"X\r\n\r\n", id="no colon"),
]


async def refused(connection: Connection) -> None:
    """Check that the answer is a refusal, and the last one."""
    answer = await connection.answer()
    assert (answer.status, answer.error["message"]) == (
        400,
        "the request is no valid HTTP, or its head is too large",
    )
    assert await connection.rest() == b""


async def attacked(serve: Serve, attack: bytes) -> None:
    """Send it as a first request, and as a later one; in one piece, and in two."""
    bridge = await serve(triton=NOWHERE)
    half = len(attack) // 2
    for before in (0, 1):
        for pieces in ([attack + HIDDEN], [attack[:half], attack[half:] + HIDDEN]):
            async with connected(bridge.http_port) as connection:
                for _ in range(before):
                    assert (await connection.ask("GET", "/health")).status == 200
                for piece in pieces:
                    await connection.write(piece)
                    await asyncio.sleep(0)
                await refused(connection)


@pytest.mark.parametrize("rest", [*LENGTHS, *ENCODINGS])
async def test_a_body_whose_end_is_in_doubt(serve: Serve, rest: bytes) -> None:
    await attacked(serve, POST + rest)


async def test_chunks_in_http_1_0(serve: Serve) -> None:
    await attacked(serve, OLD_POST + b"Transfer-Encoding: chunked\r\n" + NO_CHUNK)


@pytest.mark.parametrize("chunks", CHUNKS)
async def test_a_chunk_whose_size_is_in_doubt(serve: Serve, chunks: bytes) -> None:
    await attacked(serve, CHUNKED + chunks)


@pytest.mark.parametrize("rest", HEADERS)
async def test_a_header_that_may_be_two(serve: Serve, rest: bytes) -> None:
    await attacked(serve, GET + rest)


async def test_lines_that_end_in_lf_alone(serve: Serve) -> None:
    await attacked(serve, b"GET /health HTTP/1.1\nHost: x\n\n")


async def test_what_is_in_no_doubt_is_served_and_so_is_what_follows(serve: Serve) -> None:
    bridge = await serve(triton=NOWHERE)
    chunked = CHUNKED.replace(b"chunked", b"CHUNKED") + b"2;a=b\r\n{}\r\n0\r\n\r\n"
    async with connected(bridge.http_port) as connection:
        await connection.write(chunked + HIDDEN + GET + b"Content-Length: 2\r\n\r\n{}" + HIDDEN)
        assert [(await connection.answer()).status for _ in range(4)] == [400, 200, 200, 200]
