"""The clients of the benchmarks see every answer that is not whole, however its bytes are cut."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from benchmarks.load import grpc
from benchmarks.load.client import Load, run
from benchmarks.load.http import HttpConnection
from benchmarks.mock_triton import serve
from benchmarks.tokens import text, whole_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from benchmarks.load.outcome import Outcome

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
DONE = b"data: [DONE]\n\n"
TOKENS = 4


def event(content: str) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": {"content": content}}]}).encode() + b"\n\n"


def chunked(*chunks: bytes) -> bytes:
    return HEAD + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


EVENTS = tuple(event(text(at)) for at in range(TOKENS))
WHOLE = chunked(event(""), *EVENTS, DONE)


def plain(status: str, body: bytes) -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status.encode(), len(body), body)


@asynccontextmanager
async def answering(answer: bytes, piece: int = 1 << 20, *, close: bool = False) -> AsyncIterator[str]:
    """Give the same answer to every request, in pieces of a size; gives HOST:PORT."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.partition(b"Content-Length: ")[2].split()[0]))
                for at in range(0, len(answer), piece):
                    writer.write(answer[at : at + piece])
                    await writer.drain()
                    await asyncio.sleep(0)
                if close:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has seen enough
        finally:
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def asked(address: str, load: Load, *, stream: bool = True) -> Outcome:
    return await run(address, load, lambda: HttpConnection("m", stream=stream))


@pytest.mark.parametrize("piece", [1, 7, 100, 1 << 20])
async def test_a_whole_answer_is_whole_however_it_is_cut(piece: int) -> None:
    async with answering(WHOLE, piece) as address:
        outcome = await asked(address, Load(2, 3, TOKENS, warm=False, limit=20))
    assert outcome.failures == ()
    assert (outcome.answers, outcome.tokens, len(outcome.ttft)) == (6, 6 * TOKENS, 6)
    assert 0 < outcome.ttft_at(0.5) <= outcome.ttft_at(0.99) <= outcome.seconds


async def test_tokens_may_come_several_in_an_event_and_comments_in_between() -> None:
    async with answering(chunked(b": ping\n\n", event(whole_text(TOKENS)), DONE)) as address:
        assert (await asked(address, Load(1, 1, TOKENS, warm=False))).failures == ()


async def test_an_answer_in_one_piece_is_read_by_its_length() -> None:
    body = json.dumps({"choices": [{"message": {"content": whole_text(TOKENS)}}]}).encode()
    async with answering(plain("200 OK", body), 10) as address:
        outcome = await asked(address, Load(2, 2, TOKENS, warm=False), stream=False)
        lost = await asked(address, Load(1, 1, TOKENS + 1, warm=False), stream=False)
    assert (outcome.answers, outcome.failures) == (4, ())
    assert "4 tokens of 5" in lost.failures[0]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param(chunked(*EVENTS[:2], EVENTS[3], DONE), "3 tokens of 4", id="a token is missing"),
        pytest.param(chunked(*EVENTS[:3], DONE), "3 tokens of 4", id="the last token is missing"),
        pytest.param(chunked(*EVENTS, EVENTS[3], DONE), "5 tokens of 4", id="a token comes twice"),
        pytest.param(
            chunked(EVENTS[1], EVENTS[0], *EVENTS[2:], DONE), "not in order", id="tokens change places"
        ),
        pytest.param(chunked(*EVENTS), "no [DONE]", id="no end"),
        pytest.param(chunked(*EVENTS, DONE, DONE), "no [DONE]", id="two ends"),
        pytest.param(chunked(DONE, *EVENTS), "no [DONE]", id="the end is not the last"),
        pytest.param(chunked(*EVENTS, b'data: {"error":{}}\n\n', DONE), "an error", id="an error"),
        pytest.param(chunked(*EVENTS, b"event: x\n\n", DONE), "not `data: `", id="an event of another kind"),
        pytest.param(plain("503 Service Unavailable", b"{}"), "status 503", id="a status"),
        pytest.param(plain("200 OK", b"{}"), "status 200", id="no stream"),
    ],
)
async def test_an_answer_that_is_not_whole_is_seen(answer: bytes, why: str) -> None:
    async with answering(answer) as address:
        outcome = await asked(address, Load(1, 1, TOKENS, warm=False))
    assert len(outcome.failures) == 1
    assert why in outcome.failures[0]


@pytest.mark.parametrize("end", [len(HEAD) // 2, len(WHOLE) // 2, len(WHOLE) - 1])
async def test_an_answer_that_breaks_off_is_seen(end: int) -> None:
    async with answering(WHOLE[:end], close=True) as address:
        outcome = await asked(address, Load(1, 3, TOKENS, warm=False))
    assert "the connection was lost" in outcome.failures[0]


async def test_silence_ends_at_the_limit() -> None:
    async with answering(WHOLE[:-1]) as address:
        outcome = await asked(address, Load(2, 3, TOKENS, warm=False, limit=0.2))
    assert len(outcome.failures) == 2
    assert "no end after" in outcome.failures[0]


async def test_the_grpc_client_sees_all_of_tritons_answers() -> None:
    async with serve(["tick-1ms"]) as mock:
        outcome = await run(mock.address, Load(8, 3, 20, limit=20), lambda: grpc.triton("tick-1ms"))
        assert mock.counts.requests == 8 * 3 + 8  # one each for warmth
    assert (outcome.answers, outcome.tokens, outcome.failures) == (24, 24 * 20, ())
    assert outcome.open_at_once == 8


async def test_the_grpc_client_sees_an_answer_that_failed() -> None:
    async with serve(["burst"]) as mock:
        unknown = await run(mock.address, Load(1, 1, 2, warm=False), lambda: grpc.triton("other"))
        unserved = await run(mock.address, Load(1, 1, 2, warm=False), lambda: grpc.chat("burst"))
    assert "unknown model" in unknown.failures[0]
    assert "gRPC status 12" in unserved.failures[0]


async def test_meters_begin_when_all_is_warm_and_end_with_the_last_answer() -> None:
    seen: list[tuple[str, int]] = []
    async with serve(["burst"]) as mock:

        class Meter:
            def begin(self) -> None:
                seen.append(("begin", mock.counts.complete))

            def end(self) -> None:
                seen.append(("end", mock.counts.complete))

        await run(mock.address, Load(3, 2, 5), lambda: grpc.triton("burst"), Meter())
    assert seen == [("begin", 3), ("end", 9)]
