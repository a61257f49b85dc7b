"""Waiting for what happens elsewhere: in another process, or in a task that tells nobody."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

POLL = 0.005


async def eventually(holds: Callable[[], object], within: float = 5.0) -> None:
    """Return once `holds()` is true; look every 5 ms, at most `within` seconds.

    Raises:
        TimeoutError: it never was.
    """
    async with asyncio.timeout(within):
        while True:
            if holds():
                return
            await asyncio.sleep(POLL)
