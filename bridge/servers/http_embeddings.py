"""POST /v1/embeddings: OpenAI JSON in, JSON out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import web
from openai_bridge.v1.embeddings_pb2 import CreateEmbeddingRequest

from bridge.errors import BridgeError, Reason
from bridge.handlers.base import Call
from bridge.observability.record import RequestRecord
from bridge.protocol.openai_json import dump_embedding_response
from bridge.servers.http_errors import REQUEST_ID
from bridge.servers.http_request import RequestReader, ignored_header, known_error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.config import Config
    from bridge.observability.metrics import Metrics


class EmbeddingsEndpoint:
    """The endpoint, as an aiohttp handler."""

    def __init__(
        self, embed: Callable[[Any, Call], Awaitable[Any]], config: Config, metrics: Metrics
    ) -> None:
        self._embed = embed
        self._config = config
        self._metrics = metrics
        self._reader = RequestReader(CreateEmbeddingRequest, config, metrics)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        deadline = asyncio.get_running_loop().time() + self._config.request_timeout
        record = RequestRecord(
            self._metrics, door="http", endpoint="embeddings", request_id=request[REQUEST_ID]
        )
        error: BridgeError | None = BridgeError(Reason.CANCELLED, "the client left")
        try:
            read = await self._reader.read(request, deadline)
            record.request_id = request[REQUEST_ID]
            answer = await self._embed(
                read.message, Call(request_id=record.request_id, deadline=deadline, record=record)
            )
            response = web.Response(
                body=dump_embedding_response(answer),
                content_type="application/json",
                headers=ignored_header(read.ignored),
            )
            error = None
        except ConnectionError:
            return web.Response()  # the client has left: nobody reads this
        except Exception as exc:
            error = known_error(exc, request)
            raise error from exc
        finally:
            record.end(error)
        return response
