"""Embeddings: the handler of EmbeddingsService and of /v1/embeddings."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from openai_bridge.v1.common_pb2 import CompletionUsage

from bridge.errors import BridgeError, Reason
from bridge.handlers.off_loop import opened
from bridge.handlers.reconsidering import reconsidered
from bridge.protocol.embeddings import embedding_exchange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openai_bridge.v1.embeddings_pb2 import CreateEmbeddingRequest, CreateEmbeddingResponse

    from bridge.handlers.base import Call
    from bridge.handlers.catalog import Catalog
    from bridge.protocol.embeddings import EmbeddingExchange
    from bridge.protocol.model import EmbeddingModel

MAX_IN_FLIGHT: Final = 32
"""Calls to Triton that one request may have open: 2048 inputs must not become 2048 streams at once."""


class EmbeddingsHandler:
    """Embeddings over the models of a catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def create(self, request: CreateEmbeddingRequest, call: Call) -> CreateEmbeddingResponse:
        """Return the vectors; cancelling this cancels every call to Triton before it returns.

        Raises:
            BridgeError: the request is at fault, or the first of its calls that failed.
        """
        model = await self._catalog.route_embedding(request.model)
        call.record.model = model.id
        request_id = f"{call.request_id}:{uuid.uuid4().hex[:8]}"
        exchange = await opened(
            lambda: embedding_exchange(request, model, request_id=request_id),
            request,
            model.tokenizer,
            call.deadline,
        )
        call.record.asked(request)
        try:
            await self._run(exchange, model, call)
        except BridgeError as exc:
            if exc.reason is Reason.CONTEXT_LENGTH_EXCEEDED:
                raise BridgeError(exc.reason, exc.message, param="input", model=exc.model) from exc
            if (told := await reconsidered(exc, self._catalog, model.id)) is not exc:
                raise told from exc
            raise
        answer = exchange.response()
        tokens = answer.usage.prompt_tokens
        call.record.counted(CompletionUsage(prompt_tokens=tokens, total_tokens=tokens))
        return answer

    async def _run(self, exchange: EmbeddingExchange, model: EmbeddingModel, call: Call) -> None:
        """Make the calls, at most `MAX_IN_FLIGHT` at a time; the first that fails ends all."""
        waiting = iter(range(len(exchange.requests)))
        tasks = [
            asyncio.create_task(self._work(waiting, exchange, model, call))
            for _ in exchange.requests[:MAX_IN_FLIGHT]
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(
        self, waiting: Iterator[int], exchange: EmbeddingExchange, model: EmbeddingModel, call: Call
    ) -> None:
        """Make one call after the other until none waits; all workers take from the same iterator."""
        backend, record = self._catalog.backend_of(model.id), call.record
        for at in waiting:
            request = exchange.requests[at]
            stream = backend.stream(
                request,
                model=model.id,
                deadline=call.deadline,
                placed=record.placed,
                metadata=record.metadata,
                stop=model.stop(),
            )
            async with aclosing(stream) as batches:
                async for responses in batches:
                    exchange.feed(at, responses)
            exchange.end(at)
