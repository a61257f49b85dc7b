"""One request that a worker runs: from the model's responses to numbered messages, within the credit given.

Everything that one turn of the event loop brings leaves in one message, at its end.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from bridge.errors import BridgeError, Reason, public
from bridge.protocol import icp
from bridge.protocol.icp_batches import Outgoing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.backends.push import Handle
    from bridge.protocol.alike import Received
    from bridge.protocol.icp import Opening


class Post(Protocol):
    """Sends; see `Link.post`."""

    def __call__(self, subject: str, data: bytes) -> None:
        """Send a message."""


class Operation:
    """A sink of the generation, and what the front end's control messages act upon."""

    def __init__(
        self,
        opening: Opening,
        *,
        output: str,
        post: Post,
        max_payload: int,
        over: Callable[[BridgeError | None], object],
    ) -> None:
        """Prepare; `begin` runs it.

        Args:
            opening: what the front end asked for.
            output: name of the text.
            post: sends.
            max_payload: bytes of the largest message.
            over: hears of the end, once.
        """
        self.opening = opening
        self.stalls = 0
        """Times that the credit was used up."""
        self._post = post
        self._max = max_payload
        self._over = over
        self._credit = opening.credit
        self._ready = Outgoing(output, batch=opening.batch, texts=opening.texts, max_payload=max_payload)
        self._last: bytes | None = None
        self._error: BridgeError | None = None
        self._scheduled = self._paused = self._done = False
        self._handle: Handle | None = None
        self._loop = asyncio.get_running_loop()

    @property
    def sent(self) -> int:
        """Responses that have left."""
        return self._ready.sent

    @property
    def waiting(self) -> int:
        """Bytes that wait for credit."""
        return self._ready.size

    def begin(self, open_with: Callable[[Operation], Handle]) -> None:
        """Run it on a backend."""
        try:
            self._handle = open_with(self)
        except Exception as exc:  # noqa: BLE001 - a bug in one request must not stop the worker
            self.ended(public(exc))

    def responses(self, batch: Sequence[Received]) -> None:
        """See `Sink.responses`."""
        self._ready.add(batch)
        self._schedule()

    def ended(self, error: BridgeError | None) -> None:
        """See `Sink.ended`."""
        self._finish(error)

    def grant(self, credit: int) -> None:
        """Let so many more responses leave."""
        self._credit += credit
        self._schedule()

    def cancel(self, error: BridgeError | None = None) -> None:
        """Give the generation up; the front end hears why, if it still hears."""
        if self._done:
            return
        if self._handle is not None:
            self._handle.cancel()
        self._ready.clear()
        self._last = None  # an end that waited behind responses goes with them
        self._finish(error, cancelled=error is None)
        self._flush()

    def _finish(self, error: BridgeError | None, *, cancelled: bool = False) -> None:
        if self._last is None:
            self._error = error
            self._last = icp.final(self.opening.request_id, error, cancelled=cancelled)
            self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled and not self._done:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        while self._ready and self._credit > 0 and not self._done:
            self._leave()
        if self._done:
            return
        if self._ready:
            self._hold()
        elif self._last is not None:
            self._done = True
            self._post(self.opening.inbox, self._ready.last(self._last))
            self._over(self._error)
        elif self._paused and self._credit > 0 and self._handle is not None:
            self._paused = False
            self._handle.resume()

    def _leave(self) -> None:
        """Send one message, or fail: a response is larger than the plane's messages."""
        before = self._ready.sent
        if message := self._ready.take(self._credit):
            self._credit -= self._ready.sent - before
            self._post(self.opening.inbox, message)
            return
        self._ready.clear()
        if self._handle is not None:
            self._handle.cancel()
        what = f"a response of the model is larger than the {self._max} bytes of a NATS message"
        self._last = None
        self._finish(BridgeError(Reason.BACKEND_ERROR, what))

    def _hold(self) -> None:
        if not self._paused and self._handle is not None and self._last is None:
            self._paused = True
            self.stalls += 1
            self._handle.pause()
