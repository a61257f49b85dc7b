"""One call on a connection: its state in both directions. `Connection` changes it, its owner reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from bridge.protocol.h2grpc.codes import DEFAULT_WINDOW, MAX_WINDOW
from bridge.protocol.h2grpc.messages import Deframer, with_prefix

if TYPE_CHECKING:
    from bridge.protocol.h2grpc.status import Status

Owner = TypeVar("Owner")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a connection accepts, in bytes."""

    message: int = 64 * 1024 * 1024
    """Largest message; a larger one ends its call with RESOURCE_EXHAUSTED."""
    stream_window: int = 256 * 1024
    """What the peer may send on one call before it hears that it was read, and on a paused one at most."""
    connection_window: int = 16 * 1024 * 1024
    """The same for all calls together; a paused call takes nothing from it."""
    header_list: int = 16 * 1024
    """Largest header list; a larger one ends its call with RESOURCE_EXHAUSTED."""

    def __post_init__(self) -> None:
        """Refuse windows that HTTP/2 does not have, or that the peer would not know of in time."""
        for window in (self.stream_window, self.connection_window):
            if not DEFAULT_WINDOW <= window <= MAX_WINDOW:
                raise ValueError(f"a window must be {DEFAULT_WINDOW} to {MAX_WINDOW} bytes, not {window}")


class Stream(Generic[Owner]):
    """One call. Whoever gets it from `Connection.receive` takes `arrived` and leaves an empty list."""

    __slots__ = (
        "arrived",
        "block",
        "body",
        "credit",
        "deframer",
        "floor",
        "http",
        "number",
        "owner",
        "paused",
        "send_window",
        "status",
        "whole",
    )

    def __init__(self, owner: Owner, block: bytes, message: bytes, limits: Limits) -> None:
        """Prepare a call; the connection numbers it when it begins.

        Args:
            owner: whom it belongs to; the connection only carries it.
            block: header block of the request.
            message: the only message of the request.
            limits: of the connection.
        """
        self.owner = owner
        self.number = 0
        self.arrived: list[bytes] = []
        """Messages that nobody has taken yet."""
        self.status: Status | None = None
        """How the call ended, once it has."""
        self.http = 0
        """`:status` of the answer; 0 before it."""
        self.whole = False
        """The answer has begun and no message is unfinished: the fast way may be taken."""
        self.deframer = Deframer(limits.message)
        self.credit = limits.stream_window
        """Bytes that the peer may still send."""
        self.floor = limits.stream_window // 2
        """The credit below which the peer is told that it may send more."""
        self.paused = False
        self.block = block
        self.body = memoryview(with_prefix(message))
        """What of the request is not sent yet."""
        self.send_window = 0
        """Bytes of the body that the peer takes; may be negative."""
