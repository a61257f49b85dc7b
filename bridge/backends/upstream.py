"""One server as the balancer sees it: what it has ready, how it has fared, what runs on it.

Rule: facts about one server. Who is chosen is `pool`; what a failure means is `blame`.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, Protocol

from bridge.backends.standing import Standing
from bridge.errors import BridgeError, Reason

if TYPE_CHECKING:
    from bridge.backends.base import Backend
    from bridge.config.upstreams import Balancing
    from bridge.config.upstreams import Upstream as Settings

logger = logging.getLogger(__name__)

BROKEN: Final = 3
"""Failures in a row after which a model on a server counts as not ready, whatever the server says."""


class Meter(Protocol):
    """Hears what happens at one server; for metrics."""

    def began(self) -> None:
        """A generation was sent there."""

    def ended(self) -> None:
        """It runs there no more."""

    def moved(self, reason: Reason) -> None:
        """One that had failed there goes on elsewhere."""

    def left_out(self, out: bool) -> None:
        """Whether the server is asked has changed, or perhaps not."""


class Waiter(Protocol):
    """A generation of which nothing has come yet."""

    def give_up(self, error: BridgeError) -> None:
        """Go elsewhere if that is possible: the server has stopped answering."""


class Upstream:
    """See the module."""

    def __init__(self, backend: Backend, settings: Settings, rules: Balancing, meter: Meter) -> None:
        """Begin with a server that is thought well of and has nothing.

        Args:
            backend: speaks to it.
            settings: its address, weight and limit.
            rules: how failures count.
            meter: hears what happens.
        """
        self.backend = backend
        self.address = settings.address
        self.weight = settings.weight
        self.limit = settings.max_concurrent
        self.in_flight = 0
        self.waiting: dict[Waiter, None] = {}
        """Generations that can go elsewhere when the server falls silent."""
        self.models: dict[str, str] = {}
        """Ready models and their versions, as last told: one that is away keeps what it had."""
        self.error: BridgeError | None = None
        """Why it did not tell when it was last asked."""
        self.meter = meter
        self._rules = rules
        self._standing = Standing(rules)
        self._by_model: dict[str, Standing] = {}
        self._looking: asyncio.Task[None] | None = None
        self._out = self._closed = False

    @property
    def full(self) -> bool:
        """Whether as many generations run there as may."""
        return self.limit is not None and self.in_flight >= self.limit

    def has(self, name: str, version: str) -> bool:
        """Tell whether a model is ready there; an empty version is any."""
        versions = self.models.get(name)
        return versions is not None and (not version or version in versions.split())

    def share(self, model: str, now: float) -> float:
        """Return the part of its requests for a model that it may get: 0 is none, 1 is all."""
        if self.error is not None:
            return 0.0
        share = self._standing.share(now)
        standing = self._by_model.get(model)
        return share if standing is None else min(share, standing.share(now))

    def serves(self, name: str, version: str, model: str, now: float) -> bool:
        """Tell whether it can be asked for a model: for readiness, which one failure must not shake.

        A model that is broken is ready again for a moment when its time is over: somebody must try it.
        """
        standing = self._by_model.get(model)
        broken = standing is not None and standing.failures >= BROKEN and not standing.share(now)
        return self.error is None and self.has(name, version) and not broken

    def answered(self, model: str, now: float) -> None:
        """Note that a generation has begun to answer."""
        if self.error is not None:  # asked for want of a better one, and it is back
            self._found(now)
        if self._standing.failures:
            self._standing.answered(now)
        if (standing := self._by_model.get(model)) is not None:
            standing.answered(now)
            if not standing.failures:
                del self._by_model[model]

    def failed(self, now: float) -> None:
        """Note that the server failed; it is asked at once whether it is still there."""
        if self._standing.failed(now):
            self._tell(now)
            if not self._closed:
                self.look()

    def failed_with(self, model: str, reason: Reason, now: float) -> None:
        """Note that a model failed there, by its name in requests."""
        standing = self._by_model.setdefault(model, Standing(self._rules))
        if standing.failed(now):
            logger.warning("upstream %s: model %s fails: %s", self.address, model, reason.name)

    def look(self) -> asyncio.Task[None]:
        """Ask for its models, once for all who want to know at the same time."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        return self._looking

    async def close(self) -> None:
        """Ask no more, and close the connections."""
        self._closed = True
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        await self.backend.close()

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._rules.poll_timeout):
                models = await self.backend.ready_models()
        except BridgeError as exc:
            self._lost(exc, loop.time())
        except TimeoutError:
            self._lost(BridgeError(Reason.BACKEND_UNAVAILABLE, "Triton does not answer"), loop.time())
            for waiter in list(self.waiting):
                waiter.give_up(BridgeError(Reason.BACKEND_UNAVAILABLE, "Triton does not answer"))
        else:
            self.models = models
            self._found(loop.time())

    def _lost(self, error: BridgeError, now: float) -> None:
        self.error = error
        self._tell(now)

    def _found(self, now: float) -> None:
        if self.error is not None:
            self.error = None
            self._standing.returned(now)
        self._tell(now)

    def _tell(self, now: float) -> None:
        """Log and count whether it is asked, when that has changed."""
        out = self.error is not None or not self._standing.share(now)
        if out and not self._out:
            logger.warning("upstream %s: %s", self.address, self.error.message if self.error else "failed")
        elif self._out and not out:
            logger.info("upstream %s: answers again", self.address)
        self._out = out
        self.meter.left_out(out)
