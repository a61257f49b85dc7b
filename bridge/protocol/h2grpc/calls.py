"""Which calls a connection has: those that wait for room, those that run, and how each ends.

Numbers streams and keeps to the peer's limit on them; reads no frame.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from bridge.protocol.h2grpc import frames
from bridge.protocol.h2grpc.codes import MAX_WINDOW, ErrorCode, ProtocolError
from bridge.protocol.h2grpc.status import Status, StatusCode

if TYPE_CHECKING:
    from bridge.protocol.h2grpc.sender import Sender
    from bridge.protocol.h2grpc.stream import Stream

Owner = TypeVar("Owner")

_NOT_BEGUN: Final = Status(StatusCode.UNAVAILABLE, "the server takes no more calls", unprocessed=True)


class Calls(Generic[Owner]):
    """The calls of one connection."""

    def __init__(self, sender: Sender) -> None:
        """Begin without calls, and without leave to make one: the peer speaks first."""
        self.active: dict[int, Stream[Owner]] = {}
        """The calls that run, by number."""
        self.limit = 0
        """How many calls the peer lets run at once."""
        self.draining = False
        """No further call may begin here."""
        self.touched: list[Stream[Owner]] = []
        """Calls that have something to be taken by their owner, each once."""
        self._sender = sender
        self._waiting: deque[Stream[Owner]] = deque()
        self._next = 1

    def __len__(self) -> int:
        return len(self.active) + len(self._waiting)

    def add(self, stream: Stream[Owner]) -> None:
        """Begin a call as soon as there is room."""
        self._waiting.append(stream)
        self.fill()

    def fill(self) -> None:
        """Begin as many waiting calls as there is room for."""
        while self._waiting and len(self.active) < self.limit and not self.draining:
            stream = self._waiting.popleft()
            stream.number, self._next = self._next, self._next + 2
            self.draining = self._next > MAX_WINDOW
            self.active[stream.number] = stream
            self._sender.begin(stream)

    def find(self, number: int) -> Stream[Owner] | None:
        """Return a running call; None if it has ended.

        Raises:
            ProtocolError: there never was a call of that number.
        """
        stream = self.active.get(number)
        if stream is None and (number >= self._next or not number & 1):
            raise ProtocolError(ErrorCode.PROTOCOL_ERROR, "a frame belongs to no call")
        return stream

    def end(self, stream: Stream[Owner], status: Status) -> None:
        """End a call whose answer is complete; the rest of its request, if any, is given up."""
        if self._sender.forget(stream):
            self._sender.put(frames.reset(stream.number, ErrorCode.CANCEL))
        self._remove(stream, status)

    def refuse(self, stream: Stream[Owner], status: Status) -> None:
        """End a call because of what the peer sent on it, and tell the peer."""
        self._sender.put(frames.reset(stream.number, ErrorCode.CANCEL))
        self.abandon(stream, status)

    def abandon(self, stream: Stream[Owner], status: Status) -> None:
        """End a call of which the peer neither sends nor takes any more."""
        self._sender.forget(stream)
        self._remove(stream, status)

    def cancel(self, stream: Stream[Owner]) -> None:
        """End a call that its owner has given up; nothing more is told of it."""
        stream.arrived = []
        if self.active.pop(stream.number, None) is not None:
            self._sender.forget(stream)
            self._sender.put(frames.reset(stream.number, ErrorCode.CANCEL))
            self.fill()
        elif stream in self._waiting:
            self._waiting.remove(stream)

    def drain(self, last: int) -> None:
        """Begin no further call, and end those above `last`: the peer has not begun with them."""
        self.draining = True
        self._end_waiting()
        for stream in [item for number, item in self.active.items() if number > last]:
            self.abandon(stream, _NOT_BEGUN)

    def end_all(self, status: Status) -> None:
        """End every call because the connection has ended."""
        self.draining = True
        self._end_waiting()
        for stream in self.active.values():
            self._tell(stream, status)
        self.active.clear()

    def take_touched(self) -> list[Stream[Owner]]:
        """Return `touched` and begin a new one."""
        touched, self.touched = self.touched, []
        return touched

    def _remove(self, stream: Stream[Owner], status: Status) -> None:
        del self.active[stream.number]
        self._tell(stream, status)
        self.fill()

    def _end_waiting(self) -> None:
        for stream in self._waiting:
            self._tell(stream, _NOT_BEGUN)
        self._waiting.clear()

    def _tell(self, stream: Stream[Owner], status: Status) -> None:
        stream.status = status
        if not stream.arrived:
            self.touched.append(stream)
