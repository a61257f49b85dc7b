"""The queue groups that a worker is in: one for each model and version, all left while it is full."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.backends.nats_wire import Connection
    from bridge.protocol.icp_subjects import Subjects
    from bridge.protocol.nats_wire import Message

REJOIN = 0.9
"""Part of the capacity below which a worker that was full takes requests again."""


class Offers:
    """See the module. Changes are made one after the other, in the background."""

    def __init__(self, subjects: Subjects, capacity: int, take: Callable[[Message], object]) -> None:
        """Begin with no model, and no connection.

        Args:
            subjects: of the plane.
            capacity: requests at once.
            take: runs a request.
        """
        self.models: Mapping[str, str] = {}
        """Versions of each ready model, with spaces between them."""
        self.joined: dict[str, bytes] = {}
        """Subscriptions by subject."""
        self._subjects = subjects
        self._capacity = capacity
        self._take = take
        self._connection: Connection | None = None
        self._full = self._draining = False
        self._wanted = asyncio.Event()
        self._changing = asyncio.Lock()
        self._leaving: asyncio.Task[None] | None = None

    @property
    def endpoints(self) -> dict[str, str]:
        """The subject that each model is asked at, whatever its version."""
        return {name: self._subjects.operator(name, "") for name in self.models}

    def offer(self, models: Mapping[str, str]) -> None:
        """Offer these models and no others."""
        self.models = models
        self._wanted.set()

    def running(self, count: int) -> None:
        """Note how many requests run; leave when that is all there is room for."""
        full = count >= self._capacity or (self._full and count > self._capacity * REJOIN)
        if full != self._full:
            self._full = full
            self._wanted.set()

    async def leave(self) -> None:
        """Take nothing more; return when what has arrived already is taken."""
        self._draining = True
        await self._try()

    def use(self, connection: Connection) -> None:
        """Join on a new connection."""
        self._connection = connection
        self._wanted.set()

    def lost(self) -> None:
        """Forget the connection; what was to be left on it is."""
        self._connection, self.joined = None, {}
        if self._leaving is not None:
            self._leaving.cancel()

    async def keep(self) -> None:
        """Join and leave for ever, as is wanted."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self._try()

    async def _try(self) -> None:
        async with self._changing:
            await self._change()

    async def _change(self) -> None:
        connection = self._connection
        if connection is None or connection.is_closed:
            return
        wanted = set() if self._full or self._draining else self._subjects_offered()
        wire, left = connection.wire, [self.joined.pop(subject) for subject in self.joined.keys() - wanted]
        for subject in wanted - self.joined.keys():
            self.joined[subject] = wire.subscribe(subject, self._take, queue=subject)
        for sid in left:
            wire.unsubscribe(sid)
        if left:  # what is on its way is still taken: to forget it would leave its client waiting
            await self._flush(connection)
        for sid in left:
            wire.forget(sid)

    async def _flush(self, connection: Connection) -> None:
        """Wait until what is on its way has come, or the connection is lost: the next one begins anew."""
        self._leaving = asyncio.create_task(connection.flush())
        try:
            await asyncio.wait([self._leaving])
        finally:
            self._leaving.cancel()
            await asyncio.gather(self._leaving, return_exceptions=True)

    def _subjects_offered(self) -> set[str]:
        return {
            self._subjects.operator(name, version)
            for name, versions in self.models.items()
            for version in ("", *versions.replace("|", " ").split())
        }
