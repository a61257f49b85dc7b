"""POST /v1/embeddings: OpenAI JSON in, JSON out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aiohttp import web
from openai_bridge.v1.embeddings_pb2 import CreateEmbeddingRequest

from bridge.protocol.openai_json import dump_embedding_response
from bridge.servers.http_errors import REQUEST_ID
from bridge.servers.http_request import RequestReader, ignored_header

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.handlers.base import Call
    from bridge.servers.http_call import HttpCalls


class EmbeddingsEndpoint:
    """The endpoint, as an aiohttp handler."""

    def __init__(self, embed: Callable[[Any, Call], Awaitable[Any]], calls: HttpCalls) -> None:
        self._embed = embed
        self._calls = calls
        self._reader = RequestReader(CreateEmbeddingRequest, calls.config, calls.metrics)

    async def __call__(self, request: web.Request) -> web.Response:
        """Answer one request."""
        with self._calls.call(request, "embeddings") as call:
            read = await self._reader.read(request, call.deadline)
            call.record.request_id = request[REQUEST_ID]
            answer = await self._embed(read.message, replace(call, request_id=request[REQUEST_ID]))
            return web.Response(
                body=dump_embedding_response(answer),
                content_type="application/json",
                headers=ignored_header(read.ignored),
            )
