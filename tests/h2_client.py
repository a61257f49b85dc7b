"""A client connection without a socket, and what its owner has seen of each call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.protocol.h2grpc.connection import Connection
from tests import scripted_h2 as h2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.protocol.h2grpc.status import Status
    from bridge.protocol.h2grpc.stream import Limits, Stream


@dataclass(eq=False)
class Seen:
    """What came of one call."""

    batches: list[list[bytes]] = field(default_factory=list)
    status: Status | None = None
    stream: Stream[Seen] | None = None

    @property
    def messages(self) -> list[bytes]:
        return [message for batch in self.batches for message in batch]


class Client:
    """A connection that was greeted, unless it says otherwise."""

    def __init__(self, limits: Limits | None = None, *, greeted: bool = True, **settings: int) -> None:
        self.connection: Connection[Seen] = Connection(limits)
        self.hello = self.connection.data_to_send()
        if greeted:
            self.receive(h2.settings(**settings))
            self.sent()

    def call(self, message: bytes = b"question", block: bytes = b"\x82") -> Seen:
        """Open a call."""
        seen = Seen()
        seen.stream = self.connection.open(seen, block, message)
        return seen

    def begun(self, message: bytes = b"question") -> Seen:
        """Open a call and begin its answer."""
        seen = self.call(message)
        self.sent()
        assert seen.stream is not None
        self.receive(h2.head(seen.stream.number))
        return seen

    def receive(self, *parts: bytes) -> None:
        """Take bytes of the peer and hand them over as a reader does."""
        self.take(self.connection.receive(b"".join(parts)))

    def take(self, streams: Sequence[Stream[Seen]]) -> None:
        assert len(set(map(id, streams))) == len(streams), "a call is told twice of one read"
        for stream in streams:
            seen = stream.owner
            assert stream.arrived or stream.status, "a call is told of nothing"
            assert seen.status is None, "something came after the end"
            if stream.arrived:
                seen.batches.append(stream.arrived)
                stream.arrived = []
            seen.status = stream.status

    def sent(self) -> list[h2.Frame]:
        """Return the frames to be sent, once."""
        return list(frames(self.connection.data_to_send()))


def frames(data: bytes) -> list[h2.Frame]:
    """Take bytes apart; they must be whole frames."""
    found = []
    while data:
        size = int.from_bytes(data[:3], "big")
        assert len(data) >= 9 + size, "an unfinished frame"
        found.append(h2.Frame(data[3], data[4], int.from_bytes(data[5:9], "big"), data[9 : 9 + size]))
        data = data[9 + size :]
    return found
