"""How a call ended: gRPC's own tables."""

from __future__ import annotations

import pytest

from bridge.protocol.h2grpc.status import Status, from_reset, from_trailers


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (7, 14),
        (8, 1),
        (11, 8),
        (12, 7),
        *((code, 13) for code in (0, 1, 2, 3, 4, 5, 6, 9, 10, 13, 14, 2**32 - 1)),
    ],
)
def test_codes_of_rst_stream(code: int, status: int) -> None:
    ended = from_reset(code)

    assert ended.code == status
    assert ended.unprocessed is (code == 7)


@pytest.mark.parametrize(
    ("http", "status"),
    [
        *((http, 2) for http in (0, 200, 204, 302, 500)),
        *((http, 14) for http in (429, 502, 503, 504)),
        (400, 13),
        (401, 16),
        (403, 7),
        (404, 12),
    ],
)
def test_http_statuses_count_where_there_is_no_grpc_status(http: int, status: int) -> None:
    assert from_trailers({}, http).code == status
    assert from_trailers({b"grpc-status": b"5"}, http).code == 5


@pytest.mark.parametrize("value", [b"", b"x", b"-1", b"1.0", b"9" * 5000, "¹".encode()])
def test_a_status_that_is_no_number_is_unknown(value: bytes) -> None:
    assert from_trailers({b"grpc-status": value}, 200).code == 2


@pytest.mark.parametrize(
    ("coded", "message"),
    [
        (b"plain", "plain"),
        (b"caf%C3%A9 100%25", "café 100%"),
        (b"%", "%"),
        (b"%zz", "%zz"),
        (b"%C3", "\ufffd"),
        (b"\xff", "\ufffd"),
        (b"", ""),
    ],
)
def test_messages_are_percent_coded(coded: bytes, message: str) -> None:
    assert from_trailers({b"grpc-status": b"13", b"grpc-message": coded}, 200) == Status(13, message)
