"""A client that does not read: its own generation is paused, then cancelled; nobody else notices."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.openai_bodies import CHAT, chat, directed, said, text_of
from tests.raw_http import ask

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

WAIT = 20.0
WORDS = 2_000_000
"""23 MB: more than the sockets on the way hold."""
PIECES = 1000
HANGS_AT = 200
"""After 20 MB the model waits to be cancelled: else it ends first on a machine that does much else."""
RECEIVES = 64 * 1024
"""Bytes that the client's socket takes by itself, about."""

TRANSPORTS = pytest.mark.parametrize("transport", ["native", "grpcio"])


@asynccontextmanager
async def idle_reader(port: int, body: dict[str, Any]) -> AsyncIterator[asyncio.StreamReader]:
    """Send a request and read nothing of the answer but what the kernel takes."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVES)  # else the kernel takes megabytes
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=connection, limit=1024)
    data = json.dumps(body).encode()
    head = ("Host: x", "Content-Type: application/json", f"Content-Length: {len(data)}", "", "")
    writer.write(f"POST {CHAT} HTTP/1.1\r\n".encode() + "\r\n".join(head).encode() + data)
    await writer.drain()
    try:
        yield reader
    finally:
        writer.close()


def long_answer(tag: str) -> dict[str, Any]:
    told = directed(tag=tag, words=WORDS, cut_bytes=100_000, delay_ms=2, hang_at=HANGS_AT)
    return chat(told, stream=True, max_tokens=PIECES)


@TRANSPORTS
async def test_a_client_that_stalls_loses_its_generation(
    serve: Serve, triton: RunningTriton, transport: str
) -> None:
    bridge = await serve(triton=triton.address, triton_transport=transport, stall_timeout=0.3)
    tag = f"stalled-{transport}"
    async with idle_reader(bridge.http_port, long_answer(tag)):
        await triton.event(tag, "request")
        event = await triton.event(tag, "cancelled", within=WAIT)
    assert 0 < event["sent"] <= HANGS_AT


@TRANSPORTS
async def test_others_go_on_beside_a_client_that_stalls(
    serve: Serve, triton: RunningTriton, transport: str
) -> None:
    bridge = await serve(triton=triton.address, triton_transport=transport, stall_timeout=10)
    tag = f"beside-{transport}"
    async with idle_reader(bridge.http_port, long_answer(tag)):
        await triton.event(tag, "request")
        for _ in range(5):
            answer = await ask(
                bridge.http_port, "POST", CHAT, json=chat(directed(words=50), stream=True, max_tokens=50)
            )
            assert text_of(said(answer.body)).split() == [f"word{n}" for n in range(50)]


@TRANSPORTS
async def test_a_client_that_pauses_misses_nothing(
    serve: Serve, triton: RunningTriton, transport: str
) -> None:
    bridge = await serve(triton=triton.address, triton_transport=transport, max_buffered_bytes=4096)
    told = directed(tag=f"pauses-{transport}", words=400_000, cut_bytes=100_000)
    async with (
        asyncio.timeout(WAIT),
        idle_reader(bridge.http_port, chat(told, stream=True, max_tokens=PIECES)) as reader,
    ):
        await triton.event(f"pauses-{transport}", "done", within=WAIT)
        body = b""
        while not body.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n"):
            body += await reader.read(1 << 20)
    text = b"".join(re.findall(rb'"content":"([^"]*)"', body)).decode()
    assert text.split() == [f"word{n}" for n in range(400_000)]
