"""Completions: the handler of CompletionsService and of /v1/completions."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from bridge.handlers.generation import GenerationHandler
from bridge.handlers.off_loop import opened
from bridge.protocol.completion_chunks import CompletionFold
from bridge.protocol.completions import completion_exchange

if TYPE_CHECKING:
    from openai_bridge.v1.completions_pb2 import (
        CreateCompletionRequest,
        CreateCompletionResponse,
        CreateCompletionStreamResponse,
    )

    from bridge.handlers.base import Call
    from bridge.handlers.catalog import Catalog
    from bridge.protocol.exchange import Exchange
    from bridge.protocol.model import Model


def completions_handler(
    catalog: Catalog,
) -> GenerationHandler[CreateCompletionRequest, CreateCompletionStreamResponse, CreateCompletionResponse]:
    """Return the handler over the models of a catalog."""
    return GenerationHandler(catalog, _open, CompletionFold)


async def _open(
    request: CreateCompletionRequest, model: Model, call: Call, streaming: bool
) -> Exchange[CreateCompletionStreamResponse]:
    unique = uuid.uuid4().hex
    return await opened(
        lambda: completion_exchange(
            request,
            model,
            completion_id=f"cmpl-{unique}",
            request_id=f"{call.request_id}:{unique[:8]}",
            now=datetime.now().astimezone(),
            streaming=streaming,
        ),
        request,
        model.tokenizer,
        call.deadline,
    )
