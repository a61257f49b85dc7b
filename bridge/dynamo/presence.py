"""What a worker tells of itself where frontends look: kept as it should be, and taken away at the end.

The place may go away and come back; what was written is then written again.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.protocol.dynamo.records import Key

logger = logging.getLogger(__name__)

BEAT: Final = 3.0
"""Seconds between two signs of life."""
TIME_TO_LIVE: Final = 10
"""Seconds without one after which a worker is gone."""
RETRY: Final = 1.0
"""Seconds between two tries where the place is away."""
LEAVE_TIMEOUT: Final = 3.0
"""Seconds that taking the records away may take; they go by themselves a little later."""

AWAY: Final = (OSError, TimeoutError, aiohttp.ClientError)
"""What a store that is away raises."""


class Store(Protocol):
    """Where the records are. All raise one of `AWAY`."""

    async def beat(self) -> bool:
        """Give a sign of life; return whether all that was written is still there."""

    async def write(self, key: Key, value: bytes) -> None:
        """Write a record, in one step."""

    async def remove(self, key: Key) -> None:
        """Remove a record, if it is there."""

    async def close(self) -> None:
        """End, without a word to anybody: what is left goes by itself. Raises nothing."""


class Presence:
    """Keeps the records of one worker in a store."""

    def __init__(self, store: Store) -> None:
        """Begin with none; `keep` writes them."""
        self._store = store
        self._wanted: dict[Key, bytes] = {}
        self._written: dict[Key, bytes] = {}
        self._changed = asyncio.Event()
        self._lock = asyncio.Lock()
        self._away = self._leaving = False
        self._certain = True
        """Whether what was written is still there."""

    def offer(self, records: Mapping[Key, bytes]) -> None:
        """Let these be the records, written in their order and removed in the opposite one."""
        if dict(records) != self._wanted:
            self._wanted = dict(records)
            self._changed.set()

    async def keep(self) -> None:
        """Write, remove and give signs of life, until it is left."""
        while not self._leaving:
            self._changed.clear()
            try:
                async with self._lock:
                    if not self._leaving:
                        await self._settle()
            except AWAY as exc:
                self._note(exc)
            except Exception:  # a bug must not take the worker away without a word
                logger.exception("bug while telling frontends of the models")
            else:
                self._note(None)
            with suppress(TimeoutError):
                async with asyncio.timeout(RETRY if self._away else BEAT):
                    await self._changed.wait()

    async def leave(self) -> None:
        """Remove all records, within a bounded time. Nothing may be offered any more."""
        self._wanted, self._leaving = {}, True
        self._changed.set()
        try:
            async with asyncio.timeout(LEAVE_TIMEOUT), self._lock:
                await self._settle()
        except AWAY as exc:
            logger.warning("the records for frontends were not removed: %s", type(exc).__name__)

    async def close(self) -> None:
        """Let go of the store, once nothing keeps or leaves any more; it may be away."""
        await self._store.close()

    def _note(self, why: Exception | None) -> None:
        """Note whether the place can be reached, and tell when that changes."""
        if why is not None:
            self._certain = False  # who knows what is there now
        if why is not None and not self._away:
            logger.warning("the place where frontends look is away: %s", type(why).__name__)
        elif why is None and self._away:
            logger.info("the place where frontends look is back")
        self._away = why is not None

    async def _settle(self) -> None:
        if not await self._store.beat():
            self._certain = False
        for key in [key for key in reversed(self._written) if key not in self._wanted]:
            await self._store.remove(key)
            del self._written[key]
        for key, value in self._wanted.items():
            if not (self._certain and self._written.get(key) == value):
                self._written[key] = value  # even if this fails: it may be there then
                await self._store.write(key, value)
        self._certain = True
