"""A peer that breaks the protocol: what costs it the connection, and what costs it one call."""

from __future__ import annotations

import pytest

from bridge.protocol.h2grpc.codes import ErrorCode
from bridge.protocol.h2grpc.stream import Limits
from tests import scripted_h2 as h2
from tests.h2_client import Client
from tests.scripted_h2 import body, frame, framed, head, settings, trailers, window_update

PROTOCOL, SIZE, FLOW = ErrorCode.PROTOCOL_ERROR, ErrorCode.FRAME_SIZE_ERROR, ErrorCode.FLOW_CONTROL_ERROR
COMPRESSION, CALM = ErrorCode.COMPRESSION_ERROR, ErrorCode.ENHANCE_YOUR_CALM


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(frame(h2.DATA, 0, 1, bytes(16_385)), SIZE, id="a frame above the largest"),
        pytest.param(b"\xff" * 9, SIZE, id="garbage"),
        pytest.param(body(3, b"x"), PROTOCOL, id="DATA of a call that is not begun"),
        pytest.param(body(2, b"x"), PROTOCOL, id="DATA of a pushed stream"),
        pytest.param(body(0, b"x"), PROTOCOL, id="DATA of the connection"),
        pytest.param(head(3), PROTOCOL, id="HEADERS of a call that is not begun"),
        pytest.param(head(0), PROTOCOL, id="HEADERS of the connection"),
        pytest.param(h2.reset(3, 8), PROTOCOL, id="RST_STREAM of a call that is not begun"),
        pytest.param(frame(h2.RST_STREAM, 0, 1, b"123"), SIZE, id="a short RST_STREAM"),
        pytest.param(settings(max_frame_size=16_383), PROTOCOL, id="a frame size that is too small"),
        pytest.param(settings(max_frame_size=1 << 24), PROTOCOL, id="a frame size that is too large"),
        pytest.param(settings(initial_window_size=2**31), FLOW, id="a window that is too large"),
        pytest.param(frame(h2.SETTINGS, 0, 0, bytes(5)), SIZE, id="half a parameter"),
        pytest.param(frame(h2.SETTINGS, 0, 1), PROTOCOL, id="SETTINGS of a call"),
        pytest.param(frame(h2.SETTINGS, h2.ACK, 0, bytes(6)), SIZE, id="an acknowledgement with content"),
        pytest.param(frame(h2.PUSH_PROMISE, h2.END_HEADERS, 1, bytes(5)), PROTOCOL, id="a push"),
        pytest.param(frame(h2.PING, 0, 0, bytes(7)), SIZE, id="a short PING"),
        pytest.param(frame(h2.PING, 0, 1, bytes(8)), PROTOCOL, id="PING of a call"),
        pytest.param(frame(h2.GOAWAY, 0, 0, bytes(7)), SIZE, id="a short GOAWAY"),
        pytest.param(frame(h2.GOAWAY, 0, 1, bytes(8)), PROTOCOL, id="GOAWAY of a call"),
        pytest.param(window_update(0, 0), PROTOCOL, id="a WINDOW_UPDATE of nothing"),
        pytest.param(window_update(0, 2**31 - 1), FLOW, id="a WINDOW_UPDATE too far"),
        pytest.param(window_update(3, 1), PROTOCOL, id="WINDOW_UPDATE of a call that is not begun"),
        pytest.param(frame(h2.WINDOW_UPDATE, 0, 0, bytes(3)), SIZE, id="a short WINDOW_UPDATE"),
        pytest.param(frame(h2.CONTINUATION, 4, 1), PROTOCOL, id="CONTINUATION of nothing"),
        pytest.param(frame(h2.HEADERS, 0, 1) + body(1, b""), PROTOCOL, id="DATA within a header block"),
        pytest.param(
            frame(h2.HEADERS, 0, 1) + frame(h2.CONTINUATION, 4, 3), PROTOCOL, id="CONTINUATION of another"
        ),
        pytest.param(frame(h2.HEADERS, 0, 1) + frame(99, 0, 1), PROTOCOL, id="unknown within a header block"),
        pytest.param(frame(h2.HEADERS, 4 | h2.PADDED, 1), PROTOCOL, id="padding without its length"),
        pytest.param(frame(h2.DATA, h2.PADDED, 1, b"\x01"), PROTOCOL, id="padding as long as its frame"),
        pytest.param(frame(h2.HEADERS, 4 | 0x20, 1, bytes(4)), SIZE, id="half a priority"),
        pytest.param(frame(h2.HEADERS, 4, 1, b"\xff" * 9), COMPRESSION, id="a number without end"),
        pytest.param(frame(h2.HEADERS, 4, 1, b"\xbe"), COMPRESSION, id="an index into nothing"),
        pytest.param(frame(h2.HEADERS, 4, 1, b"\x3f\xff\xff\x7f"), COMPRESSION, id="a table too large"),
        pytest.param(frame(h2.HEADERS, 4, 1, b"\x00\x05ab"), COMPRESSION, id="half a name"),
        pytest.param(
            frame(h2.HEADERS, 0, 1) + frame(h2.CONTINUATION, 0, 1) * 20_000, CALM, id="CONTINUATION for ever"
        ),
        pytest.param(
            frame(h2.HEADERS, 4, 1, h2.block(("x", "y" * 4000)).replace(b"\x00", b"\x40", 1) + b"\xbe" * 100),
            CALM,
            id="a block that explodes",
        ),
    ],
)
def test_a_breach_ends_the_connection_and_its_calls(data: bytes, code: ErrorCode) -> None:
    client = Client()
    call = client.call()
    client.sent()
    client.receive(data)

    assert client.connection.error is not None
    assert client.connection.error.code is code
    assert client.sent() == [h2.Frame(h2.GOAWAY, 0, 0, bytes(4) + int(code).to_bytes(4, "big"))]
    assert call.status is not None
    assert (call.status.code, call.status.unprocessed) == (13, False)
    assert not client.connection.accepting


def test_what_came_before_a_breach_is_kept_and_what_comes_after_is_not() -> None:
    client = Client()
    call = client.begun()
    client.receive(body(1, b"one"), b"\xff" * 9, body(1, b"two"))
    client.receive(body(1, b"three"))

    assert call.messages == [b"one"]


def test_a_header_block_is_not_interrupted_by_another_calls_message() -> None:
    client = Client()
    other, _ = client.begun(), client.call()
    client.receive(frame(h2.HEADERS, 0, 3), body(1, b"one"))

    assert client.connection.error is not None
    assert other.messages == []


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", id="HTTP/1.1"),
        pytest.param(frame(h2.PING, 0, 0, bytes(8)), id="PING"),
        pytest.param(frame(h2.SETTINGS, h2.ACK, 0), id="an acknowledgement"),
    ],
)
def test_a_peer_must_begin_with_settings(first: bytes) -> None:
    client = Client(greeted=False)
    waiting = client.call()
    client.receive(first)

    assert client.connection.error is not None
    assert waiting.status is not None
    assert waiting.status.unprocessed


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(frame(h2.DATA, 0, 1, framed(b"x", compressed=1)), 13, id="a compressed message"),
        pytest.param(frame(h2.DATA, 0, 1, framed(b"x", compressed=2)), 13, id="a flag that gRPC has not"),
        pytest.param(body(1, bytes(101)), 8, id="a message above the limit"),
        pytest.param(
            frame(h2.DATA, 0, 1, b"\x00\xff\xff\xff\xff"), 8, id="the length of one above the limit"
        ),
        pytest.param(head(1), 13, id="a second beginning"),
        pytest.param(head(1, ("x", "y" * 2000)), 8, id="headers above the limit"),
    ],
)
def test_what_is_wrong_with_one_answer_ends_one_call(data: bytes, code: int) -> None:
    client = Client(Limits(message=100, header_list=1000))
    wrong, other = client.begun(), client.begun()
    client.receive(data, body(1, b"late"), body(3, b"one"), trailers(3))

    assert client.sent() == [h2.Frame(h2.RST_STREAM, 0, 1, b"\x00\x00\x00\x08")]
    assert wrong.status is not None
    assert (wrong.status.code, wrong.messages) == (code, [])
    assert other.messages == [b"one"]
    assert client.connection.error is None


def test_data_before_the_headers_ends_the_call() -> None:
    client = Client()
    call = client.call()
    client.receive(body(1, b"x"))

    assert call.status is not None
    assert call.status.code == 13


@pytest.mark.parametrize("rest", [b"\x00", framed(b"two")[:-1]])
def test_an_answer_that_ends_within_a_message_has_failed(rest: bytes) -> None:
    client = Client()
    call = client.begun()
    client.receive(body(1, b"one"), frame(h2.DATA, 0, 1, rest), trailers(1))

    assert call.messages == [b"one"]
    assert call.status is not None
    assert call.status.code == 13


def test_an_error_status_is_kept_though_a_message_is_unfinished() -> None:
    client = Client()
    call = client.begun()
    client.receive(frame(h2.DATA, 0, 1, b"\x00"), trailers(1, 14, "gone"))

    assert call.status is not None
    assert (call.status.code, call.status.message) == (14, "gone")


def test_an_answer_without_trailers_has_failed() -> None:
    client = Client()
    call = client.begun()
    client.receive(body(1, b"one", flags=h2.END_STREAM))

    assert call.messages == [b"one"]
    assert call.status is not None
    assert call.status.code == 13


def test_a_message_of_the_largest_size_is_let_through() -> None:
    client = Client(Limits(message=100))
    call = client.begun()
    client.receive(body(1, bytes(100)))

    assert call.messages == [bytes(100)]
