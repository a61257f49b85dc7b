"""Running a worker in this process until a signal ends it."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import TYPE_CHECKING

from bridge.app import bracketed
from bridge.backends.balanced import PushBalanced
from bridge.config import ConfigError
from bridge.observability.metrics import Metrics
from bridge.operators.health import Health
from bridge.wiring import make_backend, require_nats

if TYPE_CHECKING:
    from bridge.config import Config
    from bridge.operators.worker import Worker

logger = logging.getLogger(__name__)


def make_worker(config: Config, metrics: Metrics | None = None) -> Worker:
    """Return a worker; it has not connected yet.

    Args:
        config: all settings.
        metrics: where to count; None counts for nobody.

    Raises:
        ConfigError: a setting is missing or wrong, or the extra is not installed.
    """
    require_nats()
    from bridge.operators.worker import Worker  # noqa: PLC0415 - optional

    if config.nats.url is None:
        raise ConfigError("nats.url: where is the request plane? Set it, or --nats")
    backend = make_backend(config, metrics)
    if not isinstance(backend, PushBalanced):
        raise ConfigError("triton_transport: a worker needs native")
    return Worker(config, backend)


async def serve(config: Config) -> None:
    """Run until SIGINT or SIGTERM; a second signal ends running generations at once.

    Raises:
        ConfigError: see `make_worker`.
        OSError: the address of the health port cannot be bound.
    """
    metrics = Metrics()
    worker = make_worker(config, metrics)
    health = Health(metrics, worker.not_ready)
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            worker.hurry()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    try:
        if config.nats.health_port is not None:
            port = await health.start(config.host, config.nats.health_port)
            logger.info("health and metrics on http://%s:%d", bracketed(config.host), port)
        await worker.start()
        logger.info("worker %s", worker.component_id)
        await stop.wait()
        logger.info("stopping")
    finally:
        try:
            await worker.stop()
        finally:
            await health.stop()
