"""Both transports make the same of the same peer, however it behaves: same texts, same reason, same advice.

Every expectation is written down, so the two cannot be wrong together unnoticed. What a server does
wrong beyond these cases is in tests/protocol/h2grpc: there the native transport keeps to the RFC,
grpcio to its own mind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.errors import Reason
from tests import scripted_h2 as h2
from tests.scripted_answers import BAD, ERROR, GOOD, UNAVAILABLE, A, B, after_a_text, answer, answering
from tests.scripted_h2 import body, frame, goaway, head, reset, scripted_h2, trailers
from tests.scripted_triton import refused_address
from tests.two_transports import EITHER, Outcome, alike, failed, outcome, said

if TYPE_CHECKING:
    from tests.scripted_h2 import Peer

SHORT = 0.15
"""A limit in seconds that a test waits for."""

TIMEOUT = Reason.TIMEOUT


async def seen(transport: Any, script: h2.Script, **options: Any) -> Outcome:
    """Return what a reader sees of one generation at a peer."""
    async with scripted_h2(script) as server:
        backend = transport(server.address, **options)
        try:
            return await outcome(backend, heard=server.hear)
        finally:
            await backend.close()


@EITHER
@pytest.mark.parametrize("script", [pytest.param(script, id=name) for name, script in GOOD.items()])
async def test_a_good_answer_is_read_however_it_is_sent(transport: Any, script: h2.Script) -> None:
    assert alike(await seen(transport, script)) == alike(said("a", "b"))


@EITHER
@pytest.mark.parametrize(("script", "expected"), [pytest.param(*case, id=name) for name, case in BAD.items()])
async def test_a_bad_answer_fails_for_the_same_reason(
    transport: Any, script: h2.Script, expected: Outcome
) -> None:
    assert alike(await seen(transport, script, max_response_bytes=4096)) == alike(expected)


RESETS = {7: (UNAVAILABLE, True), 8: (UNAVAILABLE, True)}


@EITHER
@pytest.mark.parametrize("begun", [False, True], ids=["at once", "after a text"])
@pytest.mark.parametrize("code", [*range(14), 99])
async def test_each_code_of_rst_stream_has_its_reason(transport: Any, code: int, begun: bool) -> None:
    script = after_a_text(lambda n: reset(n, code)) if begun else answering(lambda n: reset(n, code))
    reason, retry = RESETS.get(code, (ERROR, False))

    assert alike(await seen(transport, script)) == alike(failed(*["a"] * begun, reason=reason, retry=retry))


@EITHER
@pytest.mark.parametrize("with_body", [False, True])
@pytest.mark.parametrize("status", [204, 301, 400, 401, 403, 404, 429, 500, 502, 503, 504])
async def test_each_status_of_http_has_its_reason(transport: Any, status: int, with_body: bool) -> None:
    page = (("content-type", "text/html"),)

    def parts(number: int) -> bytes:
        flags = h2.END_HEADERS if with_body else h2.END_HEADERS | h2.END_STREAM
        begin = frame(h2.HEADERS, flags, number, h2.block((":status", str(status)), *page))
        return begin + (frame(h2.DATA, h2.END_STREAM, number, b"<html>no</html>") if with_body else b"")

    gone = status in {429, 502, 503, 504}
    why = UNAVAILABLE if gone else Reason.UNSUPPORTED_OPERATION if status == 404 else ERROR
    expected = failed(reason=why, retry=gone)
    assert alike(await seen(transport, answering(parts))) == alike(expected)


PARTS = (head(1) + body(1, A), body(1, B), trailers(1))
"""A good answer, cut behind each text."""


@EITHER
async def test_a_connection_cut_at_any_byte_keeps_what_was_whole(transport: Any) -> None:
    first, second = len(PARTS[0]), len(PARTS[0] + PARTS[1])
    for cut in range(second + len(PARTS[2])):
        texts = ["a"] * (cut >= first) + ["b"] * (cut >= second)
        unavailable = failed(*texts, reason=UNAVAILABLE, retry=True)
        expected = said(*texts) if cut >= second else unavailable
        assert (cut, alike(await seen(transport, cut_at(cut)))) == (cut, alike(expected))


def cut_at(cut: int) -> h2.Script:
    """Return a script: answer with the first `cut` bytes of a good answer, then close."""

    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.request()
        left = cut
        for part in PARTS:
            await peer.send(part[:left])
            left -= len(part)
            if left < 0:
                break
            await peer.heard.acquire()

    return script


@EITHER
async def test_an_answer_may_come_byte_by_byte(transport: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.dribble(answer(await peer.request()))
        await peer.closed.wait()

    assert alike(await seen(transport, script)) == alike(said("a", "b"))


@EITHER
async def test_a_peer_that_closes_its_half_only_is_gone(transport: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        number = await peer.request()
        await peer.send(head(number), body(number, A))
        await peer.heard.acquire()
        peer.half_close()
        await peer.closed.wait()

    assert alike(await seen(transport, script)) == alike(failed("a", reason=UNAVAILABLE, retry=True))


@EITHER
async def test_a_window_of_zero_is_waited_for(transport: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.greet(initial_window_size=0)
        await peer.until(lambda _: peer.sent(h2.HEADERS, 1))
        while not any(item.flags & h2.END_STREAM for item in peer.sent(h2.DATA, 1)):
            before = len(peer.sent(h2.DATA, 1))
            await peer.send(h2.window_update(1, 1))
            await peer.until(lambda _, before=before: len(peer.sent(h2.DATA, 1)) > before)
        assert {len(item.payload) for item in peer.sent(h2.DATA, 1)} <= {0, 1}
        await peer.send(answer(await peer.request()))
        await peer.closed.wait()

    assert alike(await seen(transport, script)) == alike(said("a", "b"))


@EITHER
async def test_a_window_that_never_opens_is_silence(transport: Any) -> None:
    result = await seen(transport, answering(answer, initial_window_size=0), first_token_timeout=SHORT)

    assert alike(result) == alike(failed(reason=TIMEOUT, retry=True))


@EITHER
async def test_room_for_no_stream_is_silence(transport: Any) -> None:
    result = await seen(transport, answering(answer, max_concurrent_streams=0), first_token_timeout=SHORT)

    assert alike(result) == alike(failed(reason=TIMEOUT, retry=True))


@EITHER
@pytest.mark.parametrize("begun", [False, True])
async def test_a_silent_peer_is_a_timeout(transport: Any, begun: bool) -> None:
    script = after_a_text(lambda _: b"") if begun else answering(lambda _: b"")
    result = await seen(transport, script, first_token_timeout=SHORT, token_timeout=SHORT)

    assert alike(result) == alike(failed(*["a"] * begun, reason=TIMEOUT, retry=not begun))
    assert (
        result.message == f"the model {'stopped answering' if begun else 'did not begin to answer in time'}"
    )


@EITHER
async def test_what_does_not_speak_http2_is_unavailable(transport: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    assert alike(await seen(transport, script)) == alike(failed(reason=UNAVAILABLE, retry=True))


@EITHER
async def test_a_refused_connection_is_unavailable(transport: Any) -> None:
    with refused_address() as address:
        backend = transport(address)
        try:
            result = await outcome(backend)
        finally:
            await backend.close()

    assert alike(result) == alike(failed(reason=UNAVAILABLE, retry=True))


@EITHER
async def test_a_request_that_goaway_has_left_out_goes_to_another_connection(transport: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        number = await peer.request()
        await peer.send(goaway(0) if peer.index == 0 else answer(number))
        await peer.closed.wait()

    assert alike(await seen(transport, script)) == alike(said("a", "b"))


@EITHER
async def test_a_connection_that_was_closed_between_two_requests_is_made_anew(transport: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.send(answer(await peer.request()))
        await peer.heard.acquire()
        await peer.heard.acquire()
        peer.half_close()
        await peer.closed.wait()

    async with scripted_h2(script) as server:
        backend = transport(server.address)
        results = [await outcome(backend, heard=server.hear)]
        await server.peers[0].closed.wait()
        results.append(await outcome(backend, heard=server.hear))
        await backend.close()

    assert [alike(result) for result in results] == [alike(said("a", "b"))] * 2
