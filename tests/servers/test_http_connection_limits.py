"""Connections that go on too slowly or speak no HTTP: cut off in time, with an answer that can be read."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import TYPE_CHECKING

import pytest

from bridge.config import Limits
from tests.openai_bodies import CHAT, chat
from tests.raw_http import Connection, ask, connected

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

NOWHERE = "127.0.0.1:1"
HEAD = b"GET /health HTTP/1.1\r\nHost: x\r\n"
BODY = json.dumps(chat()).encode()


async def strict(serve: Serve, **limits: float) -> Bridge:
    return await serve(triton=NOWHERE, limits=Limits(**limits))  # type: ignore[arg-type]


def assert_too_slow(answer: bytes) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"\r\nContent-Type: application/json\r\n" in head
    assert json.loads(body)["error"]["code"] == "timeout"


async def until_closed(connection: Connection, within: float) -> bytes:
    begun = time.monotonic()
    rest = await connection.rest()
    assert time.monotonic() - begun < within
    return rest


@pytest.mark.parametrize("sent", [b"G", b"GET /health HTTP/1.1", HEAD, HEAD + b"X-A: b\r\n"])
async def test_a_head_that_does_not_come_is_not_waited_for(serve: Serve, sent: bytes) -> None:
    bridge = await strict(serve, header_timeout=0.2)
    async with connected(bridge.http_port) as connection:
        await connection.write(sent)
        assert_too_slow(await until_closed(connection, 2))


async def test_a_head_that_comes_byte_by_byte_is_not_waited_for_either(serve: Serve) -> None:
    bridge = await strict(serve, header_timeout=0.3)

    async def drip(connection: Connection) -> None:
        for at in range(1000):
            await connection.write(b"X-%d: y\r\n" % at)
            await asyncio.sleep(0.01)

    async with connected(bridge.http_port) as connection:
        await connection.write(HEAD)
        dripping = asyncio.create_task(drip(connection))
        try:
            assert_too_slow(await until_closed(connection, 2))
        except ConnectionResetError:
            pass  # what was sent after the end came first
        finally:
            dripping.cancel()
            await asyncio.gather(dripping, return_exceptions=True)


async def test_a_connection_that_says_nothing_at_all_is_closed_without_a_word(serve: Serve) -> None:
    bridge = await strict(serve, header_timeout=0.2)
    async with connected(bridge.http_port) as connection:
        assert await until_closed(connection, 2) == b""


async def test_the_head_of_a_later_request_is_not_waited_for_either(serve: Serve) -> None:
    bridge = await strict(serve, header_timeout=0.2)
    async with connected(bridge.http_port) as connection:
        assert (await connection.ask("GET", "/health")).status == 200
        await asyncio.sleep(0.4)  # idle is no crime
        assert (await connection.ask("GET", "/health")).status == 200
        await connection.write(HEAD)
        assert_too_slow(await until_closed(connection, 2))


async def test_a_connection_without_a_request_is_closed_after_a_while(serve: Serve) -> None:
    bridge = await strict(serve, idle_timeout=0.2)
    async with connected(bridge.http_port) as connection:
        assert (await connection.ask("GET", "/health")).status == 200
        assert await until_closed(connection, 2) == b""


@pytest.mark.parametrize("framing", ["declared", "chunked"])
async def test_a_body_that_comes_too_slowly_is_refused(serve: Serve, framing: str) -> None:
    bridge = await strict(serve, body_timeout=0.2)
    chunked = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    async with connected(bridge.http_port) as connection:
        if framing == "declared":
            await connection.send("POST", CHAT, body=b"{", headers={"Content-Length": "1000"})
        else:
            await connection.send("POST", CHAT, headers=chunked)
            await connection.write(b"1\r\n{\r\n")
        answer = await connection.answer()
    assert (answer.status, answer.error["code"]) == (408, "timeout")


async def test_a_slow_answer_is_no_slow_request(serve: Serve, triton: RunningTriton) -> None:
    limits = Limits(header_timeout=0.1, body_timeout=0.1, idle_timeout=0.1)
    bridge = await serve(triton=triton.address, limits=limits)
    body = chat('Say something. @@{"words": 2, "first_delay_ms": 400}')
    assert (await ask(bridge.http_port, "POST", CHAT, json=body)).status == 200
    body["stream"] = True
    assert (await ask(bridge.http_port, "POST", CHAT, json=body)).body.endswith(b"data: [DONE]\n\n")


async def test_requests_sent_ahead_are_all_answered(serve: Serve) -> None:
    bridge = await strict(serve, header_timeout=0.3)
    async with connected(bridge.http_port) as connection:
        await connection.write((HEAD + b"\r\n") * 3 + HEAD)
        assert [(await connection.answer()).status for _ in range(3)] == [200] * 3
        await connection.write(b"\r\n")
        assert (await connection.answer()).status == 200


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"nonsense\r\n\r\n", id="no request line"),
        pytest.param(b"GET / HTTP/9.9\r\n\r\n", id="another version"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="a TLS handshake"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2"),
        pytest.param(b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", id="a long path"),
        pytest.param(HEAD + b"X: " + b"y" * 20_000 + b"\r\n\r\n", id="a long header"),
        pytest.param(HEAD + b"".join(b"X-%d: y\r\n" % n for n in range(500)) + b"\r\n", id="many headers"),
        pytest.param(HEAD + b"no colon\r\n\r\n", id="no header"),
        pytest.param(HEAD + b"X: a\x00b\r\n\r\n", id="a null byte"),
        pytest.param(HEAD + b"X : y\r\n\r\n", id="a space before the colon"),
        pytest.param(HEAD + b"Content-Length: -1\r\n\r\n", id="a negative length"),
        pytest.param(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", id="two lengths"),
        pytest.param(
            HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            id="a length and chunks",
        ),
        pytest.param(HEAD + b"Transfer-Encoding: chunked, x\r\n\r\n", id="an encoding behind chunks"),
    ],
)
async def test_what_is_no_http_is_refused_in_the_envelope_and_not_repeated(
    serve: Serve, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    bridge = await serve(triton=NOWHERE)
    caplog.clear()
    async with connected(bridge.http_port) as connection:
        await connection.write(data)
        answer = await connection.answer()
        assert await connection.rest() == b""
    assert (answer.status, answer.error["code"]) == (400, None)
    assert answer.error["message"] == "the request is no valid HTTP, or its head is too large"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.headers["server"] == "openai-bridge"
    assert [record for record in caplog.records if record.levelno >= logging.INFO] == []


async def test_an_expectation_that_cannot_be_met_is_refused_in_the_envelope(bridge: Bridge) -> None:
    async with connected(bridge.http_port) as connection:
        for path in (CHAT, "/nowhere"):
            headers = {"Expect": "the-unexpected"}
            answer = await connection.ask("POST", path, body=BODY, headers=headers)
            assert (answer.status, answer.error["message"]) == (
                400,
                "the header Expect may only be 100-continue",
            )
            assert answer.headers["x-request-id"].startswith("req_")
        assert (await connection.ask("POST", CHAT, json=chat())).status == 200


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/health"), ("GET", "/nowhere"), ("DELETE", CHAT), ("POST", CHAT)]
)
async def test_no_answer_tells_what_the_server_is_made_of(bridge: Bridge, method: str, path: str) -> None:
    stream = chat(stream=True) if method == "POST" else None
    answer = await ask(bridge.http_port, method, path, json=stream)
    assert answer.headers["server"] == "openai-bridge"
    assert not [value for value in answer.headers.values() if "aiohttp" in value or "Python" in value]
