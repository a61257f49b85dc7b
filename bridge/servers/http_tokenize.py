"""POST /tokenize and /detokenize, with and without /v1: JSON in, JSON out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import web

from bridge.protocol.tokenize import read_detokenize, read_tokenize
from bridge.servers.http_request import UnknownFields, ignored_header, read_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.handlers.base import Call
    from bridge.handlers.guarded import GuardedTokenize
    from bridge.servers.http_call import HttpCalls


class Asked(Protocol):
    """What both requests have in common."""

    @property
    def ignored(self) -> tuple[str, ...]:
        """Paths of unknown fields."""


class TokenizeEndpoints:
    """Both endpoints as aiohttp handlers."""

    def __init__(self, handler: GuardedTokenize, calls: HttpCalls) -> None:
        self._handler = handler
        self._calls = calls
        self._unknown = UnknownFields(calls.config, calls.metrics)

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
        with self._calls.call(request, endpoint) as call:
            limit = self._calls.config.limits.body_timeout
            asked = await read_json(request, call.deadline, limit, read)
            self._unknown.note(asked.ignored)
            body = await ask(asked, call)
        headers = ignored_header(asked.ignored)
        return web.Response(body=body, content_type="application/json", headers=headers)
