"""Running a worker of Dynamo in this process until a signal ends it."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import TYPE_CHECKING

from bridge.dynamo.worker import DynamoWorker

if TYPE_CHECKING:
    from bridge.config import Config

logger = logging.getLogger(__name__)


async def serve(config: Config) -> None:
    """Run until SIGINT or SIGTERM; a second signal fails running requests at once.

    Raises:
        ConfigError: a setting is missing or wrong.
        OSError: an address cannot be bound.
    """
    worker = DynamoWorker(config)
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            worker.hurry()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    await worker.start()
    await stop.wait()
    logger.info("stopping")
    await worker.stop()
