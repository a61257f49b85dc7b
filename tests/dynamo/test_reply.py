"""The connection of an answer, to a frontend that reads late, slowly or not at all."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from bridge.dynamo import reply
from bridge.dynamo.reply import Reply
from bridge.protocol.dynamo.answers import END, greeting
from bridge.protocol.dynamo.control import Opening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WITHIN = 20.0
LARGE = bytes(1 << 24)
"""More than kernels keep for a connection."""


@asynccontextmanager
async def dialled(stall_timeout: float = WITHIN) -> AsyncIterator[tuple[Reply, asyncio.StreamReader]]:
    """Connect an answer to a frontend; yield both ends."""
    readers: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        readers.put_nowait((reader, writer))

    server = await asyncio.start_server(met, "127.0.0.1", 0)
    opening = Opening(request_id="r", host="127.0.0.1", port=server.sockets[0].getsockname()[1], subject="s")
    made = Reply(opening, lambda: None, buffer=4096, stall_timeout=stall_timeout)
    made.render = b"".join
    await made.connect()
    reader, writer = await readers.get()
    try:
        yield made, reader
    finally:
        made.abort()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        server.close()
        await server.wait_closed()


async def everything(reader: asyncio.StreamReader) -> bytes:
    """Read until the worker closes, or cuts the connection."""
    said = bytearray()
    async with asyncio.timeout(WITHIN):
        try:
            while data := await reader.read(1 << 20):
                said += data
        except ConnectionError:
            pass
    return bytes(said)


async def test_a_frontend_may_take_its_time_for_what_is_left_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reply, "CLOSE_TIMEOUT", 0)
    async with dialled() as (answer, reader):
        answer.take([LARGE])
        ending = asyncio.create_task(answer.end())
        for _ in range(20):  # all that could happen at once has happened
            await asyncio.sleep(0)
        assert not ending.done()
        said = await everything(reader)
        await ending
        answer.leave()
    assert said == greeting("s") + LARGE + END


async def test_a_frontend_that_leaves_before_the_end_has_left() -> None:
    async with dialled() as (answer, reader):
        answer.take([LARGE])
        ending = asyncio.create_task(answer.end())
        await reader.readexactly(100)
        reader._transport.abort()
        async with asyncio.timeout(WITHIN):
            with pytest.raises(ConnectionResetError):
                await ending


async def test_the_end_of_an_answer_does_not_wait_for_ever() -> None:
    async with dialled(stall_timeout=0.1) as (answer, reader):
        answer.take([LARGE])
        with pytest.raises(ConnectionAbortedError):
            await answer.end()
        assert not (await everything(reader)).endswith(END)


async def test_a_frontend_may_be_slow_as_long_as_it_reads() -> None:
    stall, pieces = 0.8, 16
    async with dialled(stall_timeout=stall) as (answer, reader):
        answer.take([LARGE])
        ending = asyncio.create_task(answer.end())
        begun = asyncio.get_running_loop().time()
        async with asyncio.timeout(WITHIN):
            for _ in range(pieces):  # together for longer than the time in which it must read something
                await asyncio.sleep(stall / 8)
                await reader.readexactly(len(LARGE) // pieces)
            assert asyncio.get_running_loop().time() - begun > stall
            assert await reader.readexactly(len(greeting("s") + END)) == bytes(len(greeting("s"))) + END
            await ending
