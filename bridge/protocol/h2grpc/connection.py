"""One HTTP/2 connection of a gRPC client: bytes in, messages out; calls in, bytes out.

The way into this package. It puts the parts together and takes frames apart, no more. It writes
nothing itself: whoever calls in sends `data_to_send()` afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

from bridge.protocol.h2grpc import frames
from bridge.protocol.h2grpc.answers import Answers
from bridge.protocol.h2grpc.calls import Calls
from bridge.protocol.h2grpc.codes import (
    FRAME_HEADER,
    MAX_FRAME,
    PREFACE,
    ErrorCode,
    Flag,
    Kind,
    ProtocolError,
    Setting,
)
from bridge.protocol.h2grpc.control import Control
from bridge.protocol.h2grpc.sender import Sender
from bridge.protocol.h2grpc.status import Status, StatusCode
from bridge.protocol.h2grpc.stream import Limits, Stream
from bridge.protocol.h2grpc.windows import ReceiveWindows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Owner = TypeVar("Owner")

_LOST: Final = Status(StatusCode.UNAVAILABLE, "the connection was lost")
_CLOSED: Final = Status(StatusCode.CANCELLED, "the connection was closed")


class Connection(Generic[Owner]):
    """The state of one connection; `Owner` is whatever the caller hangs on a call."""

    def __init__(self, limits: Limits | None = None) -> None:
        """Prepare the greeting; it is in `data_to_send()`."""
        self.limits: Final = limits or Limits()
        self.error: ProtocolError | None = None
        """What the peer did wrong; send what is to be sent and close."""
        self._sender = Sender()
        self._windows = ReceiveWindows(self._sender, self.limits)
        self._calls: Calls[Owner] = Calls(self._sender)
        self._answers = Answers(self._calls, self._windows, self.limits)
        self._control = Control(self._calls, self._sender)
        self._tail = b""
        self._on: Final[dict[int, Callable[[int, int, bytes], None]]] = {
            Kind.DATA: self._answers.data,
            Kind.HEADERS: self._answers.headers,
            Kind.RST_STREAM: self._answers.reset,
            Kind.CONTINUATION: self._answers.continuation,
            Kind.SETTINGS: self._control.settings,
            Kind.PUSH_PROMISE: self._control.push,
            Kind.PING: self._control.ping,
            Kind.GOAWAY: self._control.goaway,
            Kind.WINDOW_UPDATE: self._control.window_update,
        }
        settings = {
            Setting.ENABLE_PUSH: 0,
            Setting.INITIAL_WINDOW_SIZE: self.limits.stream_window,
            Setting.MAX_HEADER_LIST_SIZE: self.limits.header_list,
        }
        self._sender.put(PREFACE + frames.settings(settings) + self._windows.greeting())

    @property
    def greeted(self) -> bool:
        """Whether the peer's SETTINGS came; no call begins before."""
        return self._control.greeted

    @property
    def accepting(self) -> bool:
        """Whether further calls may be opened: not after GOAWAY, nor after the end."""
        return not self._calls.draining

    @property
    def calls(self) -> int:
        """How many calls there are, waiting ones included."""
        return len(self._calls)

    def open(self, owner: Owner, block: bytes, message: bytes) -> Stream[Owner]:
        """Make a call, while `accepting`; it begins when the peer has room for it.

        Args:
            owner: stands on the stream for whoever reads it.
            block: see `header_blocks.request_block`.
            message: the request, serialized; sent once, then the call is half-closed.
        """
        stream = Stream(owner, block, message, self.limits)
        self._calls.add(stream)
        return stream

    def cancel(self, stream: Stream[Owner]) -> None:
        """Give up a call; nothing more comes of it. One that has ended stays as it is."""
        self._windows.forget(stream)
        self._calls.cancel(stream)

    def pause(self, stream: Stream[Owner]) -> None:
        """Let the peer send on this call what its window still holds, and no more."""
        stream.paused = True

    def resume(self, stream: Stream[Owner]) -> None:
        """Let the peer go on."""
        stream.paused = False
        if stream.credit < stream.floor and stream.number in self._calls.active:
            self._windows.low(stream)

    def ping(self) -> None:
        """Ask the peer for a sign of life."""
        self._sender.put(frames.frame(Kind.PING, 0, 0, bytes(8)))

    def close(self) -> Sequence[Stream[Owner]]:
        """Say goodbye; return the calls that end by it, CANCELLED."""
        self._sender.put(frames.goaway(ErrorCode.NO_ERROR))
        return self._end(_CLOSED)

    def lost(self) -> Sequence[Stream[Owner]]:
        """Take the end of the peer's bytes; return the calls that end by it, UNAVAILABLE."""
        return self._end(_LOST)

    def _end(self, status: Status) -> Sequence[Stream[Owner]]:
        self._calls.end_all(status)
        return self._calls.take_touched()

    def data_to_send(self) -> bytes:
        """Return what is to be written, once."""
        self._windows.top_up()
        return self._sender.take()

    def receive(self, data: bytes) -> Sequence[Stream[Owner]]:
        """Take bytes of the peer; return the calls that have messages or have ended, each once.

        The caller takes each one's `arrived` and `status` before it calls again. A peer that breaks
        the protocol ends all calls, INTERNAL, and sets `error`; what it says afterwards is ignored.
        """
        if self.error is not None:
            return ()
        try:
            self._receive(self._tail + data if self._tail else data)
        except ProtocolError as exc:
            self.error = exc
            self._sender.put(frames.goaway(exc.code))
            self._calls.end_all(Status(StatusCode.INTERNAL, f"the server broke the protocol: {exc}"))
        return self._calls.take_touched()

    def _receive(self, data: bytes) -> None:
        at, end = 0, len(data)
        while at < end:
            begun = at
            if not self._answers.within_headers:
                at = self._answers.messages(data, at)
            at = self._frame(data, at)
            if at == begun:
                break
        self._tail = data[at:]
        self._windows.settle()

    def _frame(self, data: bytes, at: int) -> int:
        """Take one frame of any kind; return where it ends, or `at` while it is unfinished."""
        begin = at + FRAME_HEADER
        if begin > len(data):
            return at
        size, kind, flags, number = frames.head(data, at)
        self._check(size, kind, flags, number)
        if begin + size > len(data):
            return at
        handler = self._on.get(kind)
        if handler is not None:  # HTTP/2 wants unknown frames to be ignored
            handler(flags, number, data[begin : begin + size])
        return begin + size

    def _check(self, size: int, kind: int, flags: int, number: int) -> None:
        """Refuse a frame by its header alone: garbage is found before it is waited for."""
        if size > MAX_FRAME:
            raise ProtocolError(ErrorCode.FRAME_SIZE_ERROR, "a frame is larger than allowed")
        if not self.greeted and (kind != Kind.SETTINGS or flags & Flag.ACK):
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "the peer does not begin with SETTINGS")
        within = self._answers.within_headers
        if within and (kind != Kind.CONTINUATION or number != within):
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "a header block is interrupted")
