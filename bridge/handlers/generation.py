"""Runs a request's generations and yields its messages: the moving half of the streaming core.

The deciding half is `protocol.exchange.Exchange`. Chat and completions are two instances.
"""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from bridge.backends.push import PushBackend
from bridge.errors import BridgeError, Reason
from bridge.handlers.merge import Ended, merge
from bridge.handlers.outlet import Folding, Pump, pour
from bridge.handlers.reconsidering import reconsidered
from bridge.handlers.resuming import goes_on

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence

    from bridge.handlers.base import Call
    from bridge.handlers.catalog import Catalog
    from bridge.handlers.outlet import Outlet
    from bridge.protocol.alike import Received
    from bridge.protocol.exchange import Exchange
    from bridge.protocol.kserve import ModelInferRequest
    from bridge.protocol.model import Model


class Asking(Protocol):
    """What both requests have in common."""

    @property
    def model(self) -> str:
        """Name of the model, or empty."""


Request = TypeVar("Request", bound=Asking)
Chunk = TypeVar("Chunk", bound=Any)
Chunk_contra = TypeVar("Chunk_contra", contravariant=True)
Answer = TypeVar("Answer")
Answer_co = TypeVar("Answer_co", covariant=True)


class Fold(Protocol[Chunk_contra, Answer_co]):
    """Adds up a stream's messages."""

    def add(self, messages: Iterable[Chunk_contra]) -> None:
        """Take a batch."""

    def result(self) -> Answer_co:
        """Return the answer."""


class GenerationHandler(Generic[Request, Chunk, Answer]):
    """Chat or completions over the models of a catalog; see `handlers.base.Generating`."""

    def __init__(
        self,
        catalog: Catalog,
        open_exchange: Callable[[Request, Model, Call, bool], Awaitable[Exchange[Chunk]]],
        fold: Callable[[], Fold[Chunk, Answer]],
    ) -> None:
        """Wire a handler.

        Args:
            catalog: finds the model and its backend.
            open_exchange: checks a request: (request, model, call, streaming) -> exchange.
            fold: makes the sum of a stream.
        """
        self._catalog = catalog
        self._open = open_exchange
        self._fold = fold

    async def deliver(self, request: Request, call: Call, outlet: Outlet[Chunk]) -> None:
        """See `Generating.deliver`."""
        delivery = self._deliver(request, call, outlet, streaming=True)
        del request
        await delivery

    async def complete(self, request: Request, call: Call) -> Answer:
        """See `Generating.complete`."""
        fold = self._fold()
        await self._deliver(request, call, Folding(fold.add), streaming=False)
        return fold.result()

    async def _prepare(
        self, request: Request, call: Call, *, streaming: bool
    ) -> tuple[Exchange[Chunk], Model]:
        call.record.streamed = streaming
        model = await self._catalog.route(request.model)
        call.record.model = model.id
        exchange = await self._open(request, model, call, streaming)
        call.ignored.extend(exchange.ignored)
        call.record.let_pass(exchange.ignored)
        if exchange.requests:
            call.record.asked(request)
        if model.resume:
            exchange.keep()
        return exchange, model

    async def _deliver(self, request: Request, call: Call, outlet: Outlet[Chunk], *, streaming: bool) -> None:
        exchange, model = await self._prepare(request, call, streaming=streaming)
        del request
        async with self._watching(exchange, call):
            last = await self._generate(exchange, model, call, outlet)
            outlet.last(call.record.ending(last))

    async def _generate(
        self, exchange: Exchange[Chunk], model: Model, call: Call, outlet: Outlet[Chunk]
    ) -> Iterable[Chunk]:
        """Run a request's generations; return its last messages."""
        if not exchange.requests:
            return exchange.finish()
        if len(exchange.requests) > 1:
            return await self._many(exchange, model, call, outlet)
        backend = self._catalog.backend_of(model.id)
        if isinstance(backend, PushBackend):
            await self._push(backend, exchange, model, call, outlet)
        else:
            await self._one(exchange, model, call, outlet)
        return chain(exchange.end(0), exchange.finish())

    async def _push(
        self,
        backend: PushBackend,
        exchange: Exchange[Chunk],
        model: Model,
        call: Call,
        outlet: Outlet[Chunk],
    ) -> None:
        """Run the only generation; its messages are made and sent where its responses are read."""
        record = call.record

        def feed(responses: Sequence[Received]) -> Iterable[Chunk]:
            record.responded(len(responses))
            if exchange.requests:
                exchange.forget()
            return exchange.feed(0, responses)

        while True:
            pump = Pump(feed, lambda: exchange.done(0), outlet)
            pump.handle = backend.open(
                exchange.requests[0],
                model=model.id,
                deadline=call.deadline,
                sink=pump,
                placed=record.placed,
                metadata=record.metadata,
                stop=model.stop(exchange.requests[0].id),
            )
            try:
                return await pump.run()
            except BridgeError as exc:
                if not goes_on(exchange, exc, call):
                    raise
                if exchange.done(0):
                    return None
            finally:
                pump.leave()

    @asynccontextmanager
    async def _watching(self, exchange: Exchange[Chunk], call: Call) -> AsyncIterator[None]:
        """Note the counts at the end, and learn from what a failure says of the model."""
        try:
            yield
        except BridgeError as exc:
            if exc.reason is Reason.CONTEXT_LENGTH_EXCEEDED:
                exc.param = exchange.prompt_param
            if (told := await reconsidered(exc, self._catalog, call.record.model)) is not exc:
                raise told from exc
            raise
        finally:
            call.record.counted(exchange.usage())

    async def _one(self, exchange: Exchange[Chunk], model: Model, call: Call, outlet: Outlet[Chunk]) -> None:
        """Run the only generation over a backend that is pulled."""
        more = True
        while more:
            more = False
            try:
                await pour(self._fed(exchange, model, call), outlet)
            except BridgeError as exc:
                if not goes_on(exchange, exc, call):
                    raise
                more = not exchange.done(0)

    async def _fed(
        self, exchange: Exchange[Chunk], model: Model, call: Call
    ) -> AsyncGenerator[Iterable[Chunk], None]:
        async with aclosing(self._until_done(0, exchange, model, call)) as batches:
            async for responses in batches:
                call.record.responded(len(responses))
                yield exchange.feed(0, responses)

    async def _many(
        self, exchange: Exchange[Chunk], model: Model, call: Call, outlet: Outlet[Chunk]
    ) -> Iterable[Chunk]:
        """Run all generations at once; the first that fails fails the request. Return the last messages."""
        running = len(exchange.requests)
        streams = [self._until_done(at, exchange, model, call) for at in range(running)]
        batch: Iterable[Chunk]
        async with aclosing(merge(streams)) as merged:
            async for index, item in merged:
                if isinstance(item, Ended):
                    running -= 1
                    if not running:
                        break
                    batch = call.record.ending(exchange.end(index))
                else:
                    call.record.responded(len(item))
                    batch = exchange.feed(index, item)
                if not outlet.take(batch):
                    await outlet.ready()
        return chain(exchange.end(index), exchange.finish())

    async def _until_done(
        self, index: int, exchange: Exchange[Chunk], model: Model, call: Call
    ) -> AsyncGenerator[Sequence[Received], None]:
        """Yield the responses of one of many generations; it is given up where its choice has ended.

        `merge` asks for more only when the last batch has been fed to the exchange.
        """
        request = exchange.requests[index]
        async with aclosing(self._started(request, model, call)) as batches:
            async for responses in batches:
                yield responses
                if exchange.done(index):
                    break

    def _started(
        self, request: ModelInferRequest, model: Model, call: Call
    ) -> AsyncGenerator[Sequence[Received], None]:
        """Return one generation, as it is pulled."""
        backend, record = self._catalog.backend_of(model.id), call.record
        return backend.stream(
            request,
            model=model.id,
            deadline=call.deadline,
            placed=record.placed,
            metadata=record.metadata,
            stop=model.stop(request.id),
        )
