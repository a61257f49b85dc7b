"""Several servers as one backend: a generation goes to one of them, and to another while nothing came of it.

The backends beneath know one address each; here they are put together. Who is chosen is `pool`.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar, cast

from bridge.backends.base import unheard
from bridge.backends.inbox import pulled
from bridge.backends.pool import Pool
from bridge.backends.push import PushBackend
from bridge.backends.relay import Relay
from bridge.backends.trial import Trial
from bridge.errors import BridgeError, Reason

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence

    from bridge.backends.base import Backend, Metadata, Stop
    from bridge.backends.push import Handle, Sink
    from bridge.protocol.alike import Received
    from bridge.protocol.kserve import ModelConfig, ModelInferRequest
    from bridge.protocol.signature import Signature

Told = TypeVar("Told")


class Balanced:
    """The servers of a pool; see `Backend`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def within(self, addresses: Collection[str]) -> Balanced:
        """Return a backend over those of the servers that have these addresses."""
        pool = self._pool
        some = [one for one in pool.upstreams if one.address in addresses]
        return type(self)(Pool(some, pool.rules, pool.budget))

    async def stream(
        self,
        request: ModelInferRequest,
        *,
        model: str,
        deadline: float,
        placed: Callable[[str], object] = unheard,
        metadata: Metadata = (),
        stop: Stop | None = None,
    ) -> AsyncGenerator[Sequence[Received], None]:
        """See `Backend.stream`."""
        clock = asyncio.get_running_loop().time
        trial = Trial(self._pool, request, model=model, deadline=deadline, placed=placed)
        upstream = trial.start(clock())
        try:
            while True:
                try:
                    stream = upstream.backend.stream(
                        request, model=model, deadline=deadline, metadata=metadata, stop=stop
                    )
                    async with aclosing(stream) as batches:
                        async for batch in batches:
                            if not trial.has_answered:
                                trial.answered(clock())
                            yield batch
                except BridgeError as exc:
                    following = trial.failed(exc, clock())
                    if following is None:
                        raise
                    upstream = following
                else:
                    return
        finally:
            trial.over()

    async def ready_models(self) -> dict[str, str]:
        """Return the models of all servers; one that is away keeps what it had.

        A server that does not answer is waited for once, not each time.

        Raises:
            BridgeError: none can be reached.
        """
        upstreams = self._pool.upstreams
        looks = {one: one.look() for one in upstreams}
        await asyncio.wait([look for one, look in looks.items() if one.error is None] or looks.values())
        if all(one.error is not None for one in upstreams):
            await asyncio.wait(looks.values())
        for look in looks.values():
            if look.done() and not look.cancelled() and (bug := look.exception()) is not None:
                raise bug
        errors = [one.error for one in upstreams if one.error is not None]
        if len(errors) == len(upstreams):
            raise errors[0]
        words: dict[str, set[str]] = {}
        for one in upstreams:
            for name, versions in one.models.items():
                words.setdefault(name, set()).add(versions)
        return {name: " | ".join(sorted(found)) for name, found in words.items()}

    async def signature(self, name: str, version: str = "") -> Signature:
        """Return a model's tensors, as the best server has them that can tell."""
        return await self._tell(name, version, lambda backend: backend.signature(name, version))

    async def config(self, name: str, version: str = "") -> ModelConfig:
        """Return a model's configuration, as the best server has it that can tell."""
        return await self._tell(name, version, lambda backend: backend.config(name, version))

    async def _tell(self, name: str, version: str, ask: Callable[[Backend], Awaitable[Told]]) -> Told:
        failure: BridgeError | None = None
        for one in self._pool.ranked(name, version, asyncio.get_running_loop().time()):
            try:
                return await ask(one.backend)
            except BridgeError as exc:
                if failure is None or _is_absent(failure):  # one that cannot be asked may have it
                    failure = exc
        assert failure is not None  # noqa: S101 - a pool is never empty
        raise failure

    def serves(self, signature: Signature, model: str) -> bool:
        """See `Backend.serves`."""
        name, version, now = signature.name, signature.version, asyncio.get_running_loop().time()
        return any(one.serves(name, version, model, now) for one in self._pool.upstreams)

    async def load_model(self, name: str) -> None:
        """Load a model on all servers that have it in their repositories."""
        await self._change(lambda backend: backend.load_model(name))

    async def unload_model(self, name: str) -> None:
        """Unload a model on all servers."""
        await self._change(lambda backend: backend.unload_model(name))

    async def _change(self, change: Callable[[Backend], Awaitable[None]]) -> None:
        """Do something at all servers; afterwards raise the first failure that is more than "not here"."""
        upstreams = self._pool.upstreams
        ends = await asyncio.gather(*(change(one.backend) for one in upstreams), return_exceptions=True)
        failures = [(one, end) for one, end in zip(upstreams, ends, strict=True) if end is not None]
        absent = [end for _, end in failures if isinstance(end, BridgeError) and _is_absent(end)]
        if len(absent) == len(upstreams):
            raise absent[0]
        for one, end in failures:
            if end in absent:
                continue
            if isinstance(end, BridgeError) and len(upstreams) > 1:
                raise BridgeError(end.reason, f"{one.address}: {end.message}", model=end.model) from end
            raise end

    async def close(self) -> None:
        """See `Backend.close`; what `within` has returned is closed with it."""
        await asyncio.gather(*(one.close() for one in self._pool.upstreams))


class PushBalanced(Balanced):
    """The same over servers whose backends push; see `PushBackend`."""

    def open(
        self,
        request: ModelInferRequest,
        *,
        model: str,
        deadline: float,
        sink: Sink,
        placed: Callable[[str], object] = unheard,
        metadata: Metadata = (),
        stop: Stop | None = None,
    ) -> Handle:
        """See `PushBackend.open`."""
        trial = Trial(self._pool, request, model=model, deadline=deadline, placed=placed)
        return Relay(
            trial,
            sink,
            lambda backend, relay: cast("PushBackend", backend).open(
                request, model=model, deadline=deadline, sink=relay, metadata=metadata, stop=stop
            ),
        )

    def stream(
        self,
        request: ModelInferRequest,
        *,
        model: str,
        deadline: float,
        placed: Callable[[str], object] = unheard,
        metadata: Metadata = (),
        stop: Stop | None = None,
    ) -> AsyncGenerator[Sequence[Received], None]:
        """See `Backend.stream`."""
        return pulled(
            self, request, model=model, deadline=deadline, placed=placed, metadata=metadata, stop=stop
        )


def balanced(pool: Pool) -> Balanced:
    """Return the backend over a pool: one that pushes, where all beneath it do."""
    pushes = all(isinstance(one.backend, PushBackend) for one in pool.upstreams)
    return PushBalanced(pool) if pushes else Balanced(pool)


def _is_absent(error: BridgeError) -> bool:
    return error.reason is Reason.MODEL_NOT_FOUND
