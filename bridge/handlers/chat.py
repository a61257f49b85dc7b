"""Chat: the handler of ChatService and of /v1/chat/completions."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from bridge.handlers.generation import GenerationHandler
from bridge.handlers.off_loop import in_turn, opened
from bridge.protocol.chat import chat_exchange
from bridge.protocol.chat_fold import ChatFold
from bridge.protocol.chat_prompt import check_images
from bridge.protocol.images import references
from bridge.protocol.pieces import weight_of

if TYPE_CHECKING:
    from openai_bridge.v1.chat_pb2 import (
        CreateChatCompletionRequest,
        CreateChatCompletionResponse,
        CreateChatCompletionStreamResponse,
    )

    from bridge.handlers.base import Call
    from bridge.handlers.catalog import Catalog
    from bridge.handlers.images import ImageLoader
    from bridge.protocol.exchange import Exchange
    from bridge.protocol.images import Image
    from bridge.protocol.model import Model

MAX_PADDING = 16
"""Random bytes that `stream_options.include_obfuscation` adds to a chunk at most."""


def chat_handler(
    catalog: Catalog, images: ImageLoader
) -> GenerationHandler[
    CreateChatCompletionRequest, CreateChatCompletionStreamResponse, CreateChatCompletionResponse
]:
    """Return the handler over the models of a catalog; `images` fetches what messages refer to."""

    async def open_exchange(
        request: CreateChatCompletionRequest, model: Model, call: Call, streaming: bool
    ) -> Exchange[CreateChatCompletionStreamResponse]:
        loaded: list[Image] = []
        if found := references(request.messages):
            now = datetime.now().astimezone()
            # Before anything is fetched.
            await in_turn(lambda: check_images(request, model, now), weight_of(request), call.deadline)
            loaded = await images.load(found, deadline=call.deadline)
        unique = uuid.uuid4().hex
        return await opened(
            lambda: chat_exchange(
                request,
                model,
                completion_id=f"chatcmpl-{unique}",
                request_id=f"{call.request_id}:{unique[:8]}",
                now=datetime.now().astimezone(),
                streaming=streaming,
                obfuscate=lambda: secrets.token_urlsafe(secrets.randbelow(MAX_PADDING) + 1),
                call_id=lambda: f"call_{uuid.uuid4().hex}",
                images=loaded,
            ),
            request,
            model.tokenizer,
            call.deadline,
        )

    return GenerationHandler(catalog, open_exchange, ChatFold)
