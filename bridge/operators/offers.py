"""The queue groups that a worker is in: one for each model and version, all left while it is full."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nats.errors import Error as NatsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

    from bridge.protocol.icp_subjects import Subjects

REJOIN = 0.9
"""Part of the capacity below which a worker that was full takes requests again."""


class Offers:
    """See the module. Changes are made one after the other, in the background."""

    def __init__(self, subjects: Subjects, capacity: int, take: Callable[[Msg], Awaitable[None]]) -> None:
        """Begin with no model, and no connection.

        Args:
            subjects: of the plane.
            capacity: requests at once.
            take: runs a request.
        """
        self.models: Mapping[str, str] = {}
        """Versions of each ready model, with spaces between them."""
        self.joined: dict[str, Subscription] = {}
        """By subject."""
        self._subjects = subjects
        self._capacity = capacity
        self._take = take
        self._client: Client | None = None
        self._full = self._draining = False
        self._wanted = asyncio.Event()
        self._changing = asyncio.Lock()

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

    def use(self, client: Client) -> None:
        """Join on a new connection."""
        self._client = client
        self.joined = {}
        self._wanted.set()

    async def keep(self) -> None:
        """Join and leave for ever, as is wanted."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self._try()

    async def _try(self) -> None:
        try:
            async with self._changing:
                await self._change()
        except (NatsError, OSError, TimeoutError):  # lost: the next connection begins anew
            self._client = None

    async def _change(self) -> None:
        client = self._client
        if client is None or client.is_closed:
            return
        wanted = set() if self._full or self._draining else self._subjects_offered()
        for subject in self.joined.keys() - wanted:
            # What has arrived already is still taken: to forget it would leave its client waiting.
            await self.joined.pop(subject).drain()  # type: ignore[no-untyped-call]
        for subject in wanted - self.joined.keys():
            self.joined[subject] = await client.subscribe(subject, queue=subject, cb=self._take)

    def _subjects_offered(self) -> set[str]:
        return {
            self._subjects.operator(name, version)
            for name, versions in self.models.items()
            for version in ("", *versions.replace("|", " ").split())
        }
