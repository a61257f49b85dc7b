"""How many pieces a request is made of, counted in its bytes before anything is made of them.

16 MiB hold eleven million empty arrays or eight million empty messages. To read them takes seconds, some
hundred bytes of memory each, and Python's lock, without which no other request goes on.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import BridgeError, Reason

if TYPE_CHECKING:
    from google.protobuf.message import Message

SMALL: Final = 16 * 1024
"""Bytes in which there cannot be too much: they are read in some milliseconds, whatever they are."""

TEXT: Final = 64
"""Bytes of plain text that are read in the time of one byte that is all structure."""

_LARGE: Final = 1024 * 1024
"""Bytes whose pieces are not worth counting to know that they take long."""

MAX_PIECES: Final = 250_000
"""Objects, arrays and strings of a body, keys included; fields of a message."""

MAX_NUMBERS: Final = 1_000_000
"""Elements of a body that are neither: token ids, mostly."""

_LONGEST: Final = 63
"""Bits at which the last byte of a number must have come."""


def check_body(body: bytes) -> None:
    """Check how much JSON a body holds; what is no JSON is counted too.

    Raises:
        BridgeError: REQUEST_TOO_LARGE.
    """
    if len(body) <= SMALL:
        return
    # All that there could be, if no text held any of these.
    if _opened(body) + body.count(b'"') // 2 <= MAX_PIECES and body.count(b",") <= MAX_NUMBERS:
        return
    if b"\\" in body:
        body = body.replace(rb"\\", b"").replace(rb"\"", b"")  # now every quote begins or ends a string
    strings = body.count(b'"') // 2
    if strings <= MAX_PIECES:
        body = b"".join(body.split(b'"')[::2])
    if strings + _opened(body) > MAX_PIECES:
        raise _too_much(f"{MAX_PIECES} strings, objects and arrays")
    if body.count(b",") > MAX_NUMBERS:
        raise _too_much(f"{MAX_NUMBERS} elements")


def _opened(body: bytes) -> int:
    return len(body) - len(body.translate(None, b"[{"))


def weight(body: bytes) -> int:
    """Return how many bytes of nothing but pieces take as long to read as a body; `SMALL` takes some 2 ms."""
    if not SMALL <= len(body) < _LARGE:
        return len(body)
    return len(body) // TEXT + 3 * (body.count(b'"') + body.count(b",") + _opened(body))


def weight_of(request: Message) -> int:
    """Return the same of a message, whose pieces are the elements of its lists, and theirs."""
    size = request.ByteSize()
    if not SMALL <= size < _LARGE:
        return size
    return size // TEXT + TEXT * _elements(request)


def _elements(message: Message) -> int:
    lists = [value for field, value in message.ListFields() if field.is_repeated]
    inner = [item for items in lists for item in items if hasattr(item, "ListFields")]
    return sum(map(len, lists)) + sum(map(_elements, inner))


def check_message(data: bytes, kind: type[Message]) -> None:
    """Check how many fields a serialized message has, those of the messages in it included.

    Raises:
        BridgeError: REQUEST_TOO_LARGE.
    """
    if len(data) > SMALL:
        try:
            _count(data, 0, len(data), kind.DESCRIPTOR, MAX_PIECES)
        except IndexError:  # cut off, or no message: the parser says so, and goes no further either
            return


def _count(data: bytes, at: int, end: int, kind: Any, left: int) -> int:
    """Return how many of the fields that were `left` are left after those of one message of a Descriptor."""
    nested = _nested(kind)
    while at < end:
        left -= 1
        if left < 0:
            raise _too_much(f"{MAX_PIECES} fields")
        tag, at = _varint(data, at)
        match tag & 7:
            case 0:
                _, at = _varint(data, at)
            case 1:
                at += 8
            case 2:
                size, at = _varint(data, at)
                inner = nested.get(tag >> 3)
                if inner is not None:
                    left = _count(data, at, min(at + size, end), inner, left)
                at += size
            case 5:
                at += 4
    return left


def _varint(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    if byte < 0x80:  # noqa: PLR2004 - the last byte of a number
        return byte, at + 1
    value, shift = byte & 0x7F, 7
    while True:
        at += 1
        byte = data[at]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004
            return value, at + 1
        shift += 7
        if shift > _LONGEST:
            raise IndexError


@cache
def _nested(kind: Any) -> dict[int, Any]:
    """Return the Descriptors of the fields that are messages, by number."""
    return {item.number: item.message_type for item in kind.fields if item.message_type is not None}


def _too_much(what: str) -> BridgeError:
    return BridgeError(Reason.REQUEST_TOO_LARGE, f"the request holds more than the limit of {what}")
