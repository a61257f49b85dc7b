"""The limit on the size of a body, and bodies that are not what their headers say."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from tests.openai_bodies import CHAT, COMPLETIONS, chat, completion, directed
from tests.raw_http import Answer, ask, connected

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

MIB = 2**20
LIMIT = 4096
CHUNKED = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}


def sized(size: int) -> bytes:
    """Return a good request of exactly so many bytes."""
    shell = len(json.dumps(completion("")))
    return json.dumps(completion("x" * (size - shell))).encode()


def assert_refused(answer: Answer, limit: int) -> None:
    assert answer.status == 413
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.error == {
        "message": f"the body is larger than the limit of {limit} bytes",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }


async def test_a_body_of_the_very_limit_is_served(serve: Serve, triton: RunningTriton) -> None:
    bridge = await serve(triton=triton.address, max_request_bytes=LIMIT)
    answer = await ask(bridge.http_port, "POST", COMPLETIONS, body=sized(LIMIT))
    assert answer.status == 200


async def test_one_byte_over_the_limit_is_refused(serve: Serve, triton: RunningTriton) -> None:
    bridge = await serve(triton=triton.address, max_request_bytes=LIMIT)
    assert_refused(await ask(bridge.http_port, "POST", COMPLETIONS, body=sized(LIMIT + 1)), LIMIT)


async def test_a_declared_length_over_the_limit_is_refused_unread(
    serve: Serve, triton: RunningTriton
) -> None:
    bridge = await serve(triton=triton.address, max_request_bytes=LIMIT)
    async with connected(bridge.http_port) as connection:
        await connection.send("POST", CHAT, body=b"{", headers={"Content-Length": str(LIMIT + 1)})
        assert_refused(await connection.answer(), LIMIT)


async def test_a_chunked_body_is_refused_once_it_passes_the_limit(
    serve: Serve, triton: RunningTriton
) -> None:
    bridge = await serve(triton=triton.address, max_request_bytes=LIMIT)
    async with connected(bridge.http_port) as connection:
        await connection.send("POST", CHAT, headers=CHUNKED)
        for _ in range(LIMIT // 1024 + 1):
            await connection.write(b"400\r\n" + b" " * 1024 + b"\r\n")
        assert_refused(await connection.answer(), LIMIT)


async def test_a_small_body_that_unpacks_over_the_limit_is_refused(
    serve: Serve, triton: RunningTriton
) -> None:
    bridge = await serve(triton=triton.address, max_request_bytes=LIMIT)
    packed = gzip.compress(sized(100 * LIMIT))
    assert len(packed) < LIMIT
    headers = {"Content-Encoding": "gzip"}
    assert_refused(await ask(bridge.http_port, "POST", CHAT, body=packed, headers=headers), LIMIT)


async def test_two_mebibytes_over_the_default_limit_are_refused(bridge: Bridge) -> None:
    assert_refused(await ask(bridge.http_port, "POST", COMPLETIONS, body=sized(18 * MIB)), 16 * MIB)
    assert (await ask(bridge.http_port, "GET", "/health")).status == 200


async def test_one_mebibyte_below_the_default_limit_is_served(bridge: Bridge) -> None:
    prompt = directed("x" * (15 * MIB), words=2)
    answer = await ask(bridge.http_port, "POST", COMPLETIONS, json=completion(prompt))
    assert answer.json["choices"][0]["text"] == "word0 word1 "


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_body_that_is_not_packed_as_it_says_is_refused(bridge: Bridge, encoding: str) -> None:
    headers = {"Content-Encoding": encoding}
    answer = await ask(bridge.http_port, "POST", CHAT, json=chat(), headers=headers)
    assert answer.status == 400
    assert "Content-Encoding" in answer.error["message"]


async def test_a_packed_body_is_read(bridge: Bridge) -> None:
    body = gzip.compress(json.dumps(chat(directed(text="unpacked"))).encode())
    answer = await ask(bridge.http_port, "POST", CHAT, body=body, headers={"Content-Encoding": "gzip"})
    assert answer.json["choices"][0]["message"]["content"] == "unpacked"
