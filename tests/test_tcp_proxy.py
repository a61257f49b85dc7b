"""The tests' own proxy: what it does to connections, so that a fault test tests what it says."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import scripted_h2 as h2
from tests.tcp_proxy import NEWEST, Frames, tcp_proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.tcp_proxy import TcpProxy

WAIT = 5.0
SHORT = 0.1
FRAME = h2.frame(h2.DATA, 0, 1, b"abc")
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def says_frames(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer every byte by a frame."""
    with suppress(ConnectionError):
        while await reader.read(1):
            writer.write(FRAME)
    writer.close()


@asynccontextmanager
async def through() -> AsyncIterator[tuple[TcpProxy, Streams]]:
    """Connect to a server through a proxy."""
    server = await asyncio.start_server(says_frames, "127.0.0.1", 0)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, asyncio.timeout(WAIT), tcp_proxy(address) as proxy:
        reader, writer = await connect(proxy)
        try:
            yield proxy, (reader, writer)
        finally:
            writer.close()


async def connect(proxy: TcpProxy) -> Streams:
    host, _, port = proxy.address.partition(":")
    return await asyncio.open_connection(host, int(port))


async def answer(streams: Streams) -> bytes:
    reader, writer = streams
    writer.write(b"?")
    return await reader.readexactly(len(FRAME))


async def test_bytes_pass_as_they_are() -> None:
    async with through() as (_, streams):
        assert await answer(streams) == FRAME


@pytest.mark.parametrize("reset", [False, True])
async def test_a_cut_connection_ends_as_it_should_and_new_ones_are_taken(reset: bool) -> None:
    async with through() as (proxy, streams):
        await answer(streams)
        proxy.cut(reset=reset)
        if reset:
            with pytest.raises(ConnectionResetError):
                await streams[0].read()
        else:
            assert await streams[0].read() == b""
        again = await connect(proxy)
        assert await answer(again) == FRAME
        again[1].close()


async def test_what_does_not_pass_comes_later() -> None:
    async with through() as (proxy, streams):
        proxy.passes.clear()
        late = asyncio.create_task(answer(streams))
        await asyncio.wait([late], timeout=SHORT)
        assert not late.done()
        proxy.passes.set()
        assert await late == FRAME


async def test_a_half_open_connection_never_answers_beside_new_ones_that_do() -> None:
    async with through() as (proxy, streams):
        await answer(streams)
        proxy.half_open()
        never = asyncio.create_task(answer(streams))
        again = await connect(proxy)
        assert await answer(again) == FRAME
        assert not never.done()
        again[1].close()
        never.cancel()


async def test_a_goaway_comes_between_two_frames() -> None:
    async with through() as (proxy, streams):
        await answer(streams)
        proxy.goaway()
        goodbye = h2.goaway(NEWEST)
        assert await streams[0].readexactly(len(goodbye)) == goodbye
        assert await answer(streams) == FRAME


@given(st.lists(st.binary(max_size=300)), st.data())
def test_the_edges_of_frames_are_found_however_the_bytes_come(
    payloads: list[bytes], data: st.DataObject
) -> None:
    frames = [h2.frame(h2.DATA, 0, 1, payload) for payload in payloads]
    edges = {sum(map(len, frames[:at])) for at in range(len(frames) + 1)}
    stream, seen, begin = b"".join(frames), Frames(), 0
    while begin < len(stream):
        end = data.draw(st.integers(begin + 1, len(stream)))
        within = [edge for edge in edges if begin <= edge <= end]
        edge = seen.edge(stream[begin:end])
        assert (None if edge is None else begin + edge) == max(within, default=None)
        begin = end
