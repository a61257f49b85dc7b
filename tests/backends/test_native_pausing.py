"""Back-pressure on the native transport: a slow reader stops its own stream, a slow Triton our prompt."""

from __future__ import annotations

import asyncio

from bridge.errors import Reason
from bridge.protocol import kserve
from tests import scripted_h2 as h2
from tests.eventually import eventually
from tests.push import CANCEL, WAIT, asked, opened, resets, running
from tests.scripted_answers import A, B, answer, answering
from tests.scripted_backend import text
from tests.scripted_h2 import Peer, body, head, trailers
from tests.scripted_triton import data

SHORT = 0.15
"""A limit in seconds that a test waits for."""


async def test_a_paused_generation_takes_one_window_at_most_and_the_others_go_on() -> None:
    window, piece = 65_536, data("x" * 900)
    size = len(body(1, piece)) - 9

    async def script(peer: Peer) -> None:
        numbers = [await asked(peer), await peer.request()]
        await peer.send(*map(head, numbers))
        for _ in range(window // size):
            await peer.send(*(body(number, piece) for number in numbers))
        await peer.until(lambda _: peer.sent(h2.WINDOW_UPDATE, numbers[1]))
        assert not peer.sent(h2.WINDOW_UPDATE, numbers[0])
        await peer.until(lambda _: peer.sent(h2.WINDOW_UPDATE, numbers[0]))
        await peer.send(*(body(number, B) + trailers(number) for number in numbers))
        await peer.closed.wait()

    async with running(script, stream_window=window) as (_, backend):
        paused, other = opened(backend), opened(backend)
        assert paused.handle is not None
        paused.handle.pause()
        await eventually(lambda: sum(map(len, other.batches)) == window // size)
        assert sum(map(len, paused.batches)) == window // size
        paused.handle.resume()
        await paused.over.wait()
        await other.over.wait()

    assert paused.ends == other.ends == [None]


async def test_silence_does_not_count_while_paused_and_counts_again_afterwards() -> None:
    async with running(answering(lambda n: head(n) + body(n, A)), token_timeout=SHORT) as (_, backend):
        ear = opened(backend)
        assert ear.handle is not None
        ear.handle.pause()
        await eventually(lambda: ear.batches)
        await asyncio.sleep(2 * SHORT)
        assert not ear.ends
        ear.handle.resume()
        await ear.over.wait()

    assert ear.reason is Reason.TIMEOUT


async def test_the_deadline_counts_while_paused() -> None:
    async with running(answering(lambda n: head(n) + body(n, A))) as (server, backend):
        ear = opened(backend, seconds=SHORT)
        assert ear.handle is not None
        ear.handle.pause()
        await ear.over.wait()
        await eventually(lambda: resets(server) == [CANCEL])

    assert ear.reason is Reason.TIMEOUT


async def test_a_reader_that_does_not_read_stops_the_peer_after_one_window() -> None:
    window, piece = 65_536, data("x" * 900)
    size = len(body(1, piece)) - 9
    checked = asyncio.Event()

    async def script(peer: Peer) -> None:
        number = await asked(peer)
        await peer.send(head(number), *[body(number, piece)] * (window // size))
        await peer.heard.acquire()
        await peer.send(h2.frame(h2.PING, 0, 0, bytes(8)))
        await peer.until(lambda _: peer.sent(h2.PING))  # what the client said before is here
        assert not peer.sent(h2.WINDOW_UPDATE, number)
        checked.set()
        await peer.until(lambda _: peer.sent(h2.WINDOW_UPDATE, number))
        await peer.send(body(number, B), trailers(number))
        await peer.closed.wait()

    async with running(script, stream_window=window) as (server, backend):
        deadline = asyncio.get_running_loop().time() + WAIT
        stream = backend.stream(kserve.ModelInferRequest(), model="m", deadline=deadline)
        read = [text(response) for response in await anext(stream)]
        server.hear()
        await checked.wait()
        read += [text(response) async for batch in stream for response in batch]

    assert read == ["x" * 900] * (window // size) + ["b"]


async def test_a_prompt_of_megabytes_goes_through_small_windows() -> None:
    size = 5_000_000

    async def script(peer: Peer) -> None:
        await peer.greet()
        taken = 0
        while not any(item.flags & h2.END_STREAM for item in peer.sent(h2.DATA, 1)):
            now = sum(len(item.payload) for item in peer.sent(h2.DATA, 1))
            if more := now - taken:
                await peer.send(h2.window_update(1, more), h2.window_update(0, more))
            taken = now
            await peer.until(
                lambda _, now=now: sum(len(item.payload) for item in peer.sent(h2.DATA, 1)) > now
            )
        await peer.send(answer(1))
        await peer.closed.wait()

    async with running(script) as (server, backend):
        ear = opened(backend, size=size)
        await ear.over.wait()
        sent = b"".join(item.payload for item in server.peers[0].sent(h2.DATA, 1))

    assert ear.ends == [None]
    assert kserve.ModelInferRequest.FromString(sent[5:]).raw_input_contents == [bytes(size)]
