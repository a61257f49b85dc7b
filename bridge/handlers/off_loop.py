"""Work that would hold up the event loop, done in a thread."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

from bridge.protocol.pieces import SMALL
from bridge.protocol.tokenizer import LONG_TEXT

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

LARGE: Final = 256 * 1024
"""Characters or ids from which even a tokenizer's work is done by one thread alone."""

# Several threads would starve the event loop of Python's lock, and the garbage collector would go through
# what all of them make, again and again: eight large requests at once held up all others for 1.2 s.
_ALONE: Final = ThreadPoolExecutor(1, "large-requests")


async def off_loop(work: Callable[[], T], size: int) -> T:
    """Do the work of a tokenizer on `size` characters or ids, in a thread where it takes long."""
    if size < LONG_TEXT:
        return work()
    return await (asyncio.to_thread(work) if size < LARGE else _alone(work))


async def in_turn(work: Callable[[], T], size: int) -> T:
    """Do work of our own on a request of `size` bytes; on large ones in a thread, one after the other."""
    return work() if size < SMALL else await _alone(work)


async def _alone(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(_ALONE, work)
