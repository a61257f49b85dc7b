"""A limit on silence that costs one clock reading per response, not one timer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class IdleWatch:
    """Calls `expire` once when a wait lasts longer than its limit.

    Only the time between `wait` and `pause` counts: a client that reads slowly is not a model that
    is silent.
    """

    def __init__(self, expire: Callable[[], object]) -> None:
        self._loop = asyncio.get_running_loop()
        self._expire = expire
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.expired = False
        """Whether `expire` was called."""

    def wait(self, limit: float) -> None:
        """Begin a wait of at most `limit` seconds."""
        self._deadline = self._loop.time() + limit
        if self._timer is None or self._deadline < self._timer.when():
            self._arm(self._deadline)

    def pause(self) -> None:
        """End the wait; the timer stays and finds nothing to do."""
        self._deadline = None

    def stop(self) -> None:
        """End the watch."""
        self._deadline = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._check)

    def _check(self) -> None:
        self._timer = None
        if self._deadline is None:
            return
        if self._loop.time() < self._deadline:
            self._arm(self._deadline)
            return
        self.expired = True
        self._expire()
