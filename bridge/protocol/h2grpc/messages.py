"""gRPC's length-prefixed messages out of pieces of a body.

The unhurried way, right for every body; `answers` has a fast one for what is common.
"""

from __future__ import annotations

import struct
from typing import Final

from bridge.protocol.h2grpc.status import Status, StatusCode

PREFIX: Final = struct.Struct(">BI")
"""Compressed flag and length, before every message."""

_COMPRESSED: Final = Status(StatusCode.INTERNAL, "the peer compressed a message though nobody asked for it")
_TOO_LARGE: Final = Status(StatusCode.RESOURCE_EXHAUSTED, "a message is larger than the limit")


def with_prefix(message: bytes) -> bytes:
    """Return a message as it stands in a body."""
    return PREFIX.pack(0, len(message)) + message


class Deframer:
    """Keeps what a body has brought of its unfinished message."""

    __slots__ = ("_limit", "rest")

    def __init__(self, limit: int) -> None:
        """Begin a body.

        Args:
            limit: bytes of the largest message.
        """
        self._limit = limit
        self.rest = bytearray()
        """What came of the unfinished message, its prefix included."""

    def feed(self, piece: bytes, into: list[bytes]) -> Status | None:
        """Append the messages that `piece` completes to `into`; return why the body is refused, if it is."""
        rest = self.rest
        if rest:
            rest += piece
        source = rest or piece
        at, end = 0, len(source)
        while end - at >= PREFIX.size:
            compressed, size = PREFIX.unpack_from(source, at)
            if compressed:
                return _COMPRESSED
            if size > self._limit:
                return _TOO_LARGE
            start = at + PREFIX.size
            if start + size > end:
                break
            at = start + size
            into.append(bytes(source[start:at]))
        if rest:
            del rest[:at]
        else:
            rest += piece[at:]
        return None
