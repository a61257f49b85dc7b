"""How late the event loop is: one that has too much to do, or is blocked, makes every request wait."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bridge.observability.instruments import Series

INTERVAL: Final = 0.25
"""Seconds between two looks."""


async def measure(lag: Series) -> None:
    """Observe, until it is cancelled, by how many seconds the loop wakes us too late."""
    clock = asyncio.get_running_loop().time
    while True:
        due = clock() + INTERVAL
        await asyncio.sleep(INTERVAL)
        lag.add(max(clock() - due, 0.0))
