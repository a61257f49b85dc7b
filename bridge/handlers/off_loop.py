"""Work that would hold up the event loop, done in a thread."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from bridge.protocol.tokenizer import LONG_TEXT

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


async def off_loop(work: Callable[[], T], size: int) -> T:
    """Do the work of a tokenizer on `size` characters or ids, in a thread where it takes long."""
    return work() if size < LONG_TEXT else await asyncio.to_thread(work)
