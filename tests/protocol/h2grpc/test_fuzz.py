"""Whatever comes in, a connection survives or says what is wrong: no other exception, no frame cut in two."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.protocol.h2grpc.codes import PREFACE
from bridge.protocol.h2grpc.stream import Limits
from tests import scripted_h2 as h2
from tests.h2_client import Client, frames
from tests.scripted_h2 import body, frame, framed, head, trailers

EXAMPLES = 300
LIMITS = Limits(message=1000, stream_window=65_535, connection_window=65_535, header_list=500)

numbers = st.sampled_from([0, 1, 2, 3, 5, 7, 9, 2**31 - 1])
contents = st.binary(max_size=40) | st.lists(st.binary(max_size=20).map(framed), max_size=3).map(b"".join)
any_frame = st.builds(
    frame, st.integers(0, 11), st.sampled_from([0, 1, 4, 5, 8, 9, 0x20, 0x2C, 255]), numbers, contents
)
good_frame = st.one_of(
    st.builds(head, numbers),
    st.builds(body, numbers, st.binary(max_size=30)),
    st.builds(trailers, numbers, st.integers(0, 20)),
    st.builds(h2.reset, numbers, st.integers(0, 15)),
    st.builds(h2.goaway, numbers),
    st.builds(h2.window_update, numbers, st.integers(0, 2**31 - 1)),
    st.builds(lambda size: h2.settings(initial_window_size=size), st.integers(0, 2**31 - 1)),
    st.builds(lambda count: h2.settings(max_concurrent_streams=count), st.integers(0, 4)),
)
peers = st.lists(st.one_of(good_frame, any_frame, st.binary(max_size=30)), max_size=20).map(b"".join)


def converse(data: bytes, cuts: list[int], deeds: list[int]) -> Client:
    """Feed `data` in pieces; between them the owner opens, pauses, resumes and cancels calls."""
    client = Client(LIMITS, greeted=False)
    frames(client.hello.removeprefix(PREFACE))
    calls = [client.call(bytes(size)) for size in (0, 10, 100_000)]
    client.receive(h2.settings())
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for at, (begin, end) in enumerate(pairwise(edges)):
        client.receive(data[begin:end])
        client.sent()
        do(client, calls, deeds[at % len(deeds)])
        client.sent()
    client.take(client.connection.lost())
    return client


def do(client: Client, calls: list[Any], deed: int) -> None:
    call = calls[deed // 5 % len(calls)]
    if call.status is not None:
        return
    match deed % 5:
        case 0 if client.connection.accepting:
            calls.append(client.call(b"more"))
        case 1:
            client.connection.pause(call.stream)
        case 2:
            client.connection.resume(call.stream)
        case 3:
            client.connection.cancel(call.stream)


@settings(max_examples=EXAMPLES, deadline=2000)
@given(
    peers, st.lists(st.integers(0, 10_000), max_size=6), st.lists(st.integers(0, 99), min_size=1, max_size=6)
)
def test_any_peer_is_survived(data: bytes, cuts: list[int], deeds: list[int]) -> None:
    converse(data, cuts, deeds)


WHOLE = head(1) + body(1, b"one", b"two") + head(3) + body(3, b"three") + h2.settings(max_frame_size=20_000)
WHOLE += (
    body(1, b"four") + trailers(1) + frame(h2.PING, 0, 0, bytes(8)) + h2.window_update(0, 9) + trailers(3)
)


@settings(max_examples=EXAMPLES, deadline=2000)
@given(
    st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=4),
    st.lists(st.integers(0, 10_000), max_size=4),
)
def test_a_good_answer_with_wrong_bytes_is_survived(changes: list[tuple[int, int]], cuts: list[int]) -> None:
    data = bytearray(WHOLE)
    for at, byte in changes:
        data[at] = byte
    converse(bytes(data), cuts, [4])


@settings(max_examples=EXAMPLES, deadline=2000)
@given(st.lists(st.integers(0, len(WHOLE)), max_size=8), st.lists(st.integers(0, 2), min_size=1, max_size=6))
def test_cuts_and_pauses_change_nothing(cuts: list[int], deeds: list[int]) -> None:
    client = Client()
    calls = [client.call(), client.call()]
    edges = sorted({0, len(WHOLE), *cuts})
    for at, (begin, end) in enumerate(pairwise(edges)):
        client.receive(WHOLE[begin:end])
        do(client, calls, 1 + deeds[at % len(deeds)] % 2)

    assert [call.messages for call in calls] == [[b"one", b"two", b"four"], [b"three"]]
    assert [call.status is not None and call.status.code for call in calls] == [0, 0]
