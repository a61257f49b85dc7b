"""Chat: the handler of ChatService and of /v1/chat/completions."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from bridge.handlers.generation import GenerationHandler
from bridge.protocol.chat import chat_exchange
from bridge.protocol.chat_chunks import ChatFold

if TYPE_CHECKING:
    from openai_bridge.v1.chat_pb2 import (
        CreateChatCompletionRequest,
        CreateChatCompletionResponse,
        CreateChatCompletionStreamResponse,
    )

    from bridge.handlers.catalog import Catalog
    from bridge.protocol.exchange import Exchange
    from bridge.protocol.model import Model

MAX_PADDING = 16
"""Random bytes that `stream_options.include_obfuscation` adds to a chunk at most."""


def chat_handler(
    catalog: Catalog,
) -> GenerationHandler[
    CreateChatCompletionRequest, CreateChatCompletionStreamResponse, CreateChatCompletionResponse
]:
    """Return the handler over the models of a catalog."""
    return GenerationHandler(catalog, _open, ChatFold)


def _open(
    request: CreateChatCompletionRequest,
    model: Model,
    request_id: str,
    streaming: bool,
) -> Exchange[CreateChatCompletionStreamResponse]:
    unique = uuid.uuid4().hex
    return chat_exchange(
        request,
        model,
        completion_id=f"chatcmpl-{unique}",
        request_id=f"{request_id}:{unique[:8]}",
        now=datetime.now().astimezone(),
        streaming=streaming,
        obfuscate=lambda: secrets.token_urlsafe(secrets.randbelow(MAX_PADDING) + 1),
    )
