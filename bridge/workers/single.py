"""Running one bridge in this process until a signal ends it."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.app import Bridge

logger = logging.getLogger(__name__)

Started = Callable[[int, int], None]
"""Called once with the HTTP port and the gRPC port, when both are open."""


async def serve(bridge: Bridge, started: Started) -> None:
    """Run a bridge until SIGINT or SIGTERM; a second signal stops it at once.

    Raises:
        OSError: an address cannot be bound.
        ConfigError: the configuration names no upstream.
    """
    stop, now = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        (now if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    try:
        await bridge.start()
        started(bridge.http_port, bridge.grpc_port)
        await stop.wait()
        logger.info("stopping")
    finally:
        await _stop(bridge, now)


async def _stop(bridge: Bridge, now: asyncio.Event) -> None:
    graceful = asyncio.create_task(bridge.stop())
    hurry = asyncio.create_task(now.wait())
    await asyncio.wait({graceful, hurry}, return_when=asyncio.FIRST_COMPLETED)
    hurry.cancel()
    if not graceful.done():
        graceful.cancel()
        await asyncio.gather(graceful, return_exceptions=True)
        await bridge.disconnect()
        return
    await graceful
