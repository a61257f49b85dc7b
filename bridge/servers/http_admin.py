"""POST /v1/models/{model}/load and /unload, for who holds an admin key; 404 where there are no keys."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from bridge.errors import BridgeError, Reason

if TYPE_CHECKING:
    from bridge.handlers.admin import ModelAdmin
    from bridge.servers.http_call import HttpCalls


class AdminEndpoints:
    """The two endpoints, as aiohttp handlers."""

    def __init__(self, admin: ModelAdmin | None, calls: HttpCalls) -> None:
        self._admin = admin
        self._calls = calls

    def routes(self) -> list[web.RouteDef]:
        """Return the routes; they go before `GET /v1/models/{id:.+}`."""
        return [web.post("/v1/models/{id:.+}/{change:load|unload}", self._change)]

    async def _change(self, request: web.Request) -> web.Response:
        if self._admin is None:
            raise BridgeError(Reason.UNKNOWN_URL, f"Unknown request URL: POST {request.path[:200]}")
        model, loads = request.match_info["id"], request.match_info["change"] == "load"
        change = self._admin.load if loads else self._admin.unload
        with self._calls.call(request, "admin") as call:
            # A client that leaves must not leave Triton half way.
            await asyncio.shield(change(model, call.key))
        body = orjson.dumps({"id": model, "object": "model", "loaded": loads})
        return web.Response(body=body, content_type="application/json")
