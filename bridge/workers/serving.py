"""Running a bridge in as many processes as the configuration says."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bridge.app import Bridge, bracketed
from bridge.config.access import exposures
from bridge.workers import single
from bridge.workers.ports import held
from bridge.workers.supervisor import Supervisor

if TYPE_CHECKING:
    from bridge.config import Config
    from bridge.workers.single import Started

logger = logging.getLogger(__name__)

SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a file there is never written to a disk
ROOM: Final = 16 * 1024 * 1024
"""Free bytes below which it is left alone: containers often have little, and Triton needs it."""


async def serve(config: Config, started: Started | None = None, *, log_prefix: str = "") -> None:
    """Run until SIGINT or SIGTERM; a second signal ends running requests at once.

    Args:
        config: all settings.
        started: called once, when both ports are open, in all processes.
        log_prefix: of the text lines of the workers' logs.

    Raises:
        OSError: an address cannot be bound.
        ConfigError: a setting is wrong, or this system cannot share a port.
        WorkersFailed: a worker ended again and again.
    """

    def listening(http_port: int, grpc_port: int) -> None:
        scheme = "http" if config.tls is None else "https"
        logger.info("HTTP on %s://%s:%d", scheme, bracketed(config.host), http_port)
        logger.info("gRPC on %s:%d", bracketed(config.host), grpc_port)
        for exposure in exposures(config):
            logger.warning(exposure)
        if started is not None:
            started(http_port, grpc_port)

    if config.workers == 1:
        await single.serve(Bridge(config), listening)
        return
    with ExitStack() as stack:
        http_port = stack.enter_context(held(config.host, config.http_port))
        grpc_port = stack.enter_context(held(config.host, config.grpc_port))
        counts = stack.enter_context(tempfile.TemporaryDirectory(prefix="openai-bridge-", dir=_place()))
        supervisor = Supervisor(
            replace(config, http_port=http_port, grpc_port=grpc_port), Path(counts), log_prefix=log_prefix
        )
        await supervisor.run(listening)


def _place() -> Path | None:
    """Return where the counts go; None is the system's directory for temporary files."""
    usable = os.access(SHARED_MEMORY, os.W_OK) and shutil.disk_usage(SHARED_MEMORY).free >= ROOM
    return SHARED_MEMORY if usable else None
