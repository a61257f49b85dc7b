"""A call over a channel that is read on when it is given up: see `abandoned`.

Stands between `h2call.Call` and its receiver, and looks like the channel and the call to whoever makes it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from bridge.protocol.h2grpc.status import Status, StatusCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.backends.abandoned import Abandoned
    from bridge.backends.base import Metadata, Stop
    from bridge.backends.h2call import Call, Receiver
    from bridge.backends.h2channel import Channel

_DEADLINE: Final = Status(StatusCode.DEADLINE_EXCEEDED, "the deadline passed")
_CLOSED: Final = Status(StatusCode.CANCELLED, "the channel is closed")


class KeptCalls:
    """Makes kept calls; takes the place of a channel."""

    def __init__(self, channel: Channel, abandoned: Abandoned, stop: Stop) -> None:
        """Prepare.

        Args:
            channel: to the server.
            abandoned: sees off what is given up.
            stop: makes the request that ends the generation.
        """
        self._channel = channel
        self._abandoned = abandoned
        self._stop = stop

    @property
    def closed(self) -> bool:
        """See `Channel.closed`."""
        return self._channel.closed or self._abandoned.closed

    def call(
        self, path: str, message: bytes, *, deadline: float, receiver: Receiver, metadata: Metadata = ()
    ) -> KeptCall:
        """See `Channel.call`."""
        kept = KeptCall(receiver, deadline, self._abandoned, self._stop)
        last = deadline + self._abandoned.limit
        kept.call = self._channel.call(path, message, deadline=last, receiver=kept, metadata=metadata)
        return kept


class KeptCall:
    """A receiver of the call, a handle for its own receiver."""

    __slots__ = ("_abandoned", "_ended", "_left", "_receiver", "_stop", "_timer", "call", "messages")
    messages: Callable[[list[bytes]], None]
    """See `Receiver.messages`: the receiver's own, who takes no notice of what comes when it has left."""
    call: Call

    def __init__(self, receiver: Receiver, deadline: float, abandoned: Abandoned, stop: Stop) -> None:
        loop = asyncio.get_running_loop()
        self._receiver = receiver
        self._abandoned = abandoned
        self._stop = stop
        self._left = False
        self._ended: asyncio.Future[None] = loop.create_future()
        self._timer = loop.call_at(deadline, self._fail, _DEADLINE)
        self.messages = receiver.messages
        abandoned.running[self] = None

    def pause(self) -> None:
        """See `Handle.pause`."""
        self.call.pause()

    def resume(self) -> None:
        """See `Handle.resume`."""
        self.call.resume()

    def cancel(self) -> None:
        """See `Handle.cancel`: the call goes on for `abandoned`."""
        if self._left or self._ended.done():
            return
        self._left = True
        self._over()
        self.call.resume()
        self._abandoned.leave(self._stop, self._ended, self.call.cancel)

    def shut(self) -> None:
        """See `Kept.shut`."""
        self._fail(_CLOSED)

    def ended(self, status: Status) -> None:
        """See `Receiver.ended`."""
        self._ended.set_result(None)
        if not self._left:
            self._over()
            self._receiver.ended(status)

    def _fail(self, status: Status) -> None:
        self.cancel()
        self._receiver.ended(status)

    def _over(self) -> None:
        self._timer.cancel()
        self._abandoned.running.pop(self, None)
