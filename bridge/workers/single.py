"""Running one bridge in this process until a signal ends it."""

from __future__ import annotations

import asyncio
import gc
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
    """Run a bridge until SIGINT or SIGTERM; a second signal ends running requests at once.

    SIGHUP reads keys and certificates again; where there are none it ends the process, as it always did.

    Raises:
        OSError: an address cannot be bound.
        ConfigError: the configuration names no upstream.
    """
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            bridge.protection.hurry()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    if bridge.protection.reloads:
        loop.add_signal_handler(signal.SIGHUP, bridge.protection.reload)
    try:
        await bridge.start()
        _settle()
        started(bridge.http_port, bridge.grpc_port)
        await stop.wait()
        logger.info("stopping")
    finally:
        await bridge.stop()


def _settle() -> None:
    """Take what was made at the start out of the garbage collector's rounds.

    It is some 60 000 objects that stay to the end. Looking at them again and again was a tenth of a
    request's cost.
    """
    gc.collect()
    gc.freeze()
