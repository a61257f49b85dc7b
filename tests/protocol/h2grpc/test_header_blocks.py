"""Header blocks: ours as another implementation reads them, the peer's in pieces."""

from __future__ import annotations

import pytest
from hpack import Decoder, Encoder

from bridge.protocol.h2grpc.header_blocks import BlockReader, request_block, timeout_value


def block(timeout: float | None = None, authority: str = "triton:8001") -> bytes:
    return request_block(scheme="http", authority=authority, path="/p.Service/Method", timeout=timeout)


def test_a_request_is_what_grpc_wants() -> None:
    assert [(name, value) for name, value in Decoder().decode(block(1.5))] == [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/p.Service/Method"),
        (":authority", "triton:8001"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", "openai-bridge"),
        ("grpc-accept-encoding", "identity"),
        ("grpc-timeout", "1500m"),
    ]


def test_metadata_goes_with_a_request() -> None:
    metadata = [("traceparent", "00-ab-cd-01"), ("tracestate", "k=" + "v" * 300)]
    sent = request_block(scheme="http", authority="t:1", path="/p.S/M", timeout=1.0, metadata=metadata)

    assert Decoder().decode(sent)[-2:] == metadata
    assert "traceparent" not in dict(Decoder().decode(block(1.0)))


def test_requests_leave_the_peers_table_alone_whatever_its_size() -> None:
    decoder = Decoder()
    decoder.max_allowed_table_size = 0
    first, second = decoder.decode(block()), decoder.decode(block())

    assert first == second
    assert decoder.header_table_size == 0


def test_a_long_value_has_a_long_length() -> None:
    name = "x" * 1000
    assert dict(Decoder().decode(block(authority=name)))[":authority"] == name


@pytest.mark.parametrize(
    ("seconds", "value"),
    [
        (0.0001, b"1m"),
        (-1.0, b"1m"),
        (0.25, b"250m"),
        (0.2501, b"251m"),
        (300.0, b"300000m"),
        (99_999.999, b"99999999m"),
        (100_000.0, b"100000S"),
        (1e9, b"16666667M"),
        (1e20, b"99999999H"),
    ],
)
def test_a_timeout_has_eight_digits_at_most(seconds: float, value: bytes) -> None:
    assert timeout_value(seconds) == value


def test_a_block_may_come_in_pieces_and_the_table_is_kept() -> None:
    encoder, reader = Encoder(), BlockReader()
    for number in range(3):
        content = encoder.encode([("grpc-status", "0"), ("x-trace", "same"), ("x-number", str(number))])
        reader.begin(1, 5, content[:1])
        for byte in content[1:]:
            reader.add(bytes([byte]))
        assert reader.stream == 1
        headers, size = reader.finish()
        assert headers == {b"grpc-status": b"0", b"x-trace": b"same", b"x-number": b"%d" % number}
        assert size == 11 + 1 + 7 + 4 + 8 + 1 + 3 * 32
        assert reader.stream == 0
