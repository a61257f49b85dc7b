"""Header blocks: those of our requests, made without state, and those of the peer, decoded with it.

Requests use no dynamic table: nothing has to be kept in step with the peer's settings, and the
constant part of a block is rendered once. What comes in is decoded in full, wanted or not: the
peer's table must be kept in step.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING, Final

from hpack import Decoder, HPACKError, OversizedHeaderListError
from hpack.hpack import encode_integer

from bridge.protocol.h2grpc.codes import FRAME_HEADER, ErrorCode, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_BLOCK: Final = 128 * 1024
"""Bytes of a compressed header block, and of an uncompressed one, above which the connection ends."""

_NO_TABLE: Final = b"\x20"
"""Tells the peer's decoder that the dynamic table has size 0, which every peer allows."""

_UNITS: Final = ((1e-3, b"m"), (1.0, b"S"), (60.0, b"M"), (3600.0, b"H"))
_MAX_TIMEOUT: Final = 99_999_999
_MAX_ENTRY: Final = 32
"""What every header counts in a header list beside its name and value (RFC 9113, 6.5.2)."""


def request_block(
    *,
    scheme: str,
    authority: str,
    path: str,
    timeout: float | None,
    metadata: Sequence[tuple[str, str]] = (),
) -> bytes:
    """Return the header block of a call.

    Args:
        scheme: http or https.
        authority: HOST:PORT of the server.
        path: /package.Service/Method.
        timeout: seconds that the call may take.
        metadata: names in lower case and values, both printable ASCII.
    """
    block = _constant(scheme, authority, path)
    if timeout is not None:
        block += _literal(b"grpc-timeout", timeout_value(timeout))
    for name, value in metadata:
        block += _literal(name.encode(), value.encode())
    return block


def timeout_value(seconds: float) -> bytes:
    """Return the value of grpc-timeout: at most eight digits and a unit, rounded up."""
    for unit, letter in _UNITS:
        count = max(ceil(seconds / unit), 1)
        if count <= _MAX_TIMEOUT:
            return b"%d%s" % (count, letter)
    return b"%dH" % _MAX_TIMEOUT


@lru_cache(maxsize=64)
def _constant(scheme: str, authority: str, path: str) -> bytes:
    pairs = (
        (b":method", b"POST"),
        (b":scheme", scheme.encode()),
        (b":path", path.encode()),
        (b":authority", authority.encode()),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
        (b"user-agent", b"openai-bridge"),
        (b"grpc-accept-encoding", b"identity"),
    )
    return _NO_TABLE + b"".join(_literal(name, value) for name, value in pairs)


def _literal(name: bytes, value: bytes) -> bytes:
    """Return a header that goes into no table."""
    return b"\x00" + bytes(encode_integer(len(name), 7)) + name + bytes(encode_integer(len(value), 7)) + value


class BlockReader:
    """Collects the fragments of one header block at a time and decodes it."""

    def __init__(self) -> None:
        self._decoder = Decoder(max_header_list_size=MAX_BLOCK)
        self._parts = bytearray()
        self._frames = 0
        self.stream = 0
        """The stream whose block is unfinished; 0: none is."""
        self.flags = 0
        """Flags of the HEADERS frame that began it."""

    def begin(self, stream: int, flags: int, fragment: bytes) -> None:
        """Take the fragment of a HEADERS frame."""
        self.stream, self.flags = stream, flags
        self._parts.clear()
        self._frames = 0
        self.add(fragment)

    def add(self, fragment: bytes) -> None:
        """Take another fragment.

        Raises:
            ProtocolError: the block is too large.
        """
        self._parts += fragment
        self._frames += 1
        # Empty fragments cost the peer nothing, so a frame's own header counts as well.
        if len(self._parts) + self._frames * FRAME_HEADER > MAX_BLOCK:
            raise ProtocolError(ErrorCode.ENHANCE_YOUR_CALM, "a header block is too large")

    def finish(self) -> tuple[dict[bytes, bytes], int]:
        """Return the headers, the last of each name, and the size of the list as HTTP/2 counts it.

        Raises:
            ProtocolError: the block cannot be decoded, or grows too large when it is.
        """
        self.stream = 0
        try:
            pairs = self._decoder.decode(bytes(self._parts), raw=True)
        except OversizedHeaderListError as exc:
            raise ProtocolError(ErrorCode.ENHANCE_YOUR_CALM, "a header list is too large") from exc
        except HPACKError as exc:
            raise ProtocolError(ErrorCode.COMPRESSION_ERROR, "a header block cannot be decoded") from exc
        found: dict[bytes, bytes] = {}
        size = 0
        for name, value in pairs:
            found[bytes(name)] = bytes(value)
            size += len(name) + len(value) + _MAX_ENTRY
        return found, size
