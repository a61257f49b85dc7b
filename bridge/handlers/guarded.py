"""The handlers as the doors have them: behind the gate, which sees no door and no message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest
from openai_bridge.v1.models_pb2 import ListModelsResponse

from bridge.handlers.catalog import unknown_model
from bridge.protocol.request_limits import check_chat, check_completion, check_embedding

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from openai_bridge.v1.models_pb2 import RetrieveModelResponse

    from bridge.access.gate import Gate
    from bridge.access.keys import Key
    from bridge.config import Limits
    from bridge.handlers.base import Call, Generating, Models
    from bridge.handlers.outlet import Outlet
    from bridge.handlers.tokenize import TokenizeHandler
    from bridge.protocol.tokenize import DetokenizeRequest, TokenizeRequest

Request = TypeVar("Request", bound=Any)
Answer = TypeVar("Answer")


class GuardedGenerating(Generic[Request, Answer]):
    """Chat or completions; see `handlers.base.Generating`. A slot is held to the end of the answer."""

    def __init__(
        self,
        inner: Generating[Request, Answer],
        gate: Gate,
        check: Callable[[Request, Limits], None],
        limits: Limits,
    ) -> None:
        self._inner = inner
        self._gate = gate
        self._check = check
        self._limits = limits

    async def deliver(self, request: Request, call: Call, outlet: Outlet[Any]) -> None:
        """See `Generating.deliver`."""
        async with self._passed(request, call):
            delivery = self._inner.deliver(request, call, outlet)
            del request
            await delivery

    async def complete(self, request: Request, call: Call) -> Answer:
        """See `Generating.complete`."""
        async with self._passed(request, call):
            return await self._inner.complete(request, call)

    def _passed(self, request: Request, call: Call) -> AbstractAsyncContextManager[None]:
        self._check(request, self._limits)
        return passed(self._gate, request.model, call)


class GuardedTokenize:
    """Tokenizing; see `handlers.tokenize.TokenizeHandler`."""

    def __init__(self, inner: TokenizeHandler, gate: Gate, limits: Limits) -> None:
        self._inner = inner
        self._gate = gate
        self._limits = limits

    async def tokenize(self, request: TokenizeRequest, call: Call) -> bytes:
        """See `TokenizeHandler.tokenize`."""
        if isinstance(request.source, CreateChatCompletionRequest):
            check_chat(request.source, self._limits)
        else:
            check_completion(request.source, self._limits)
        async with passed(self._gate, request.source.model, call):
            return await self._inner.tokenize(request, call)

    async def detokenize(self, request: DetokenizeRequest, call: Call) -> bytes:
        """See `TokenizeHandler.detokenize`."""
        async with passed(self._gate, request.model, call):
            return await self._inner.detokenize(request, call)


class VisibleModels:
    """The models that exist for a key."""

    def __init__(self, inner: Models) -> None:
        self._inner = inner

    async def list_models(self, key: Key) -> ListModelsResponse:
        """See `Models.list_models`."""
        found = await self._inner.list_models()
        return ListModelsResponse(data=[model for model in found.data if key.sees(model.id)])

    async def retrieve_model(self, model: str, key: Key) -> RetrieveModelResponse:
        """See `Models.retrieve_model`."""
        if not key.sees(model):
            raise unknown_model(model, param="model")
        return await self._inner.retrieve_model(model)

    async def not_ready(self) -> str | None:
        """See `Models.not_ready`."""
        return await self._inner.not_ready()


def guarded_embed(
    embed: Callable[[Any, Call], Awaitable[Any]], gate: Gate, limits: Limits
) -> Callable[[Any, Call], Awaitable[Any]]:
    """Return the handler of embeddings behind the gate."""

    async def guarded(request: Any, call: Call) -> Any:
        check_embedding(request, limits)
        async with passed(gate, request.model, call):
            return await embed(request, call)

    return guarded


def passed(gate: Gate, model: str, call: Call) -> AbstractAsyncContextManager[None]:
    """Return the passage of a request through the gate; see `Gate.passed`."""
    return gate.passed(call.key, model, call.deadline, call.record.spent)
