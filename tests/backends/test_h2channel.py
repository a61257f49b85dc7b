"""Connections: made when needed, shared, replaced, watched and given up."""

from __future__ import annotations

import asyncio
import gc
import socket
import weakref

from hpack import Decoder

from bridge.backends.h2channel import BACKOFF_FACTOR, FIRST_BACKOFF, Channel
from tests import scripted_h2 as h2
from tests.channel import WAIT, answers, call, ended, running
from tests.eventually import eventually
from tests.scripted_h2 import Peer, body, goaway, head, trailers

SHORT = 0.15
"""A limit in seconds that a test waits for."""


async def holds(peer: Peer) -> None:
    """Greet, and never answer."""
    await peer.greet()
    await peer.closed.wait()


async def test_calls_share_one_connection_and_say_what_grpc_wants() -> None:
    async with running(answers) as (server, channel):
        results = await asyncio.gather(*(ended(channel) for _ in range(50)))
        (peer,) = server.peers
        first = dict(Decoder().decode(peer.sent(h2.HEADERS, 1)[0].payload))

    assert [(heard.received, heard.code) for heard in results] == [([b"answer"], 0)] * 50
    assert first[":path"] == "/p.S/M"
    assert first[":authority"] == server.address
    assert WAIT - 1 < int(first["grpc-timeout"].removesuffix("m")) / 1000 <= WAIT


async def test_a_failed_attempt_is_not_repeated_at_once_but_soon() -> None:
    async def script(peer: Peer) -> None:
        if peer.index:
            await answers(peer)

    async with running(script) as (server, channel):
        assert [(await ended(channel)).code for _ in range(3)] == [14, 14, 14]
        assert len(server.peers) == 1
        await asyncio.sleep(FIRST_BACKOFF)
        assert (await ended(channel)).code == 0

    assert len(server.peers) == 2


async def test_a_good_connection_makes_the_next_pause_short_again() -> None:
    async def script(peer: Peer) -> None:
        if peer.index in {2, 4}:
            await peer.greet()
            number = await peer.request()
            await peer.send(head(number), trailers(number))
            peer.half_close()
            await peer.closed.wait()

    async with running(script) as (server, channel):
        codes = []
        for pause in (0, FIRST_BACKOFF, FIRST_BACKOFF * BACKOFF_FACTOR, 0, FIRST_BACKOFF):
            await asyncio.sleep(pause)
            codes.append((await ended(channel)).code)
            await server.peers[-1].gone.wait()

    assert codes == [14, 14, 0, 14, 0]


async def test_an_ended_call_is_not_kept_until_its_deadline() -> None:
    async with running(answers) as (_, channel):
        kept = weakref.ref(await ended(channel))
        gc.collect()
        assert kept() is None


async def test_a_server_that_does_not_greet_is_given_up() -> None:
    async def script(peer: Peer) -> None:
        await peer.closed.wait()

    async with running(script, connect_timeout=SHORT) as (server, channel):
        assert (await ended(channel)).code == 14
        await server.peers[0].closed.wait()


async def test_a_host_that_does_not_exist_is_unavailable() -> None:
    channel = Channel("an..impossible.name:1")
    assert (await ended(channel)).code == 14
    await channel.close()


async def test_calls_that_wait_for_a_connection_can_be_cancelled_and_expire() -> None:
    async def script(peer: Peer) -> None:
        await peer.closed.wait()

    async with running(script) as (_, channel):
        cancelled, running_call = call(channel)
        late, _ = call(channel, seconds=SHORT)
        running_call.cancel()
        await late.over.wait()

    assert late.code == 4
    assert cancelled.status is None


async def test_after_goaway_running_calls_end_where_they_are_and_new_ones_go_elsewhere() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        number = await peer.request()
        if peer.index:
            await peer.send(head(number), trailers(number))
        else:
            await peer.send(head(number), body(number, b"old"), goaway(number))
            await peer.heard.acquire()
            await peer.send(body(number, b"still old"), trailers(number))
        await peer.closed.wait()

    async with running(script) as (server, channel):
        old, _ = call(channel)
        await eventually(lambda: old.received)
        new = await ended(channel)
        assert (new.code, old.code, len(server.peers)) == (0, None, 2)
        server.peers[0].heard.release()
        await old.over.wait()
        await server.peers[0].closed.wait()  # nothing is left to be done there
        assert not server.peers[1].closed.is_set()

    assert (old.received, old.code) == ([b"old", b"still old"], 0)


async def test_a_silent_connection_is_pinged_while_calls_run_and_given_up_without_an_answer() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.request()
        await peer.until(lambda _: len(peer.sent(h2.PING)) == 2)
        peer.answers_pings = False
        await peer.closed.wait()

    async with running(script, keepalive=SHORT, keepalive_timeout=SHORT) as (server, channel):
        heard = await ended(channel)
        pings = server.peers[0].sent(h2.PING)

    assert heard.code == 14
    assert len(pings) == 3


async def test_a_doubted_connection_ends_what_it_has_and_gets_nothing_new() -> None:
    async def script(peer: Peer) -> None:
        if peer.index:
            await answers(peer)
        await peer.greet()
        number = await peer.request()
        await peer.send(head(number), body(number, b"old"))
        await peer.heard.acquire()
        await peer.send(body(number, b"still old"), trailers(number))
        await peer.closed.wait()

    async with running(script) as (server, channel):
        begin = asyncio.get_running_loop().time()
        old, _ = call(channel)
        await eventually(lambda: old.received)
        channel.doubt(begin)  # it has been heard since
        assert channel._link is not None
        assert channel._link.accepting
        channel.doubt(asyncio.get_running_loop().time())
        assert ((await ended(channel)).code, old.code, len(server.peers)) == (0, None, 2)
        server.peers[0].heard.release()
        await old.over.wait()
        await server.peers[0].closed.wait()

    assert (old.received, old.code) == ([b"old", b"still old"], 0)


async def test_a_connection_without_calls_is_not_pinged() -> None:
    async with running(answers, keepalive=SHORT / 3, keepalive_timeout=SHORT) as (server, channel):
        assert (await ended(channel)).code == 0
        await asyncio.sleep(2 * SHORT)
        assert (await ended(channel)).code == 0

    (peer,) = server.peers
    assert peer.sent(h2.PING) == []


async def test_data_that_nobody_acknowledges_ends_a_connection() -> None:
    async with running(answers, keepalive_timeout=7.0) as (_, channel):
        await ended(channel)
        assert channel._link is not None
        assert channel._link._transport is not None
        sock = channel._link._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7000


async def test_closing_says_goodbye_and_ends_all_calls() -> None:
    async with running(holds) as (server, channel):
        heard, _ = call(channel)
        await eventually(lambda: server.peers and server.peers[0].sent(h2.DATA, 1))
        await channel.close()
        await server.peers[0].closed.wait()

    assert heard.code == 1
    assert [item.kind for item in server.peers[0].frames][-1] == h2.GOAWAY
