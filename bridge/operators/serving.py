"""Running a worker in this process until a signal ends it."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import TYPE_CHECKING

from bridge.backends.balanced import PushBalanced
from bridge.config import ConfigError
from bridge.wiring import make_backend, require_nats

if TYPE_CHECKING:
    from bridge.config import Config
    from bridge.operators.worker import Worker

logger = logging.getLogger(__name__)


def make_worker(config: Config) -> Worker:
    """Return a worker; it has not connected yet.

    Raises:
        ConfigError: a setting is missing or wrong, or the extra is not installed.
    """
    require_nats()
    from bridge.operators.worker import Worker  # noqa: PLC0415 - optional

    if config.nats.url is None:
        raise ConfigError("nats.url: where is the request plane? Set it, or --nats")
    backend = make_backend(config)
    if not isinstance(backend, PushBalanced):
        raise ConfigError("triton_transport: a worker needs native")
    return Worker(config, backend)


async def serve(config: Config) -> None:
    """Run until SIGINT or SIGTERM; a second signal ends running generations at once.

    Raises:
        ConfigError: see `make_worker`.
    """
    worker = make_worker(config)
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            worker.hurry()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    try:
        await worker.start()
        logger.info("worker %s", worker.component_id)
        await stop.wait()
        logger.info("stopping")
    finally:
        await worker.stop()
