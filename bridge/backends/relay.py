"""A pushed generation that goes to another server while nothing has come of it.

Rule: nothing stands between the server's reader and the sink after the first response.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.backends.base import Backend
    from bridge.backends.push import Handle, Sink
    from bridge.backends.trial import Trial
    from bridge.backends.upstream import Upstream
    from bridge.errors import BridgeError
    from bridge.protocol.alike import Received


class Relay:
    """The sink of each try, and the handle of whoever has opened the generation."""

    __slots__ = ("_clock", "_handle", "_open_on", "_sink", "_trial", "pause", "responses", "resume")
    responses: Callable[[Sequence[Received]], None]
    """See `Sink.responses`: our own for the first ones, then the sink's."""
    pause: Callable[[], None]
    """See `Handle.pause`: the running try's own."""
    resume: Callable[[], None]
    """See `Handle.resume`: the running try's own."""

    def __init__(self, trial: Trial, sink: Sink, open_on: Callable[[Backend, Sink], Handle]) -> None:
        """Begin the generation.

        Args:
            trial: where it runs.
            sink: hears what comes, once.
            open_on: opens it on a server.

        Raises:
            BridgeError: no server can take it.
        """
        self._trial = trial
        self._sink = sink
        self._open_on = open_on
        self._clock = asyncio.get_running_loop().time
        self.responses = self._first
        self._go(trial.start(self._clock()))

    def ended(self, error: BridgeError | None) -> None:
        """See `Sink.ended`."""
        if error is not None and self._moved(error):
            return
        self._leave()
        self._sink.ended(error)

    def cancel(self) -> None:
        """See `Handle.cancel`."""
        self._leave()
        self._handle.cancel()

    def give_up(self, error: BridgeError) -> None:
        """See `Waiter.give_up`."""
        silent = self._handle
        if self._trial.may_move(error, self._clock()) and self._moved(error):
            silent.cancel()

    def _moved(self, error: BridgeError) -> bool:
        """Go to another server, if the trial says so."""
        self._trial.upstream.waiting.pop(self, None)
        following = self._trial.failed(error, self._clock())
        if following is not None:
            self._go(following)
        return following is not None

    def _go(self, upstream: Upstream) -> None:
        handle = self._open_on(upstream.backend, self)
        self._handle, self.pause, self.resume = handle, handle.pause, handle.resume
        upstream.waiting[self] = None

    def _first(self, batch: Sequence[Received]) -> None:
        self.responses = self._sink.responses
        del self._open_on  # it has the request, which nobody needs again
        self._trial.upstream.waiting.pop(self, None)
        self._trial.answered(self._clock())
        self.responses(batch)

    def _leave(self) -> None:
        self._trial.upstream.waiting.pop(self, None)
        self._trial.over()
