"""One gRPC call over a channel: its deadline, its second try, and the end that its receiver hears.

Knows no message; who receives it does.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from bridge.protocol.h2grpc.status import Status, StatusCode

if TYPE_CHECKING:
    from bridge.backends.base import Metadata
    from bridge.backends.h2link import Link
    from bridge.protocol.h2grpc.stream import Stream

_DEADLINE: Final = Status(StatusCode.DEADLINE_EXCEEDED, "the deadline passed")


class Receiver(Protocol):
    """Hears what comes of a call; called from the connection's reader."""

    def messages(self, batch: list[bytes]) -> None:
        """Take the messages that one read brought."""

    def ended(self, status: Status) -> None:
        """Take the end, exactly once and last."""


class Starter(Protocol):
    """Begins calls, on whatever connection there is."""

    def start(self, call: Call) -> None:
        """Begin a call as soon as possible."""

    def forget(self, call: Call) -> None:
        """Do not begin a call that waits."""


class Call:
    """See the module. Made by a channel."""

    def __init__(
        self,
        starter: Starter,
        path: str,
        message: bytes,
        *,
        deadline: float,
        receiver: Receiver,
        metadata: Metadata = (),
    ) -> None:
        """Prepare a call; the channel starts it.

        Args:
            starter: where to go again if the peer has not begun with the call.
            path: /package.Service/Method.
            message: the request, serialized.
            deadline: time of the event loop's clock at which the call ends.
            receiver: hears what comes.
            metadata: goes with the message.
        """
        self.path = path
        self.metadata = metadata
        self.message: bytes | None = message
        """The request, until the answer begins: from then on the call cannot be made again."""
        self.deadline = deadline
        self.receiver = receiver
        self.paused = False
        self._starter = starter
        self._retried = False
        self._over = False
        self._link: Link | None = None
        self._stream: Stream[Call] | None = None
        self._timer = asyncio.get_running_loop().call_at(deadline, self._expire)

    def begun(self, link: Link, stream: Stream[Call]) -> None:
        """Take the place where the call runs."""
        self._link, self._stream = link, stream

    def pause(self) -> None:
        """Stop the peer's sending on this call."""
        self.paused = True
        if self._link is not None and self._stream is not None:
            self._link.pause(self._stream)

    def resume(self) -> None:
        """Let the peer send again."""
        self.paused = False
        if self._link is not None and self._stream is not None:
            self._link.resume(self._stream)

    def cancel(self) -> None:
        """End the call; its receiver hears nothing more. One that has ended stays as it is."""
        if self._over:
            return
        self._finish()
        if self._link is not None and self._stream is not None:
            self._link.cancel(self._stream)
        else:
            self._starter.forget(self)

    def ended(self, status: Status) -> None:
        """Take the end from the connection: it is the receiver's, unless a second try is allowed."""
        if self._over:
            return
        if status.unprocessed and self.message is not None and not self._retried:
            self._retried = True
            self._link = self._stream = None
            self._starter.start(self)
            return
        self._finish()
        self.receiver.ended(status)

    def _expire(self) -> None:
        if not self._over:
            self.cancel()
            self.receiver.ended(_DEADLINE)

    def _finish(self) -> None:
        self._over = True
        self._timer.cancel()
