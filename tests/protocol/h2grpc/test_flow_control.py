"""The windows of the receiving side: topped up in few frames, closed for a paused call alone, enforced."""

from __future__ import annotations

import pytest

from bridge.protocol.h2grpc.stream import Limits
from tests import scripted_h2 as h2
from tests.h2_client import Client
from tests.scripted_h2 import body, frame, framed

WINDOW = 65_535
LIMITS = Limits(stream_window=WINDOW, connection_window=10 * WINDOW)
PIECE = bytes(8_000 - 5)
"""A message that is 8000 bytes of DATA."""


def updates(client: Client) -> list[tuple[int, int]]:
    """Return (stream, increment) of every WINDOW_UPDATE that is to be sent, and nothing else is."""
    sent = client.sent()
    assert {item.kind for item in sent} <= {h2.WINDOW_UPDATE}
    return [(item.number, int.from_bytes(item.payload, "big")) for item in sent]


def test_a_window_is_topped_up_when_half_of_it_is_used() -> None:
    client = Client(LIMITS)
    client.begun()
    for _ in range(4):
        client.receive(body(1, PIECE))
    assert updates(client) == []
    client.receive(body(1, PIECE))

    assert updates(client) == [(1, 40_000)]


PADDED = frame(h2.DATA, h2.PADDED, 1, b"\x09" + framed(bytes(8_000 - 15)) + bytes(9))
"""8000 bytes of DATA too, that do not go the fast way."""


@pytest.mark.parametrize("piece", [body(1, PIECE), PADDED], ids=["plain", "padded"])
def test_what_is_granted_is_what_was_used(piece: bytes) -> None:
    client = Client(LIMITS)
    client.begun()
    used = granted = 0
    for _ in range(500):
        client.receive(piece)
        used += 8_000
        granted += sum(size for number, size in updates(client) if number == 1)
        assert WINDOW // 2 <= WINDOW - used + granted <= WINDOW


def test_the_connections_window_counts_padding_and_empty_frames_and_cancelled_calls() -> None:
    client = Client(LIMITS)
    kept, gone = client.begun(), client.begun()
    assert gone.stream is not None
    client.connection.cancel(gone.stream)
    client.sent()
    granted = 0
    padded = frame(h2.DATA, h2.PADDED, 1, b"\xff" + framed(b"x" * 100) + bytes(255))
    for _ in range(1000):
        client.receive(padded, frame(h2.DATA, 0, 1), body(3, b"late"))
        granted += sum(size for number, size in updates(client) if number == 0)

    used = 1000 * (1 + 105 + 255 + 9)
    assert used - 5 * WINDOW - 370 <= granted <= used
    assert len(kept.messages) == 1000


def test_a_paused_call_gets_no_more_window_and_the_others_go_on() -> None:
    client = Client(LIMITS)
    paused, other = client.begun(), client.begun()
    assert paused.stream is not None
    client.connection.pause(paused.stream)
    for _ in range(8):
        client.receive(body(1, PIECE), body(3, PIECE))

    assert [number for number, _ in updates(client)] == [3]
    assert (len(paused.messages), len(other.messages)) == (8, 8)
    client.connection.resume(paused.stream)
    assert updates(client) == [(1, 64_000)]


def test_a_call_that_is_paused_because_of_a_read_gets_no_window_for_it() -> None:
    client = Client(LIMITS)
    call = client.begun()
    assert call.stream is not None
    client.receive(*[body(1, PIECE)] * 8)
    client.connection.pause(call.stream)

    assert updates(client) == []


def test_a_call_that_is_cancelled_because_of_a_read_gets_no_window_for_it() -> None:
    client = Client(LIMITS)
    call = client.begun()
    assert call.stream is not None
    client.receive(*[body(1, PIECE)] * 8)
    client.connection.cancel(call.stream)

    assert [item.kind for item in client.sent()] == [h2.RST_STREAM]


def test_resuming_a_call_with_an_open_window_says_nothing() -> None:
    client = Client(LIMITS)
    call = client.begun()
    assert call.stream is not None
    client.connection.pause(call.stream)
    client.receive(body(1, PIECE))
    client.connection.resume(call.stream)

    assert updates(client) == []


def test_resuming_a_call_that_has_ended_says_nothing() -> None:
    client = Client(LIMITS)
    call = client.begun()
    assert call.stream is not None
    client.connection.pause(call.stream)
    client.receive(*[body(1, PIECE)] * 8, h2.trailers(1))
    client.connection.resume(call.stream)

    assert updates(client) == []


@pytest.mark.parametrize("paused", [False, True])
def test_a_peer_that_overruns_a_calls_window_breaks_the_protocol(paused: bool) -> None:
    client = Client(LIMITS)
    call = client.begun()
    assert call.stream is not None
    client.connection.pause(call.stream)
    client.receive(*[body(1, PIECE)] * 8)
    if not paused:
        client.connection.resume(call.stream)
    client.sent()
    client.receive(body(1, PIECE))

    assert (client.connection.error is not None) is paused
    assert (call.status is not None) is paused


def test_a_peer_that_overruns_the_connections_window_breaks_the_protocol() -> None:
    client = Client(Limits(stream_window=10 * WINDOW, connection_window=WINDOW))
    client.begun()
    client.receive(*[body(1, PIECE)] * 9)

    assert client.connection.error is not None
    assert [item.kind for item in client.sent()] == [h2.GOAWAY]


@pytest.mark.parametrize("limits", [{"stream_window": 65_534}, {"connection_window": 2**31}])
def test_windows_that_http2_does_not_have_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="a window must be"):
        Limits(**limits)
