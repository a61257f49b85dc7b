"""Dynamo's frames are cut right wherever the connection cuts them, and nothing too large is ever held."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BridgeError, Reason
from bridge.protocol.dynamo.frames import (
    MAX_HEADER,
    FrameReader,
    Request,
    RequestReader,
    acknowledgement,
    data_lengths,
    frame,
)

LIMIT = 100
HEADERS = b'{"request-id":"r"}'


def request(
    path: bytes = b"1a/ns/c/generate",
    headers: bytes = HEADERS,
    control: bytes = b"{}",
    body: bytes = b"hello",
    lengths: tuple[int, int, int] | None = None,
) -> bytes:
    """Return a request as a frontend sends it; `lengths`: of the whole, of its header, of its data."""
    whole, first, second = lengths or (24 + len(control) + len(body), len(control), len(body))
    head = struct.pack(">H", len(path)) + path + struct.pack(">H", len(headers)) + headers
    return head + struct.pack(">IQQQ", whole, first, second, 0) + control + body


def expected(body: bytes | None = b"hello", **fields: Any) -> Request:
    values: dict[str, Any] = {"path": "1a/ns/c/generate", "control": b"{}", "headers": {"request-id": "r"}}
    return Request(**(values | fields), body=body)


def test_a_frame_is_lengths_header_and_data() -> None:
    assert frame(b"ab", b"c") == bytes.fromhex("0000000000000002 0000000000000001 0000000000000000") + b"abc"
    assert data_lengths(3) + b"abc" == frame(data=b"abc")


@pytest.mark.parametrize(
    ("refusal", "sent"),
    [
        pytest.param("", b"\0\0\0\0", id="taken"),
        pytest.param("no", b"\0\0\0\x02no", id="refused"),
    ],
)
def test_an_acknowledgement_is_a_counted_text(refusal: str, sent: bytes) -> None:
    assert acknowledgement(refusal) == sent


def test_requests_are_read_wherever_they_are_cut() -> None:
    sent = request() + request(body=b"") + request(control=b"", headers=b"")
    wanted = [expected(), expected(body=b""), expected(control=b"", headers={})]
    for at in range(len(sent)):
        reader = RequestReader(LIMIT)
        assert [*reader.feed(sent[:at]), *reader.feed(sent[at:])] == wanted


@given(st.lists(st.binary(max_size=2 * LIMIT), max_size=4), st.data())
def test_requests_are_read_from_any_pieces(bodies: list[bytes], data: st.DataObject) -> None:
    sent = b"".join(request(body=body) for body in bodies)
    reader, found = RequestReader(LIMIT), list[Request]()
    while sent:
        size = data.draw(st.integers(1, len(sent)))
        found += reader.feed(sent[:size])
        sent = sent[size:]
    assert [item.body for item in found] == [body if len(body) <= LIMIT else None for body in bodies]


def test_a_body_that_is_too_large_is_told_at_once_and_skipped() -> None:
    reader = RequestReader(LIMIT)
    sent = request(body=bytes(LIMIT + 1))
    begun = len(sent) - LIMIT
    assert list(reader.feed(sent[:begun])) == [expected(body=None)]
    assert list(reader.feed(sent[begun:-1])) == []
    assert len(reader._held) == 0
    assert list(reader.feed(sent[-1:] + request())) == [expected()]


@pytest.mark.parametrize(
    ("headers", "read"),
    [
        pytest.param(b"{", {}, id="no JSON"),
        pytest.param(b"[]", {}, id="no object"),
        pytest.param(b'{"a":1,"b":"c"}', {"b": "c"}, id="no text"),
    ],
)
def test_headers_that_cannot_be_read_are_none(headers: bytes, read: dict[str, str]) -> None:
    assert list(RequestReader(LIMIT).feed(request(headers=headers))) == [expected(headers=read)]


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(request(path=b""), id="no path"),
        pytest.param(request(path=b"p" * 1025), id="a long path"),
        pytest.param(request(lengths=(23, 0, 0)), id="too short for a frame"),
        pytest.param(request(lengths=(30, 2, 5)), id="lengths that do not add up"),
        pytest.param(request(lengths=(24 + MAX_HEADER + 1, MAX_HEADER + 1, 0)), id="a huge header"),
        pytest.param(request(lengths=(0, 2**64 - 1, 2**64 - 1)), id="lengths of all bits"),
        pytest.param(b"GET /v1/models HTTP/1.1\r\n\r\n" + bytes(40), id="another protocol"),
    ],
)
def test_what_is_no_request_is_refused(sent: bytes) -> None:
    with pytest.raises(BridgeError) as caught:
        list(RequestReader(LIMIT).feed(sent))
    assert caught.value.reason is Reason.INVALID_MESSAGE


def test_frames_are_read_wherever_they_are_cut() -> None:
    sent = frame(b'"stop"') + frame(data=b"data") + frame(b"head", b"data") + frame()
    wanted = [(b'"stop"', b""), (b"", b"data"), (b"head", b"data"), (b"", b"")]
    for at in range(len(sent)):
        reader = FrameReader()
        assert [*reader.feed(sent[:at]), *reader.feed(sent[at:])] == wanted


def test_a_frame_that_is_too_large_is_refused_before_it_is_there() -> None:
    reader = FrameReader(limit=5)
    assert list(reader.feed(frame(b"abc", b"de"))) == [(b"abc", b"de")]
    with pytest.raises(BridgeError, match="too large"):
        list(reader.feed(frame(b"abc", b"def")[:24]))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(sent: bytes) -> None:
    for reader in (RequestReader(LIMIT), FrameReader(LIMIT)):
        try:
            list(reader.feed(sent))
        except BridgeError as exc:
            assert exc.reason is Reason.INVALID_MESSAGE  # noqa: PT017 - either may happen


def test_the_headers_of_a_request_are_json() -> None:
    headers = {"traceparent": "00-1", "x": "ü"}
    sent = request(headers=json.dumps(headers).encode())
    assert [item.headers for item in RequestReader(LIMIT).feed(sent)] == [headers]
