"""What goes out: frames in order, and request bodies as fast as the peer's windows allow.

Knows no meaning of what comes in; `Connection` tells it what the peer has granted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.protocol.h2grpc import frames
from bridge.protocol.h2grpc.codes import (
    DEFAULT_WINDOW,
    MAX_FRAME,
    MAX_WINDOW,
    ErrorCode,
    Flag,
    Kind,
    ProtocolError,
)

if TYPE_CHECKING:
    from bridge.protocol.h2grpc.stream import Stream


class Sender:
    """The sending half of a connection."""

    def __init__(self) -> None:
        self._out: list[bytes] = []
        self._window = DEFAULT_WINDOW
        self._initial = DEFAULT_WINDOW
        self._max_frame = MAX_FRAME
        self._unsent: dict[int, Stream[Any]] = {}

    def put(self, data: bytes) -> None:
        """Send a frame."""
        self._out.append(data)

    def take(self) -> bytes:
        """Return what is to be written, once."""
        if not self._out:
            return b""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def begin(self, stream: Stream[Any]) -> None:
        """Send a request: its headers at once, its body as the windows allow."""
        self._out.append(frames.headers(stream.number, stream.block))
        stream.send_window = self._initial
        self._unsent[stream.number] = stream
        self._send_body(stream)

    def forget(self, stream: Stream[Any]) -> bool:
        """Send no more of a request; tell whether something was left."""
        return self._unsent.pop(stream.number, None) is not None

    def grant(self, increment: int) -> None:
        """Take a WINDOW_UPDATE of the connection.

        Raises:
            ProtocolError: it grants nothing, or too much.
        """
        self._window += _checked(increment, self._window)
        self._send_bodies()

    def grant_stream(self, stream: Stream[Any], increment: int) -> None:
        """Take a WINDOW_UPDATE of a stream.

        Raises:
            ProtocolError: it grants nothing, or too much.
        """
        stream.send_window += _checked(increment, stream.send_window)
        if stream.number in self._unsent:
            self._send_body(stream)

    def set_initial_window(self, size: int) -> None:
        """Take a new initial window: it changes the windows of running requests too.

        Raises:
            ProtocolError: a window becomes too large.
        """
        if size > MAX_WINDOW:
            raise ProtocolError(ErrorCode.FLOW_CONTROL_ERROR, "a window is too large")
        change, self._initial = size - self._initial, size
        for stream in self._unsent.values():
            stream.send_window += change
            if stream.send_window > MAX_WINDOW:
                raise ProtocolError(ErrorCode.FLOW_CONTROL_ERROR, "a window is too large")
        self._send_bodies()

    def set_max_frame(self, size: int) -> None:
        """Take a new limit on payloads.

        Raises:
            ProtocolError: HTTP/2 does not allow it.
        """
        if not MAX_FRAME <= size < 1 << 24:
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "the largest frame has a size that HTTP/2 forbids")
        self._max_frame = size

    def _send_bodies(self) -> None:
        for stream in list(self._unsent.values()):
            if self._window <= 0:
                return
            self._send_body(stream)

    def _send_body(self, stream: Stream[Any]) -> None:
        while (size := min(len(stream.body), self._window, stream.send_window, self._max_frame)) > 0:
            piece, stream.body = stream.body[:size], stream.body[size:]
            self._window -= size
            stream.send_window -= size
            last = not stream.body
            flags = Flag.END_STREAM if last else 0
            self._out.append(frames.frame(Kind.DATA, flags, stream.number, bytes(piece)))
            if last:
                stream.body = memoryview(b"")  # an empty rest would keep the whole request
                del self._unsent[stream.number]


def _checked(increment: int, window: int) -> int:
    if not increment:
        raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "a WINDOW_UPDATE grants nothing")
    if window + increment > MAX_WINDOW:
        raise ProtocolError(ErrorCode.FLOW_CONTROL_ERROR, "a window is too large")
    return increment
