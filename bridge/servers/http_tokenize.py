"""POST /tokenize and /detokenize, with and without /v1: JSON in, JSON out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Protocol

from aiohttp import web

from bridge.errors import BridgeError, Reason, public
from bridge.handlers.base import Call
from bridge.observability.record import RequestRecord
from bridge.protocol import openai_json
from bridge.protocol.tokenize import read_detokenize, read_tokenize
from bridge.servers.http_errors import REQUEST_ID

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.config import Config
    from bridge.handlers.tokenize import TokenizeHandler
    from bridge.observability.metrics import Metrics

IGNORED: Final = "openai-bridge-ignored"
"""Response header that names the unknown request fields."""


class Asked(Protocol):
    """What both requests have in common."""

    @property
    def ignored(self) -> tuple[str, ...]:
        """Paths of unknown fields."""


class TokenizeEndpoints:
    """Both endpoints as aiohttp handlers."""

    def __init__(self, handler: TokenizeHandler, config: Config, metrics: Metrics) -> None:
        self._handler = handler
        self._config = config
        self._metrics = metrics

    def routes(self) -> list[web.RouteDef]:
        """Return the routes for `Application.add_routes`."""
        return [
            web.post(f"{root}/{name}", endpoint)
            for root in ("", "/v1")
            for name, endpoint in (("tokenize", self._tokenize), ("detokenize", self._detokenize))
        ]

    async def _tokenize(self, request: web.Request) -> web.Response:
        return await self._answer(request, "tokenize", read_tokenize, self._handler.tokenize)

    async def _detokenize(self, request: web.Request) -> web.Response:
        return await self._answer(request, "detokenize", read_detokenize, self._handler.detokenize)

    async def _answer(
        self,
        request: web.Request,
        endpoint: str,
        read: Callable[[dict[str, Any]], Asked],
        ask: Callable[[Any, Call], Awaitable[bytes]],
    ) -> web.Response:
        """Read the body, ask, answer; the record is always ended."""
        identity = request[REQUEST_ID]
        record = RequestRecord(self._metrics, door="http", endpoint=endpoint, request_id=identity)
        deadline = asyncio.get_running_loop().time() + self._config.request_timeout
        error: BridgeError | None = BridgeError(Reason.CANCELLED, "the client left")
        try:
            asked = read(await _json(request))
            headers = self._ignored(asked.ignored)
            body = await ask(asked, Call(request_id=identity, deadline=deadline, record=record))
            error = None
        except web.HTTPRequestEntityTooLarge:
            error = BridgeError(Reason.REQUEST_TOO_LARGE, "the body is too large")
            raise
        except Exception as exc:
            error = public(exc)
            raise
        finally:
            record.end(error)
        return web.Response(body=body, content_type="application/json", headers=headers)

    def _ignored(self, paths: tuple[str, ...]) -> dict[str, str]:
        """Count unknown fields and return the header that names them, or refuse the first."""
        if not paths:
            return {}
        if self._config.unknown_fields == "reject":
            raise BridgeError(Reason.UNKNOWN_PARAMETER, f"Unknown parameter: '{paths[0]}'.", param=paths[0])
        self._metrics.ignored_fields.labels("other").inc(len(paths))
        return {IGNORED: openai_json.header_names(paths)}


async def _json(request: web.Request) -> dict[str, Any]:
    if request.content_type != "application/json":
        raise BridgeError(Reason.INVALID_JSON, "the header Content-Type must be application/json")
    if request.content_length is not None and request.content_length > request.client_max_size:
        raise web.HTTPRequestEntityTooLarge(
            max_size=request.client_max_size, actual_size=request.content_length
        )
    return openai_json.parse_body(await request.read())
