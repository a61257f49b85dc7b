"""A worker: finds the models, offers them where frontends look, answers requests, leaves in good order."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import secrets
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from bridge.config import ConfigError
from bridge.dynamo.answering import Answering
from bridge.dynamo.etcd_store import EtcdStore
from bridge.dynamo.file_store import FileStore, prepare
from bridge.dynamo.listener import Listener
from bridge.dynamo.presence import Presence
from bridge.observability.metrics import Metrics
from bridge.observability.tracing import open_tracing
from bridge.protection import Protection
from bridge.protocol.dynamo.records import Place, records
from bridge.routes import Routes
from bridge.wiring import make_handlers

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.config import Config, Dynamo
    from bridge.handlers.catalog import Catalog
    from bridge.protocol.dynamo.records import Key
    from bridge.wiring import Handlers

logger = logging.getLogger(__name__)

CUT_OFF: Final = 1.0
"""Seconds at a stop in which requests that were failed may still say so."""
LINGER: Final = 0.5
"""Seconds at a stop in which requests are still taken, until frontends have seen that the worker leaves."""
SOMEWHERE: Final = {4: (socket.AF_INET, "192.0.2.1"), 6: (socket.AF_INET6, "2001:db8::1")}
"""Addresses of nobody's, for asking which of our own would be used; nothing is sent there."""


class DynamoWorker:
    """See the module: `start` it, `stop` it."""

    def __init__(self, config: Config) -> None:
        """Prepare; nothing connects or listens yet.

        Raises:
            ConfigError: `dynamo.url` is missing, or anything of what the models need is broken.
        """
        if config.dynamo.url is None:
            raise ConfigError("dynamo.url: where do Dynamo's frontends look? Set it, or --dynamo")
        self._config = config
        self._metrics = Metrics()
        self._protection = Protection(config, self._metrics)
        self._routes = Routes(config)
        self._tracing = open_tracing() if config.tracing else None
        self._presence = Presence(_store(config.dynamo))
        self._hurrying = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._handlers: Handlers
        self._catalog: Catalog
        self._answering: Answering
        self._listener: Listener
        self._place: Place

    async def start(self) -> None:
        """Find the models, listen, and offer them as soon as the place where frontends look can be reached.

        Raises:
            ConfigError: the models are those of another bridge, the folder of `dynamo.url` cannot be written
                to, or the machine's own address is not known.
            OSError: the address cannot be bound.
        """
        config = self._config
        handlers = make_handlers(config, self._routes, self._protection, self._metrics)
        if handlers.catalog is None:
            raise ConfigError("upstream: a worker of Dynamo needs triton, or a request plane (nats://)")
        if config.dynamo.folder is not None:
            await asyncio.to_thread(_prepare, config.dynamo.folder)
        self._handlers, self._catalog = handlers, handlers.catalog
        self._answering = Answering(config, handlers, self._protection, self._metrics, self._tracing)
        self._listener = Listener(self._answering.accept, config.max_request_bytes)
        host = told_address(config.dynamo)
        address = f"{host}:{await self._listener.start(config.dynamo.host, config.dynamo.port)}"
        self._place = Place(
            namespace=config.dynamo.namespace, instance=secrets.randbits(63) or 1, address=address
        )
        await self._look()
        # The first one makes offers, which must end before the worker can leave.
        loops = (self._poll(), self._presence.keep(), self._protection.watch(config.poll_interval))
        self._tasks = [asyncio.create_task(one) for one in loops]
        logger.info("worker %x of Dynamo (experimental), requests on %s", self._place.instance, address)

    async def stop(self) -> None:
        """Leave first, let running requests end for so long as is configured, fail the rest."""
        looking, *others = self._tasks
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await self._presence.leave()
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._presence.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                await self._hurrying.wait()
        self._protection.close()
        await self._protection.emptied(self._config.drain_timeout)
        # What still runs fails now, and says why.
        await self._handlers.close()
        await self._answering.ended(CUT_OFF)
        await self._listener.stop()
        if self._tracing is not None:
            await self._tracing.close()

    def hurry(self) -> None:
        """Do not wait for running requests any longer."""
        self._hurrying.set()
        self._protection.hurry()

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._config.poll_interval)
            try:
                await self._look()
            except Exception:  # a bug must not leave the models as they are for ever
                logger.exception("bug while looking for models")

    async def _look(self) -> None:
        """Offer the models that generate text and can be asked now."""
        await self._catalog.refresh()
        offered: dict[Key, bytes] = {}
        paths: dict[str, str] = {}
        for name, found in sorted(self._catalog.found.items()):
            if found.model is not None and not self._catalog.is_away(name):
                offered |= records(self._place, name, found.model.max_model_len)
                paths[self._place.path(name)] = name
        if paths.keys() != self._answering.paths.keys():
            logger.info("offering %d models", len(paths))
        self._answering.paths = paths
        self._presence.offer(offered)


def _store(settings: Dynamo) -> FileStore | EtcdStore:
    return EtcdStore(settings.etcd) if settings.folder is None else FileStore(settings.folder)


def _prepare(folder: Path) -> None:
    try:
        prepare(folder)
    except OSError as exc:
        raise ConfigError(f"dynamo.url: {exc.filename}: {exc.strerror}") from exc


def told_address(settings: Dynamo) -> str:
    """Return the address that frontends are told, as it stands before a port.

    Raises:
        ConfigError: it is the machine's own, and that is not known.
    """
    host = settings.advertise or settings.host
    ip = ipaddress.ip_address(host)
    if ip.is_unspecified:
        host = _own_address(*SOMEWHERE[ip.version])
    return f"[{host}]" if ":" in host else host


def _own_address(family: int, somewhere: str) -> str:
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((somewhere, 9))
        except OSError as exc:
            raise ConfigError("dynamo.advertise: is required, the machine has no address of its own") from exc
        own: str = probe.getsockname()[0]
    return own
