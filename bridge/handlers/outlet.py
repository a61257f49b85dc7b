"""Where a generation's messages go when they are pushed: from the backend's reader straight to a client."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from bridge.backends.push import let_end

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Sequence

    from bridge.backends.push import Handle
    from bridge.errors import BridgeError
    from bridge.protocol.alike import Received

Chunk_contra = TypeVar("Chunk_contra", contravariant=True)


class Outlet(Protocol[Chunk_contra]):
    """Takes the messages of one answer."""

    def take(self, batch: Iterable[Chunk_contra]) -> bool:
        """Take a batch, reading it to its end; return whether more may come at once.

        Raises nothing but what reading the batch raises: what is wrong with the client is told by `ready`.
        """

    def last(self, batch: Iterable[Chunk_contra]) -> None:
        """Take the last batch, reading it to its end; whoever ends the answer sends it along."""

    async def ready(self) -> None:
        """Return when more may come.

        Raises:
            ConnectionError: the client has left, or has not read for too long.
        """


class Pump(Generic[Chunk_contra]):
    """Feeds the responses of one pushed generation to an outlet; a sink of `PushBackend.open`.

    While the client is behind, the generation is paused; the memory for it is bounded by one stream
    window of the backend and the water mark of the client's connection.
    """

    def __init__(
        self,
        feed: Callable[[Sequence[Received]], Iterable[Chunk_contra]],
        done: Callable[[], bool],
        outlet: Outlet[Chunk_contra],
    ) -> None:
        """Prepare; `run` needs the handle.

        Args:
            feed: turns responses into messages.
            done: whether the answer is complete though the model goes on.
            outlet: where they go.
        """
        self._feed = feed
        self._done = done
        self._outlet = outlet
        self._news = asyncio.get_running_loop().create_future()
        self._behind = False
        self._over = self._left = False
        self._error: BridgeError | None = None
        self.handle: Handle
        """The generation; set by whoever opens it."""

    def responses(self, batch: Sequence[Received]) -> None:
        """See `Sink.responses`."""
        if self._left:
            return
        goes_on = self._outlet.take(self._feed(batch))
        if self._done():
            self.ended(None)
            self._left = True
            if self._behind:
                self.handle.resume()
            let_end(self.handle)
        elif not (goes_on or self._behind):
            self._behind = True
            self.handle.pause()
            self._wake()

    def ended(self, error: BridgeError | None) -> None:
        """See `Sink.ended`."""
        if not self._left:
            self._over, self._error = True, error
            self._wake()

    async def run(self) -> None:
        """Return when the generation has ended; wait for the client whenever it is behind.

        Raises:
            BridgeError: how the generation failed.
            ConnectionError: see `Outlet.ready`.
        """
        while True:
            await self._news
            self._news = asyncio.get_running_loop().create_future()
            if self._behind and not self._complete:  # what is left of a complete answer goes with its end
                await self._outlet.ready()
                self._behind = False
                if not self._over:
                    self.handle.resume()
            if self._over:
                break
        if self._error is not None:
            raise self._error

    def leave(self) -> None:
        """Give the generation up, unless its answer is complete: then it may end by itself."""
        if not self._left:
            self.handle.cancel()

    @property
    def _complete(self) -> bool:
        return self._over and self._error is None

    def _wake(self) -> None:
        if not self._news.done():
            self._news.set_result(None)


class Folding:
    """An outlet that adds an answer up."""

    def __init__(self, add: Callable[[Iterable[Any]], None]) -> None:
        self._add = add

    def take(self, batch: Iterable[Any]) -> bool:
        """See `Outlet.take`."""
        self._add(batch)
        return True

    def last(self, batch: Iterable[Any]) -> None:
        """See `Outlet.last`."""
        self._add(batch)

    async def ready(self) -> None:
        """See `Outlet.ready`: there is no client to wait for."""


async def pour(stream: AsyncGenerator[Iterable[Any], None], outlet: Outlet[Any]) -> None:
    """Give everything that a stream yields to an outlet; for streams that are pulled.

    Raises:
        BridgeError: how the stream failed.
        ConnectionError: see `Outlet.ready`.
    """
    async with aclosing(stream) as batches:
        async for batch in batches:
            if not outlet.take(batch):
                await outlet.ready()
