"""Frames to bytes, payloads to values. Each function knows one frame type; nothing here has state."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from bridge.protocol.h2grpc.codes import (
    MAX_FRAME,
    MAX_WINDOW,
    ErrorCode,
    Flag,
    Kind,
    ProtocolError,
    Setting,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HEAD: Final = struct.Struct(">IBI")  # 24 bits of length and 8 of type are read as one number
_LONG: Final = struct.Struct(">I")
_PAIR: Final = struct.Struct(">HI")
_PING: Final = 8
_PRIORITY: Final = 5


def frame(kind: Kind, flags: int, number: int, payload: bytes = b"") -> bytes:
    """Return a frame; `number` is the stream's, 0 for the connection."""
    return _HEAD.pack(len(payload) << 8 | kind, flags, number) + payload


def head(data: bytes, at: int) -> tuple[int, int, int, int]:
    """Return a frame header's (length of payload, type, flags, stream number)."""
    word, flags, number = _HEAD.unpack_from(data, at)
    return word >> 8, word & 0xFF, flags, number & MAX_WINDOW


def settings(values: Mapping[Setting, int]) -> bytes:
    """Return a SETTINGS frame."""
    return frame(Kind.SETTINGS, 0, 0, b"".join(_PAIR.pack(key, value) for key, value in values.items()))


def window_update(number: int, increment: int) -> bytes:
    """Return a WINDOW_UPDATE frame of a stream, or of the connection."""
    return frame(Kind.WINDOW_UPDATE, 0, number, _LONG.pack(increment))


def reset(number: int, code: ErrorCode) -> bytes:
    """Return a RST_STREAM frame."""
    return frame(Kind.RST_STREAM, 0, number, _LONG.pack(code))


def goaway(code: ErrorCode) -> bytes:
    """Return a GOAWAY frame of a client: it has accepted no stream of the peer's."""
    return frame(Kind.GOAWAY, 0, 0, _LONG.pack(0) + _LONG.pack(code))


def headers(number: int, block: bytes) -> bytes:
    """Return HEADERS and the CONTINUATIONs that a long header block needs; the stream stays open."""
    pieces = [block[at : at + MAX_FRAME] for at in range(0, len(block), MAX_FRAME)]
    kinds = [Kind.HEADERS] + [Kind.CONTINUATION] * (len(pieces) - 1)
    flags = [0] * (len(pieces) - 1) + [Flag.END_HEADERS]
    return b"".join(map(frame, kinds, flags, [number] * len(pieces), pieces))


def without_padding(flags: int, payload: bytes) -> bytes:
    """Return the payload of DATA or HEADERS without its padding.

    Raises:
        ProtocolError: the padding is longer than the frame.
    """
    if not flags & Flag.PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "padding is longer than its frame")
    return payload[1 : len(payload) - payload[0]]


def header_fragment(flags: int, payload: bytes) -> bytes:
    """Return the part of a header block that a HEADERS frame carries.

    Raises:
        ProtocolError: the frame is too short for what its flags announce.
    """
    payload = without_padding(flags, payload)
    if not flags & Flag.PRIORITY:
        return payload
    if len(payload) < _PRIORITY:
        raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "HEADERS has no room for its priority")
    return payload[_PRIORITY:]


def read_settings(payload: bytes) -> Iterator[tuple[int, int]]:
    """Return the (parameter, value) pairs of SETTINGS.

    Raises:
        ProtocolError: the frame has a size that is no number of pairs.
    """
    if len(payload) % _PAIR.size:
        raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS ends within a parameter")
    return _PAIR.iter_unpack(payload)


def read_increment(payload: bytes) -> int:
    """Return the increment of WINDOW_UPDATE.

    Raises:
        ProtocolError: the frame has another size.
    """
    return read_code(payload) & MAX_WINDOW


def read_code(payload: bytes) -> int:
    """Return the code of RST_STREAM.

    Raises:
        ProtocolError: the frame has another size.
    """
    if len(payload) != _LONG.size:
        raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "a frame of four bytes has another size")
    return int(_LONG.unpack(payload)[0])


def read_goaway(payload: bytes) -> tuple[int, int]:
    """Return GOAWAY's (last stream number, code).

    Raises:
        ProtocolError: the frame is too short.
    """
    if len(payload) < 2 * _LONG.size:
        raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "GOAWAY is too short")
    last, code = struct.unpack_from(">II", payload)
    return last & MAX_WINDOW, code


def read_ping(payload: bytes) -> bytes:
    """Return the eight bytes of PING.

    Raises:
        ProtocolError: there are not eight.
    """
    if len(payload) != _PING:
        raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "PING is not eight bytes")
    return payload
