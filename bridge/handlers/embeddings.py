"""Embeddings: declared in the schema, not served yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from bridge.errors import BridgeError, Reason

if TYPE_CHECKING:
    from openai_bridge.v1.embeddings_pb2 import CreateEmbeddingRequest

    from bridge.handlers.base import Call


async def create_embedding(request: CreateEmbeddingRequest, call: Call) -> NoReturn:
    """Refuse, so that a client learns why.

    Raises:
        BridgeError: UNSUPPORTED_OPERATION, always.
    """
    del request, call
    raise BridgeError(
        Reason.UNSUPPORTED_OPERATION, "embeddings are not served by this version of openai-bridge"
    )
