"""HTTP/2 frames and gRPC messages of a server, as bytes. Nothing here has state.

Written down once more, apart from bridge.protocol.h2grpc: what is measured must not share its mistakes.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD: Final = 9
"""Bytes before a frame's payload."""
PREFIX: Final = 5
"""Bytes before a gRPC message."""
DEFAULT_WINDOW: Final = 65_535
MAX_STREAMS: Final = 2**31 - 1

END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 1, 1, 4, 8, 32


class Kind(IntEnum):
    """Frame types."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


class Setting(IntEnum):
    """Parameters of SETTINGS."""

    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4


_HEAD: Final = struct.Struct(">IBI")
_PAIR: Final = struct.Struct(">HI")


def frame(kind: Kind, flags: int, number: int, payload: bytes = b"") -> bytes:
    """Return a frame of stream `number`, 0 for the connection."""
    return _HEAD.pack(len(payload) << 8 | kind, flags, number) + payload


def data_head(number: int, message: int) -> bytes:
    """Return what stands before a message of so many bytes that goes in a DATA frame of its own."""
    return _HEAD.pack((message + PREFIX) << 8 | Kind.DATA, 0, number) + b"\0" + message.to_bytes(4, "big")


def read_head(data: bytes, at: int) -> tuple[int, int, int, int]:
    """Return (length of payload, type, flags, stream) of the frame that begins at `at`."""
    word, flags, number = _HEAD.unpack_from(data, at)
    return word >> 8, word & 0xFF, flags, number & MAX_STREAMS


def settings(**values: int) -> bytes:
    """Return SETTINGS with parameters by their names in lower case."""
    return frame(
        Kind.SETTINGS,
        0,
        0,
        b"".join(_PAIR.pack(Setting[name.upper()], value) for name, value in values.items()),
    )


def read_settings(payload: bytes) -> dict[int, int]:
    """Return the parameters of SETTINGS."""
    return dict(_PAIR.iter_unpack(payload))


def window_update(number: int, increment: int) -> bytes:
    """Return WINDOW_UPDATE."""
    return frame(Kind.WINDOW_UPDATE, 0, number, increment.to_bytes(4, "big"))


def unpadded(flags: int, payload: bytes) -> bytes:
    """Return the payload of DATA or HEADERS without padding and priority."""
    if flags & PADDED:
        payload = payload[1 : len(payload) - payload[0]]
    return payload[5:] if flags & PRIORITY else payload


def literal(*pairs: tuple[str, str]) -> bytes:
    """Return a header block whose fields enter no table; names and values have less than 127 bytes."""
    return b"".join(
        b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
        for name, value in pairs
    )


def message(content: bytes) -> bytes:
    """Return a gRPC message, not compressed."""
    return b"\0" + len(content).to_bytes(4, "big") + content
