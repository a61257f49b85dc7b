"""What the peer says about the connection: SETTINGS, PING, GOAWAY, WINDOW_UPDATE. No answers here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.protocol.h2grpc import frames
from bridge.protocol.h2grpc.codes import MAX_WINDOW, ErrorCode, Flag, Kind, ProtocolError, Setting

if TYPE_CHECKING:
    from bridge.protocol.h2grpc.calls import Calls
    from bridge.protocol.h2grpc.sender import Sender


class Control:
    """Reads the frames that belong to no answer."""

    def __init__(self, calls: Calls[Any], sender: Sender) -> None:
        self._calls = calls
        self._sender = sender
        self.greeted = False
        """Whether the peer's first SETTINGS came."""

    def settings(self, flags: int, number: int, payload: bytes) -> None:
        """Take SETTINGS and acknowledge them.

        Raises:
            ProtocolError: they are malformed or forbidden.
        """
        _of_connection(number)
        if flags & Flag.ACK:
            if payload:
                raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "an acknowledgement is not empty")
            return
        values = dict(frames.read_settings(payload))
        if (size := values.get(Setting.MAX_FRAME_SIZE)) is not None:
            self._sender.set_max_frame(size)
        if (window := values.get(Setting.INITIAL_WINDOW_SIZE)) is not None:
            self._sender.set_initial_window(window)
        if not self.greeted:
            values.setdefault(Setting.MAX_CONCURRENT_STREAMS, MAX_WINDOW)
        self.greeted = True
        self._calls.limit = values.get(Setting.MAX_CONCURRENT_STREAMS, self._calls.limit)
        self._sender.put(frames.frame(Kind.SETTINGS, Flag.ACK, 0))
        self._calls.fill()

    def ping(self, flags: int, number: int, payload: bytes) -> None:
        """Answer PING.

        Raises:
            ProtocolError: it is malformed.
        """
        _of_connection(number)
        echo = frames.read_ping(payload)
        if not flags & Flag.ACK:
            self._sender.put(frames.frame(Kind.PING, Flag.ACK, 0, echo))

    def goaway(self, _flags: int, number: int, payload: bytes) -> None:
        """Take GOAWAY: calls that the peer has begun with go on, the others end at once.

        Raises:
            ProtocolError: it is malformed.
        """
        _of_connection(number)
        last, _code = frames.read_goaway(payload)
        self._calls.drain(last)

    def window_update(self, _flags: int, number: int, payload: bytes) -> None:
        """Take leave to send more.

        Raises:
            ProtocolError: it is malformed, grants nothing or too much.
        """
        increment = frames.read_increment(payload)
        if not number:
            self._sender.grant(increment)
            return
        stream = self._calls.find(number)
        if stream is not None:
            self._sender.grant_stream(stream, increment)

    def push(self, _flags: int, _number: int, _payload: bytes) -> None:
        """Refuse PUSH_PROMISE.

        Raises:
            ProtocolError: always: the greeting forbids it.
        """
        raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "the peer pushes though it may not")


def _of_connection(number: int) -> None:
    if number:
        raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "a frame of the connection belongs to a call")
