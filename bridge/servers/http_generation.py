"""POST /v1/chat/completions and /v1/completions: OpenAI JSON in, JSON or SSE out."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from aiohttp import web

from bridge.errors import BridgeError, Reason, public
from bridge.handlers.base import Call
from bridge.observability.record import RequestRecord
from bridge.protocol import openai_json, sse
from bridge.servers.http_errors import REQUEST_ID
from bridge.servers.http_stream import EventStream
from bridge.servers.request_ids import HEADER, request_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest
    from openai_bridge.v1.completions_pb2 import CreateCompletionRequest

    from bridge.config import Config
    from bridge.handlers.base import Generating
    from bridge.observability.metrics import Metrics

logger = logging.getLogger(__name__)

IGNORED: Final = "openai-bridge-ignored"
"""Response header that names the unknown request fields."""

MAX_LOGGED_NAMES: Final = 1000


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
        self._logged: set[str] = set()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Answer one request; failures after the first byte are told in the stream."""
        deadline = asyncio.get_running_loop().time() + self._config.request_timeout
        record = RequestRecord(
            self._metrics, door="http", endpoint=self._form.endpoint, request_id=request[REQUEST_ID]
        )
        error: BridgeError | None = BridgeError(Reason.CANCELLED, "the client left")
        try:
            read = await self._read(request, deadline)
            record.request_id = request[REQUEST_ID]
            call = Call(request_id=request[REQUEST_ID], deadline=deadline, record=record)
            answer = self._stream if read.stream else self._complete
            response, error = await answer(request, read, call)
        except ConnectionError:
            return web.Response()  # the client has left: nobody reads this
        except Exception as exc:
            error = _known(exc, request)
            raise error from exc
        finally:
            record.end(error)
        return response

    async def _read(self, request: web.Request, deadline: float) -> openai_json.Read[Any]:
        if request.content_type != "application/json":
            raise BridgeError(Reason.INVALID_JSON, "the header Content-Type must be application/json")
        json = openai_json.parse_body(await _body(request, deadline))
        read: openai_json.Read[Any] = openai_json.read(self._form.request_type, json)
        if read.ignored:
            self._ignore(read)
        if read.request_id is not None and HEADER not in request.headers:
            request[REQUEST_ID] = request_id(read.request_id)
        return read

    def _ignore(self, read: openai_json.Read[Any]) -> None:
        if self._config.unknown_fields == "reject":
            openai_json.reject_unknown(read)
        for path in read.ignored:
            self._metrics.ignored_fields.labels("other").inc()
            name = openai_json.header_names((path,))
            if name not in self._logged and len(self._logged) < MAX_LOGGED_NAMES:
                self._logged.add(name)
                logger.info("unknown request field ignored", extra={"facts": {"field": name}})

    async def _complete(
        self, _: web.Request, read: openai_json.Read[Any], call: Call
    ) -> tuple[web.StreamResponse, None]:
        answer = await self._handler.complete(read.message, call)
        response = web.Response(body=self._form.dump(answer), content_type="application/json")
        response.headers.update(_ignored(read))
        return response, None

    async def _stream(
        self, request: web.Request, read: openai_json.Read[Any], call: Call
    ) -> tuple[web.StreamResponse, BridgeError | None]:
        stream = EventStream(request, _ignored(read), self._config.keep_alive)
        renderer = self._form.renderer(read.message.stream_options.include_usage)
        try:
            async with stream.kept_alive(), aclosing(self._handler.stream(read.message, call)) as batches:
                async for batch in batches:
                    if data := renderer.render(batch):
                        await stream.send(data)
        except ConnectionError:
            raise
        except Exception as exc:
            if not stream.started:
                raise
            error = _known(exc, request)
            await stream.end(sse.frame(openai_json.dump_stream_error(error)) + sse.DONE)
            return stream.response, error
        await stream.end(sse.DONE)
        return stream.response, None


async def _body(request: web.Request, deadline: float) -> bytes:
    """Read the body; a declared length over the limit is refused before it is read."""
    limit = request.client_max_size
    if request.content_length is not None and request.content_length > limit:
        raise web.HTTPRequestEntityTooLarge(max_size=limit, actual_size=request.content_length)
    try:
        async with asyncio.timeout_at(deadline):
            return await request.read()
    except TimeoutError:
        raise BridgeError(Reason.SLOW_UPLOAD, "the body did not arrive in time") from None
    except web.RequestPayloadError as exc:
        message = "the body is not encoded as the header Content-Encoding says"
        raise BridgeError(Reason.INVALID_JSON, message) from exc


def _ignored(read: openai_json.Read[Any]) -> dict[str, str]:
    return {IGNORED: openai_json.header_names(read.ignored)} if read.ignored else {}


def _known(exc: Exception, request: web.Request) -> BridgeError:
    """Return what the caller may know, and log what it may not."""
    if isinstance(exc, web.HTTPRequestEntityTooLarge):
        limit = request.client_max_size
        return BridgeError(Reason.REQUEST_TOO_LARGE, f"the body is larger than the limit of {limit} bytes")
    if not isinstance(exc, BridgeError):
        logger.error("bug in a handler", exc_info=exc, extra={"facts": {"request_id": request[REQUEST_ID]}})
    return public(exc)
