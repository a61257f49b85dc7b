"""What comes in: messages in batches, however the bytes are cut, and the frames around them."""

from __future__ import annotations

import pytest

from bridge.protocol.h2grpc.codes import PREFACE
from bridge.protocol.h2grpc.status import OK
from tests import scripted_h2 as h2
from tests.h2_client import Client, frames
from tests.scripted_h2 import body, frame, framed, head, settings, trailers

ANSWER = head(1) + body(1, b"one") + body(1, b"two", b"") + trailers(1)
MESSAGES = [b"one", b"two", b""]


def test_the_client_begins_with_the_preface_and_its_settings() -> None:
    hello = Client().hello
    first, second = frames(hello.removeprefix(PREFACE))

    assert hello.startswith(PREFACE)
    assert first.kind == h2.SETTINGS
    assert settings(enable_push=0, initial_window_size=256 * 1024)[9:] == first.payload[:12]
    assert (second.kind, second.number) == (h2.WINDOW_UPDATE, 0)
    assert int.from_bytes(second.payload, "big") == 16 * 1024 * 1024 - 65_535


def test_one_read_is_one_batch() -> None:
    client = Client()
    call = client.call()
    client.receive(ANSWER)

    assert call.batches == [MESSAGES]
    assert call.status == OK
    assert client.connection.calls == 0


@pytest.mark.parametrize("cut", range(len(ANSWER) + 1))
def test_an_answer_may_be_cut_anywhere(cut: int) -> None:
    client = Client()
    call = client.call()
    client.receive(ANSWER[:cut])
    client.receive(ANSWER[cut:])

    assert call.messages == MESSAGES
    assert call.status == OK


def test_an_answer_may_come_byte_by_byte() -> None:
    client = Client()
    call = client.call()
    for byte in ANSWER:
        client.receive(bytes([byte]))

    assert call.batches == [[b"one"], [b"two", b""]]
    assert call.status == OK


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 11, 1000])
def test_messages_may_be_spread_over_frames(size: int) -> None:
    content = b"".join(map(framed, MESSAGES))
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    client = Client()
    call = client.begun()
    client.receive(*(frame(h2.DATA, 0, 1, piece) for piece in pieces), trailers(1))

    assert call.batches == [MESSAGES]
    assert call.status == OK


def test_a_read_tells_each_call_once() -> None:
    client = Client()
    calls = [client.begun() for _ in range(3)]
    client.receive(body(5, b"c"), body(1, b"a"), body(3, b"b"), body(1, b"aa"), body(5, b"cc"), trailers(5))

    assert [call.batches for call in calls] == [[[b"a", b"aa"]], [[b"b"]], [[b"c", b"cc"]]]
    assert [call.status for call in calls] == [None, None, OK]


def test_padding_is_left_out() -> None:
    client = Client()
    call = client.begun()
    client.receive(frame(h2.DATA, h2.PADDED, 1, b"\x03" + framed(b"one") + bytes(3)))
    client.receive(frame(h2.DATA, h2.PADDED, 1, b"\x00" + framed(b"two")))

    assert call.batches == [[b"one"], [b"two"]]


def test_headers_may_be_padded_and_have_a_priority() -> None:
    client = Client()
    call = client.call()
    flags = h2.END_HEADERS | h2.PADDED | 0x20
    client.receive(frame(h2.HEADERS, flags, 1, b"\x02" + bytes(5) + b"\x88" + bytes(2)), body(1, b"one"))

    assert call.messages == [b"one"]


def test_informational_headers_are_passed_over() -> None:
    client = Client()
    call = client.call()
    client.receive(frame(h2.HEADERS, h2.END_HEADERS, 1, h2.block((":status", "103"))), ANSWER)

    assert call.messages == MESSAGES


@pytest.mark.parametrize(
    "between",
    [
        pytest.param(frame(h2.PRIORITY, 0, 1, bytes(5)), id="PRIORITY"),
        pytest.param(frame(77, 255, 1, b"anything"), id="an unknown type"),
        pytest.param(frame(h2.DATA, 0, 1), id="empty DATA"),
        pytest.param(frame(h2.SETTINGS, h2.ACK, 0), id="an acknowledgement"),
        pytest.param(frame(h2.PING, h2.ACK, 0, bytes(8)), id="a PING's answer"),
    ],
)
def test_frames_that_mean_nothing_are_passed_over(between: bytes) -> None:
    client = Client()
    call = client.begun()
    client.receive(between, body(1, b"one"), between, body(1, b"two"), between)

    assert call.batches == [[b"one", b"two"]]
    assert client.sent() == []


def test_a_ping_is_answered_with_its_own_bytes() -> None:
    client = Client()
    client.receive(frame(h2.PING, 0, 0, b"12345678"))

    assert client.sent() == [h2.Frame(h2.PING, h2.ACK, 0, b"12345678")]


def test_settings_are_acknowledged() -> None:
    client = Client(greeted=False)
    client.receive(settings(max_concurrent_streams=7))

    assert client.sent() == [h2.Frame(h2.SETTINGS, h2.ACK, 0, b"")]


def test_a_ping_of_ours_is_a_ping() -> None:
    client = Client()
    client.connection.ping()

    assert client.sent() == [h2.Frame(h2.PING, 0, 0, bytes(8))]


def test_what_comes_for_a_cancelled_call_is_dropped_and_its_headers_are_read() -> None:
    client = Client()
    first, second = client.begun(), client.begun()
    assert first.stream is not None
    client.connection.cancel(first.stream)
    indexed = b"\x40\x01x\x01y"  # goes into the table, which the next block refers to
    client.receive(body(1, b"late"), frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, 1, indexed))
    client.receive(body(3, b"one"), frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, 3, b"\xbe" + OK_BLOCK))

    assert client.sent() == [h2.Frame(h2.RST_STREAM, 0, 1, b"\x00\x00\x00\x08")]
    assert (first.batches, first.status) == ([], None)
    assert (second.messages, second.status) == ([b"one"], OK)


OK_BLOCK = h2.block(("grpc-status", "0"))


def test_a_call_may_be_cancelled_twice_and_after_its_end() -> None:
    client = Client()
    call = client.begun()
    assert call.stream is not None
    client.connection.cancel(call.stream)
    client.connection.cancel(call.stream)
    assert [item.number for item in client.sent()] == [1]
    ended = client.begun()
    client.receive(trailers(3))
    assert ended.stream is not None
    client.connection.cancel(ended.stream)

    assert client.sent() == []


def test_closing_ends_all_calls_and_says_goodbye() -> None:
    client = Client(max_concurrent_streams=1)
    running, waiting = client.begun(), client.call()
    client.take(client.connection.close())

    assert running.status is not None
    assert (running.status.code, running.status.unprocessed) == (1, False)
    assert waiting.status is not None
    assert waiting.status.unprocessed
    assert [item.kind for item in client.sent()] == [h2.GOAWAY]
    assert not client.connection.accepting


def test_a_lost_connection_ends_all_calls_as_unavailable() -> None:
    client = Client()
    call = client.begun()
    client.receive(body(1, b"one"))
    client.take(client.connection.lost())

    assert call.messages == [b"one"]
    assert call.status is not None
    assert (call.status.code, call.status.unprocessed) == (14, False)
