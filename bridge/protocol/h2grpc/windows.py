"""What the peer may still send: the receiving half of flow control.

A window is topped up when half of it is used, so that WINDOW_UPDATEs are few.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.protocol.h2grpc import frames
from bridge.protocol.h2grpc.codes import DEFAULT_WINDOW, ErrorCode, ProtocolError

if TYPE_CHECKING:
    from bridge.protocol.h2grpc.sender import Sender
    from bridge.protocol.h2grpc.stream import Limits, Stream


class ReceiveWindows:
    """The windows of a connection and of its calls."""

    def __init__(self, sender: Sender, limits: Limits) -> None:
        self._sender = sender
        self._window = limits.connection_window
        self._stream_window = limits.stream_window
        self.credit = self._window
        """Bytes that the peer may still send on all calls together."""
        self._low: dict[int, Stream[Any]] = {}

    def greeting(self) -> bytes:
        """Return the frame that opens the connection's window; nothing if it is wide enough."""
        more = self._window - DEFAULT_WINDOW
        return frames.window_update(0, more) if more else b""

    def settle(self) -> None:
        """Top up the connection's window; call it after every read.

        Raises:
            ProtocolError: the peer sent more than it may.
        """
        if self.credit >= self._window // 2:
            return
        _check(self.credit)
        self._sender.put(frames.window_update(0, self._window - self.credit))
        self.credit = self._window

    def low(self, stream: Stream[Any]) -> None:
        """Note a call whose credit has fallen below its floor.

        Raises:
            ProtocolError: the peer sent more than it may.
        """
        _check(stream.credit)
        self._low[stream.number] = stream

    def top_up(self) -> None:
        """Top up the windows of the noted calls that still run and are not paused.

        Only now: its owner may have paused a call because of what this very read has brought.
        """
        for stream in self._low.values():
            if not stream.paused and stream.status is None:
                self._sender.put(frames.window_update(stream.number, self._stream_window - stream.credit))
                stream.credit = self._stream_window
        self._low.clear()

    def forget(self, stream: Stream[Any]) -> None:
        """Top up a cancelled call no more."""
        self._low.pop(stream.number, None)


def _check(credit: int) -> None:
    if credit < 0:
        raise ProtocolError(ErrorCode.FLOW_CONTROL_ERROR, "the peer sent more than its window holds")
