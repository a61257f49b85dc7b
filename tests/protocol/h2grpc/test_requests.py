"""What goes out: headers, bodies within the peer's windows, and no more calls than the peer wants."""

from __future__ import annotations

import pytest

from tests import scripted_h2 as h2
from tests.h2_client import Client, Seen
from tests.scripted_h2 import framed, settings, trailers, window_update


def sent_body(client: Client, number: int = 1) -> tuple[bytes, bool]:
    """Return the DATA of a stream that is to be sent, and whether the request ends with it."""
    data = [item for item in client.sent() if (item.kind, item.number) == (h2.DATA, number)]
    return b"".join(item.payload for item in data), bool(data and data[-1].flags & h2.END_STREAM)


def test_a_request_is_its_headers_and_one_message_and_the_end() -> None:
    client = Client()
    client.call(b"question", block=b"\x82\x86")

    assert client.sent() == [
        h2.Frame(h2.HEADERS, h2.END_HEADERS, 1, b"\x82\x86"),
        h2.Frame(h2.DATA, h2.END_STREAM, 1, framed(b"question")),
    ]


def test_no_call_begins_before_the_peer_has_greeted() -> None:
    client = Client(greeted=False)
    client.call()
    assert client.sent() == []
    client.receive(settings())

    assert [item.kind for item in client.sent()] == [h2.SETTINGS, h2.HEADERS, h2.DATA]


def test_a_long_header_block_goes_on_in_another_frame() -> None:
    client = Client()
    client.call(block=bytes(20_000))
    headers, rest, _ = client.sent()

    assert (headers.kind, headers.flags, len(headers.payload)) == (h2.HEADERS, 0, 16_384)
    assert (rest.kind, rest.flags, len(rest.payload)) == (h2.CONTINUATION, h2.END_HEADERS, 3616)


def test_a_body_keeps_to_the_first_window_and_goes_on_when_it_opens() -> None:
    message = bytes(range(256)) * 1000
    client = Client()
    client.call(message)
    got, ended = sent_body(client)
    assert (len(got), ended) == (65_535, False)

    client.receive(window_update(1, 1000))
    assert client.sent() == []  # the connection's window is still closed
    client.receive(window_update(0, 600))
    got += sent_body(client)[0]
    assert len(got) == 65_535 + 600
    client.receive(window_update(0, 10**6), window_update(1, 10**6))
    more, ended = sent_body(client)

    assert ended
    assert got + more == framed(message)


def test_a_body_keeps_to_the_peers_frame_size() -> None:
    client = Client(max_frame_size=20_000, initial_window_size=10**6)
    client.call(bytes(50_000))
    sizes = [len(item.payload) for item in client.sent() if item.kind == h2.DATA]

    assert sizes == [20_000, 20_000, 10_005]


def test_a_window_of_zero_holds_the_body_back_but_not_the_headers() -> None:
    client = Client(initial_window_size=0)
    client.call(b"question")
    assert [item.kind for item in client.sent()] == [h2.HEADERS]
    client.receive(window_update(1, 5))
    assert sent_body(client) == (framed(b"question")[:5], False)
    client.receive(settings(initial_window_size=100))

    assert sent_body(client) == (framed(b"question")[5:], True)


def test_a_window_that_shrinks_below_zero_must_open_again() -> None:
    client = Client(initial_window_size=10)
    client.call(bytes(20))
    assert len(sent_body(client)[0]) == 10
    client.receive(settings(initial_window_size=4))
    client.receive(window_update(1, 6))
    assert sent_body(client) == (b"", False)
    client.receive(window_update(1, 1))

    assert sent_body(client) == (b"\x00", False)


def test_waiting_bodies_share_the_connections_window_in_order() -> None:
    client = Client(initial_window_size=10**6)
    client.call(bytes(65_530))
    client.call(b"second")
    assert sent_body(client, 3) == (b"", False)
    client.receive(window_update(0, 11))

    assert sent_body(client, 3) == (framed(b"second"), True)


def test_no_more_calls_run_at_once_than_the_peer_wants() -> None:
    client = Client(max_concurrent_streams=2)
    calls = [client.call() for _ in range(4)]
    assert headers(client) == [1, 3]
    client.receive(trailers(1))
    assert headers(client) == [5]
    client.receive(settings(max_concurrent_streams=3))

    assert headers(client) == [7]
    assert client.connection.calls == len(calls) - 1


def test_a_cancelled_call_makes_room() -> None:
    client = Client(max_concurrent_streams=1)
    first, _ = client.call(), client.call()
    assert headers(client) == [1]
    assert first.stream is not None
    client.connection.cancel(first.stream)

    assert headers(client) == [3]


def test_a_waiting_call_that_is_cancelled_never_begins() -> None:
    client = Client(max_concurrent_streams=1)
    _, waiting, last = client.call(), client.call(), client.call()
    client.sent()
    assert waiting.stream is not None
    client.connection.cancel(waiting.stream)
    client.receive(trailers(1))

    assert [item.kind for item in client.sent()] == [h2.HEADERS, h2.DATA]
    assert last.stream is not None
    assert last.stream.number == 3


def test_nothing_more_is_sent_of_a_request_that_was_cancelled() -> None:
    client = Client(initial_window_size=4)
    call = client.call(b"question")
    assert call.stream is not None
    client.connection.cancel(call.stream)
    client.sent()
    client.receive(window_update(1, 100), settings(initial_window_size=100))

    assert client.sent() == [h2.Frame(h2.SETTINGS, h2.ACK, 0, b"")]


def headers(client: Client) -> list[int]:
    return [item.number for item in client.sent() if item.kind == h2.HEADERS]


def test_an_answer_that_ends_early_gives_the_rest_of_the_request_up() -> None:
    client = Client(initial_window_size=4)
    call = client.call(b"question")
    client.sent()
    client.receive(h2.head(1, ("grpc-status", "8"), end=True), window_update(1, 100))

    assert client.sent() == [h2.Frame(h2.RST_STREAM, 0, 1, b"\x00\x00\x00\x08")]
    assert call.status is not None
    assert call.status.code == 8


@pytest.mark.parametrize("kept", [0, 1])
def test_goaway_ends_the_calls_that_were_not_begun(kept: int) -> None:
    client = Client(max_concurrent_streams=2)
    calls: list[Seen] = [client.call() for _ in range(3)]
    client.receive(h2.goaway(2 * kept - 1 if kept else 0))

    unprocessed = [call.status is not None and call.status.unprocessed for call in calls]
    assert unprocessed == [kept == 0, True, True]
    assert not client.connection.accepting
    client.receive(settings(max_concurrent_streams=9))
    client.receive(trailers(1))
    assert all(call.status is not None for call in calls)
