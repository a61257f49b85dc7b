"""The bytes of Dynamo's TCP planes: requests as frontends pipeline them, and frames of two parts.

All integers are big-endian. A request is `u16 n, path`, `u16 n, JSON of headers`, `u32 n, frame`; a frame is
`u64 header length, u64 data length, u64 0, header, data`. Nothing larger than a limit is ever held.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge.errors import BridgeError, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_PATH: Final = 1024
MAX_HEADER: Final = 128 * 1024
"""Bytes of a frame's header: Dynamo's own limit."""

_LENGTHS: Final = struct.Struct(">QQQ")
_U16: Final = struct.Struct(">H")
_U32: Final = struct.Struct(">I")


def frame(header: bytes = b"", data: bytes = b"") -> bytes:
    """Return a frame."""
    return _LENGTHS.pack(len(header), len(data), 0) + header + data


def data_lengths(size: int) -> bytes:
    """Return what goes before `size` bytes of data in a frame without a header."""
    return _LENGTHS.pack(0, size, 0)


def acknowledgement(refusal: str = "") -> bytes:
    """Return the answer to a request: that it is taken, or a text of `answers` that refuses it.

    A frontend waits for ever for the answer to a request that is refused by any other text.
    """
    text = refusal.encode()
    return _U32.pack(len(text)) + text


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it came."""

    path: str
    """`<instance, hexadecimal>/<namespace>/<component>/<endpoint>`."""
    control: bytes
    """Header of its frame; see `control.Opening`."""
    body: bytes | None
    """Data of its frame; None: it was larger than the limit."""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Head:
    path: bytes
    headers: bytes
    size: int
    """Bytes of all that."""
    control: int
    """Bytes of the frame's header."""
    body: int
    """Bytes of the frame's data."""


class RequestReader:
    """Cuts what a frontend sends on one connection into requests."""

    def __init__(self, limit: int) -> None:
        """Begin at the start of a connection; `limit` is the bytes of the largest body that is kept."""
        self._limit = limit
        self._held = bytearray()
        self._skip = 0
        """Bytes of a body that is too large, still to come."""

    def feed(self, data: bytes) -> Iterator[Request]:
        """Yield the requests that `data` completes; read it to its end.

        Raises:
            BridgeError: INVALID_MESSAGE: this is no request, and nothing after it can be read.
        """
        self._held += data
        while (found := self._next()) is not None:
            yield found

    def _next(self) -> Request | None:
        if self._skip:
            gone = min(self._skip, len(self._held))
            del self._held[:gone]
            self._skip -= gone
        if (head := self._head()) is None:
            return None
        start = head.size + head.control
        too_large = head.body > self._limit
        if len(self._held) < start + (0 if too_large else head.body):
            return None
        request = Request(
            path=head.path.decode(errors="replace"),
            headers=_headers(head.headers),
            control=bytes(self._held[head.size : start]),
            body=None if too_large else bytes(self._held[start : start + head.body]),
        )
        if too_large:
            self._skip = head.body
            del self._held[:start]
        else:
            del self._held[: start + head.body]
        return request

    def _head(self) -> _Head | None:
        """Return what goes before the parts of the next request, once it is all there."""
        held, at = self._held, 0
        texts: list[bytes] = []
        for limit in (MAX_PATH, None):
            if len(held) < at + _U16.size:
                return None
            (size,) = _U16.unpack_from(held, at)
            if limit is not None and not 0 < size <= limit:
                raise _malformed("its path is empty or too long")
            texts.append(bytes(held[at + _U16.size : at + _U16.size + size]))
            at += _U16.size + size
        if len(held) < at + _U32.size + _LENGTHS.size:
            return None
        (whole,) = _U32.unpack_from(held, at)
        control, body, _ = _LENGTHS.unpack_from(held, at + _U32.size)
        if whole != _LENGTHS.size + control + body or control > MAX_HEADER:
            raise _malformed("its lengths are wrong")
        return _Head(texts[0], texts[1], at + _U32.size + _LENGTHS.size, control, body)


class FrameReader:
    """Cuts what a frontend sends on the connection of an answer into frames."""

    def __init__(self, limit: int = MAX_HEADER) -> None:
        """Begin at the start of a connection; `limit` is the bytes of the largest frame."""
        self._limit = limit
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield header and data of the frames that `data` completes; read it to its end.

        Raises:
            BridgeError: INVALID_MESSAGE: a frame is too large, and nothing after it can be read.
        """
        self._held += data
        while len(self._held) >= _LENGTHS.size:
            header, body, _ = _LENGTHS.unpack_from(self._held)
            if header + body > self._limit:
                raise _malformed("it is too large")
            start, end = _LENGTHS.size + header, _LENGTHS.size + header + body
            if len(self._held) < end:
                return
            parts = bytes(self._held[_LENGTHS.size : start]), bytes(self._held[start:end])
            del self._held[:end]
            yield parts


def _headers(data: bytes) -> dict[str, str]:
    """Return headers; what cannot be read is none, as Dynamo itself has it."""
    try:
        found: Any = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    if type(found) is not dict:
        return {}
    return {key: value for key, value in found.items() if type(value) is str}


def _malformed(why: str) -> BridgeError:
    return BridgeError(Reason.INVALID_MESSAGE, f"this is no frame of Dynamo's: {why}")
