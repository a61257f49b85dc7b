"""The pull form on top of the push form: batches for an `async for`, whatever came since the last one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bridge.backends.push import let_end

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from bridge.backends.base import Metadata, Stop
    from bridge.backends.push import Handle, PushBackend
    from bridge.errors import BridgeError
    from bridge.protocol.alike import Received
    from bridge.protocol.kserve import ModelInferRequest


class Inbox:
    """A sink that keeps what its reader has not asked for; what it keeps is bounded by flow control."""

    def __init__(self) -> None:
        self._batch: list[Received] = []
        self._over = False
        self._error: BridgeError | None = None
        self._news: asyncio.Future[None] | None = None
        self._paused = self._left = False
        self.handle: Handle
        """The generation; set by whoever opens it."""

    def responses(self, batch: Sequence[Received]) -> None:
        """See `Sink.responses`. Until the reader asks for more, the model's silence is the reader's."""
        if self._left:
            return
        self._batch.extend(batch)
        if not self._paused:
            self._paused = True
            self.handle.pause()
        self._wake()

    def ended(self, error: BridgeError | None) -> None:
        """See `Sink.ended`."""
        self._over, self._error = True, error
        self._wake()

    def leave(self) -> None:
        """Let the generation end: nobody reads on, because its answer is complete."""
        self._left = True
        if self._paused:
            self.handle.resume()  # else its end would not be heard of
        let_end(self.handle)

    async def batches(self) -> AsyncGenerator[Sequence[Received], None]:
        """Yield until the end.

        Raises:
            BridgeError: how the generation failed.
        """
        while True:
            if self._batch:
                batch, self._batch = self._batch, []
                yield batch
            elif self._over:
                break
            else:
                await self._more()
        if self._error is not None:
            raise self._error

    async def _more(self) -> None:
        if self._paused:
            self._paused = False
            self.handle.resume()
        self._news = asyncio.get_running_loop().create_future()
        await self._news

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)


async def pulled(
    backend: PushBackend,
    request: ModelInferRequest,
    *,
    model: str,
    deadline: float,
    placed: Callable[[str], object],
    metadata: Metadata,
    stop: Stop | None,
) -> AsyncGenerator[Sequence[Received], None]:
    """Run one generation of a backend that pushes; see `Backend.stream`."""
    inbox = Inbox()
    inbox.handle = generation = backend.open(
        request, model=model, deadline=deadline, sink=inbox, placed=placed, metadata=metadata, stop=stop
    )
    try:
        async for batch in inbox.batches():
            yield batch
    except GeneratorExit:
        inbox.leave()
        raise
    except BaseException:
        generation.cancel()
        raise
