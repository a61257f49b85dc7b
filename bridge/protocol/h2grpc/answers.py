"""What the peer says on calls: DATA, HEADERS, CONTINUATION and RST_STREAM.

What costs time per message is `Answers.messages`; nothing else is on that path.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from bridge.protocol.h2grpc import frames
from bridge.protocol.h2grpc.codes import FRAME_HEADER, MAX_FRAME, ErrorCode, Flag, ProtocolError
from bridge.protocol.h2grpc.header_blocks import BlockReader
from bridge.protocol.h2grpc.messages import PREFIX
from bridge.protocol.h2grpc.status import Status, StatusCode, from_http, from_reset, from_trailers

if TYPE_CHECKING:
    from bridge.protocol.h2grpc.calls import Calls
    from bridge.protocol.h2grpc.stream import Limits, Stream
    from bridge.protocol.h2grpc.windows import ReceiveWindows

Owner = TypeVar("Owner")

_WHOLE: Final = struct.Struct(">IBIBI")
"""Frame header and message prefix in one go; the first number is length and type of the frame."""
_PREFIX: Final = PREFIX.size
_HEADS: Final = FRAME_HEADER + _PREFIX

_HTTP_OK: Final = 200
_INFORMATIONAL: Final = range(100, 200)
_HEADERS_TOO_LARGE: Final = Status(StatusCode.RESOURCE_EXHAUSTED, "the headers of an answer are too large")
_TRUNCATED: Final = Status(StatusCode.INTERNAL, "the answer ended within a message")
_NO_TRAILERS: Final = Status(StatusCode.INTERNAL, "the answer ended without trailers")
_OUT_OF_ORDER: Final = Status(StatusCode.INTERNAL, "the answer's frames are out of order")


class Answers(Generic[Owner]):
    """Reads the answers of a connection's calls."""

    def __init__(self, calls: Calls[Owner], windows: ReceiveWindows, limits: Limits) -> None:
        self._calls = calls
        self._windows = windows
        self._max_headers = limits.header_list
        self._small = min(limits.message, MAX_FRAME - _PREFIX)
        self._blocks = BlockReader()

    @property
    def within_headers(self) -> int:
        """The stream whose header block goes on in the next frame; 0: none."""
        return self._blocks.stream

    def messages(self, data: bytes, at: int) -> int:
        """Take the run of DATA frames that hold one message each; return where it ends.

        Not for the time within a header block. Anything uncommon is left to `data`.
        """
        get, touched, small = self._calls.active.get, self._calls.touched, self._small
        end, used = len(data), 0
        while at + _HEADS <= end:
            word, flags, number, compressed, size = _WHOLE.unpack_from(data, at)
            after = at + _HEADS + size
            if flags or compressed or word != (size + _PREFIX) << 8 or size > small or after > end:
                break
            stream = get(number)
            if stream is None or not stream.whole:
                break
            if not stream.arrived:
                touched.append(stream)
            stream.arrived.append(data[at + _HEADS : after])
            used += size + _PREFIX
            stream.credit -= size + _PREFIX
            if stream.credit < stream.floor:
                self._windows.low(stream)
            at = after
        self._windows.credit -= used
        return at

    def data(self, flags: int, number: int, payload: bytes) -> None:
        """Take any DATA frame.

        Raises:
            ProtocolError: it belongs to no call, or breaks a rule of the connection.
        """
        stream = self._calls.find(number)
        self._windows.credit -= len(payload)  # of a cancelled call as well, and with the padding
        if stream is None:
            return
        stream.credit -= len(payload)
        had = len(stream.arrived)
        problem = self._feed(stream, frames.without_padding(flags, payload))
        if len(stream.arrived) > had == 0:
            self._calls.touched.append(stream)
        if problem is not None:
            self._calls.refuse(stream, problem)
        elif flags & Flag.END_STREAM:
            self._calls.end(stream, _NO_TRAILERS)
        elif stream.credit < stream.floor:
            self._windows.low(stream)

    def _feed(self, stream: Stream[Owner], body: bytes) -> Status | None:
        if not stream.http:
            return _OUT_OF_ORDER
        problem = stream.deframer.feed(body, stream.arrived)
        stream.whole = not stream.deframer.rest
        return problem

    def headers(self, flags: int, number: int, payload: bytes) -> None:
        """Take HEADERS.

        Raises:
            ProtocolError: it belongs to no call, or cannot be decoded.
        """
        self._calls.find(number)
        self._blocks.begin(number, flags, frames.header_fragment(flags, payload))
        if flags & Flag.END_HEADERS:
            self._block()

    def continuation(self, flags: int, number: int, payload: bytes) -> None:
        """Take CONTINUATION.

        Raises:
            ProtocolError: it continues nothing, or the block cannot be decoded.
        """
        if number != self._blocks.stream:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "a CONTINUATION continues nothing")
        self._blocks.add(payload)
        if flags & Flag.END_HEADERS:
            self._block()

    def _block(self) -> None:
        stream = self._calls.find(self._blocks.stream)
        headers, size = self._blocks.finish()
        if stream is None:
            return
        if size > self._max_headers:
            self._calls.refuse(stream, _HEADERS_TOO_LARGE)
        elif self._blocks.flags & Flag.END_STREAM:
            self._end(stream, headers)
        elif stream.http:
            self._calls.refuse(stream, _OUT_OF_ORDER)
        else:
            self._begin(stream, headers)

    def _begin(self, stream: Stream[Owner], headers: dict[bytes, bytes]) -> None:
        http = _number(headers)
        if http in _INFORMATIONAL:
            return
        if http != _HTTP_OK:
            self._calls.refuse(stream, from_http(http))
            return
        stream.http = http
        stream.whole = True

    def _end(self, stream: Stream[Owner], headers: dict[bytes, bytes]) -> None:
        status = from_trailers(headers, stream.http or _number(headers))
        truncated = status.code == StatusCode.OK and stream.deframer.rest
        self._calls.end(stream, _TRUNCATED if truncated else status)

    def reset(self, _flags: int, number: int, payload: bytes) -> None:
        """Take RST_STREAM.

        Raises:
            ProtocolError: it belongs to no call, or has a wrong size.
        """
        code = frames.read_code(payload)
        stream = self._calls.find(number)
        if stream is not None:
            self._calls.abandon(stream, from_reset(code))


def _number(headers: dict[bytes, bytes]) -> int:
    value = headers.get(b":status", b"")
    return int(value) if value.isdigit() and len(value) == 3 else 0  # noqa: PLR2004 - HTTP's digits
