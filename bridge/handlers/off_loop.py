"""Work that would hold up the event loop, done in a thread."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

from bridge.errors import BridgeError, Reason
from bridge.protocol.pieces import SMALL, weight_of
from bridge.protocol.tokenizer import LONG_TEXT

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

    from bridge.protocol.tokenizer import Tokenizer

T = TypeVar("T")

LARGE: Final = 256 * 1024
"""Characters or ids from which even a tokenizer's work is done by one thread alone."""

# Several threads would starve the event loop of Python's lock, and the garbage collector would go through
# what all of them make, again and again: eight large requests at once held up all others for 1.2 s.
_REQUESTS: Final = ThreadPoolExecutor(1, "large-requests")
_TEXTS: Final = ThreadPoolExecutor(1, "large-texts")


async def off_loop(work: Callable[[], T], size: int, deadline: float) -> T:
    """Do the work of a tokenizer on `size` characters or ids, in a thread where it takes long.

    Raises:
        BridgeError: TIMEOUT: `deadline`, a time of the loop's clock, has passed.
    """
    if size < LONG_TEXT:
        return work()
    return await _within(deadline, work, _TEXTS if size >= LARGE else None)


async def in_turn(work: Callable[[], T], weight: int, deadline: float) -> T:
    """Do work of our own on a request; on heavy ones (see `pieces`) in a thread, one after the other.

    Raises:
        BridgeError: TIMEOUT: `deadline`, a time of the loop's clock, has passed.
    """
    return work() if weight < SMALL else await _within(deadline, work, _REQUESTS)


async def opened(work: Callable[[], T], request: Message, tokenizer: Tokenizer | None, deadline: float) -> T:
    """Do the work that makes a model's requests of one, with its tokenizer; raises as `in_turn`."""
    if tokenizer is None:
        return await in_turn(work, weight_of(request), deadline)
    return await off_loop(work, request.ByteSize(), deadline)


async def _within(deadline: float, work: Callable[[], T], executor: ThreadPoolExecutor | None) -> T:
    try:
        async with asyncio.timeout_at(deadline):
            return await asyncio.get_running_loop().run_in_executor(executor, work)
    except TimeoutError:
        raise BridgeError(Reason.TIMEOUT, "the time of the request was over before it was read") from None
