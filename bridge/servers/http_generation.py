"""POST /v1/chat/completions and /v1/completions: OpenAI JSON in, JSON or SSE out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import web

from bridge.errors import BridgeError, Reason
from bridge.handlers.base import Call
from bridge.observability.record import RequestRecord
from bridge.protocol import openai_json, sse
from bridge.servers.http_errors import REQUEST_ID
from bridge.servers.http_request import RequestReader, ignored_header, known_error
from bridge.servers.http_stream import EventStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest
    from openai_bridge.v1.completions_pb2 import CreateCompletionRequest

    from bridge.config import Config
    from bridge.handlers.base import Generating
    from bridge.observability.metrics import Metrics


class Renderer(Protocol):
    """Turns batches of messages into SSE bytes."""

    def render(self, batch: Iterable[Any]) -> bytes:
        """Return the events of a batch, ready for one write; empty for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What differs between the endpoints."""

    endpoint: str
    request_type: type[CreateChatCompletionRequest | CreateCompletionRequest]
    renderer: Callable[[bool], Renderer]
    """Made with `include_usage`."""
    dump: Callable[[Any], bytes]
    """Writes the whole answer."""


class GenerationEndpoint:
    """One of the two endpoints, as an aiohttp handler."""

    def __init__(
        self, form: Form, handler: Generating[Any, Any, Any], config: Config, metrics: Metrics
    ) -> None:
        self._form = form
        self._handler = handler
        self._config = config
        self._metrics = metrics
        self._reader = RequestReader(form.request_type, config, metrics)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Answer one request; failures after the first byte are told in the stream."""
        deadline = asyncio.get_running_loop().time() + self._config.request_timeout
        record = RequestRecord(
            self._metrics, door="http", endpoint=self._form.endpoint, request_id=request[REQUEST_ID]
        )
        error: BridgeError | None = BridgeError(Reason.CANCELLED, "the client left")
        try:
            read = await self._reader.read(request, deadline)
            record.request_id = request[REQUEST_ID]
            call = Call(
                request_id=request[REQUEST_ID], deadline=deadline, record=record, ignored=list(read.ignored)
            )
            answer = self._stream if read.stream else self._complete
            response, error = await answer(request, read, call)
        except ConnectionError:
            return web.Response()  # the client has left: nobody reads this
        except Exception as exc:
            error = known_error(exc, request)
            raise error from exc
        finally:
            record.end(error)
        return response

    async def _complete(
        self, _: web.Request, read: openai_json.Read[Any], call: Call
    ) -> tuple[web.StreamResponse, None]:
        answer = await self._handler.complete(read.message, call)
        response = web.Response(body=self._form.dump(answer), content_type="application/json")
        response.headers.update(ignored_header(call.ignored))
        return response, None

    async def _stream(
        self, request: web.Request, read: openai_json.Read[Any], call: Call
    ) -> tuple[web.StreamResponse, BridgeError | None]:
        config = self._config
        stream = EventStream(
            request,
            self._form.renderer(read.message.stream_options.include_usage).render,
            lambda: ignored_header(call.ignored),
            keep_alive=config.keep_alive,
            stall_timeout=config.stall_timeout,
            buffer=config.max_buffered_bytes,
        )
        try:
            async with stream.kept_alive():
                await self._handler.deliver(read.message, call, stream)
        except ConnectionError:
            raise
        except Exception as exc:
            if not stream.started:
                raise
            error = known_error(exc, request)
            await stream.end(sse.frame(openai_json.dump_stream_error(error)) + sse.DONE)
            return stream.response, error
        await stream.end(sse.DONE)
        return stream.response, None
