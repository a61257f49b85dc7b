"""What protects a bridge: its keys, its certificates, its limits, and the way it closes."""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from bridge.access.entrance import Entrance
from bridge.access.gate import Gate
from bridge.access.key_file import load
from bridge.access.shown_key import ShownKey
from bridge.access.watched import Watched
from bridge.handlers.catalog import unknown_model
from bridge.handlers.guarded import GuardedGenerating, GuardedTokenize, guarded_embed
from bridge.observability.queue_meter import QueueMeter
from bridge.protocol.request_limits import check_chat, check_completion
from bridge.tls import ClientTls, ServerTls

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from bridge.config import Config
    from bridge.handlers.base import Call, Generating
    from bridge.handlers.tokenize import TokenizeHandler
    from bridge.observability.metrics import Metrics

logger = logging.getLogger(__name__)


class Protection:
    """See the module; one for a process."""

    def __init__(self, config: Config, metrics: Metrics) -> None:
        """Read keys and certificates.

        Args:
            config: all settings.
            metrics: where to count who waits and who is refused.

        Raises:
            ConfigError: they are broken.
        """
        self._limits = config.limits
        self._watched: list[Watched] = []
        self.entrance = Entrance(None, time.time)
        """Before either door."""
        if config.key_file is not None:
            read = partial(self._read_keys, config.key_file)
            read()
            self._watched.append(Watched("keys", (config.key_file,), read))
        self.tls = None if config.tls is None else ServerTls(config.tls)
        """None: both doors are served without."""
        if self.tls is not None:
            self._watched.append(Watched("certificates", self.tls.paths, self.tls.reload))
        self.triton_tls = None if config.triton_tls is None else ClientTls(config.triton_tls)
        """None: Triton is connected to without."""
        if self.triton_tls is not None and self.triton_tls.paths:
            watched = Watched("certificates for Triton", self.triton_tls.paths, self.triton_tls.reload)
            self._watched.append(watched)
        self.upstream_key = None if (path := config.upstream_key_file) is None else ShownKey(path)
        """What another bridge is shown; None: nothing."""
        if path is not None and self.upstream_key is not None:
            self._watched.append(Watched("key for the upstream", (path,), self.upstream_key.reload))
        self.gate = Gate(
            config.limits,
            time.monotonic,
            default_model=config.default_model,
            unknown=unknown_model,
            meter=QueueMeter(metrics, config.limits.max_concurrent_requests),
        )
        """Between the doors and the models."""
        self._hurried = asyncio.Event()

    def _read_keys(self, path: Path) -> None:
        self.entrance.ring = load(path)
        if not self.entrance.ring.keys:
            logger.warning("%s holds no key: nobody is let in", path)

    @property
    def reloads(self) -> bool:
        """Whether there is anything that `reload` reads."""
        return bool(self._watched)

    def reload(self) -> None:
        """Read keys and certificates again; what is broken stays as it was, and is logged."""
        for watched in self._watched:
            watched.check(anyway=True)

    async def watch(self, interval: float) -> None:
        """Read them again whenever they have changed, for ever; look every `interval` seconds."""
        while True:
            await asyncio.sleep(interval)
            try:
                for watched in self._watched:
                    watched.check()
            except Exception:  # a bug must not leave the keys as they are for ever
                logger.exception("bug while reading files again")

    def chat(self, inner: Generating[Any, Any]) -> GuardedGenerating[Any, Any]:
        """Return the handler of chat behind the gate."""
        return GuardedGenerating(inner, self.gate, check_chat, self._limits)

    def completions(self, inner: Generating[Any, Any]) -> GuardedGenerating[Any, Any]:
        """Return the handler of completions behind the gate."""
        return GuardedGenerating(inner, self.gate, check_completion, self._limits)

    def embed(self, inner: Callable[[Any, Call], Awaitable[Any]]) -> Callable[[Any, Call], Awaitable[Any]]:
        """Return the handler of embeddings behind the gate."""
        return guarded_embed(inner, self.gate, self._limits)

    def tokenize(self, inner: TokenizeHandler) -> GuardedTokenize:
        """Return the handler of tokenizing behind the gate."""
        return GuardedTokenize(inner, self.gate, self._limits)

    def close(self) -> None:
        """Let nobody in any more, and refuse those that wait at the gate."""
        self.entrance.close()
        self.gate.slots.close()

    async def emptied(self, timeout: float) -> None:  # noqa: ASYNC109
        """Return when no request is left, after so many seconds, or when told to `hurry`."""
        ends = [asyncio.create_task(self.entrance.emptied()), asyncio.create_task(self._hurried.wait())]
        await asyncio.wait(ends, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()

    def hurry(self) -> None:
        """Do not wait for requests any longer."""
        self._hurried.set()
