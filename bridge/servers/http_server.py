"""The HTTP door: routes, start and stop. What a route does stands in the module of its endpoint."""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web
from openai_bridge.v1 import chat_pb2, completions_pb2

from bridge.errors import BridgeError, Reason
from bridge.observability.metrics import CONTENT_TYPE
from bridge.protocol import openai_json, sse
from bridge.servers.http_admin import AdminEndpoints
from bridge.servers.http_call import http_call
from bridge.servers.http_embeddings import EmbeddingsEndpoint
from bridge.servers.http_errors import add_request_id, errors
from bridge.servers.http_generation import Form, GenerationEndpoint
from bridge.servers.http_tokenize import TokenizeEndpoints

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.config import Config
    from bridge.handlers.admin import ModelAdmin
    from bridge.handlers.base import Call, Generating, Models
    from bridge.handlers.tokenize import TokenizeHandler
    from bridge.observability.metrics import Metrics

CHAT = Form(
    endpoint="chat",
    request_type=chat_pb2.CreateChatCompletionRequest,
    renderer=sse.ChatRenderer,
    dump=openai_json.dump_chat_response,
)
COMPLETIONS = Form(
    endpoint="completions",
    request_type=completions_pb2.CreateCompletionRequest,
    renderer=sse.CompletionRenderer,
    dump=openai_json.dump_completion_response,
)


class HttpServer:
    """Serves handlers over aiohttp."""

    def __init__(
        self,
        *,
        chat: Generating[Any, Any, Any],
        completions: Generating[Any, Any, Any],
        models: Models,
        embed: Callable[[Any, Call], Awaitable[Any]],
        tokenize: TokenizeHandler,
        admin: ModelAdmin | None,
        config: Config,
        metrics: Metrics,
    ) -> None:
        """Build the application; `start` binds it."""
        self._models = models
        self._metrics = metrics
        self._config = config
        self._version = version("openai-bridge")
        app = web.Application(middlewares=[errors], client_max_size=config.max_request_bytes)
        app.on_response_prepare.append(add_request_id)
        app.add_routes([
            web.post("/v1/chat/completions", GenerationEndpoint(CHAT, chat, config, metrics).__call__),
            web.post(
                "/v1/completions", GenerationEndpoint(COMPLETIONS, completions, config, metrics).__call__
            ),
            web.post("/v1/embeddings", EmbeddingsEndpoint(embed, config, metrics).__call__),
            *TokenizeEndpoints(tokenize, config, metrics).routes(),
            *AdminEndpoints(admin, config, metrics).routes(),
            web.get("/v1/models", self._list),
            web.get("/v1/models/{id:.+}", self._retrieve),
            web.get("/v1/health/live", self._live),
            web.get("/v1/health/ready", self._ready),
            web.get("/health", self._live),
            web.get("/ping", self._live),
            web.get("/version", self._show_version),
            web.get("/v1/version", self._show_version),
            web.get("/metrics", self._show_metrics),
        ])  # fmt: skip
        # handler_cancellation: by default aiohttp lets a handler outlive its client.
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=config.shutdown_grace + 1
        )

    async def start(self, host: str, port: int, *, reuse_port: bool = False) -> int:
        """Listen and return the port; 0 takes a free one. `reuse_port` shares it with other processes.

        Raises:
            OSError: the address cannot be bound.
        """
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port, reuse_port=reuse_port).start()
        except OSError as exc:
            why = os.strerror(exc.errno) if exc.errno and exc.errno > 0 else exc.strerror  # names: below 0
            raise OSError(f"HTTP: cannot listen on {host}:{port}: {why}") from exc
        bound: int = self._runner.addresses[0][1]
        return bound

    async def stop(self) -> None:
        """Refuse new connections; end the requests that still run after the configured grace."""
        await self._runner.cleanup()

    async def _list(self, request: web.Request) -> web.Response:
        with http_call(request, "models", self._config, self._metrics):
            return _json(openai_json.dump_models(await self._models.list_models()))

    async def _retrieve(self, request: web.Request) -> web.Response:
        with http_call(request, "models", self._config, self._metrics):
            return _json(openai_json.dump_model(await self._models.retrieve_model(request.match_info["id"])))

    async def _live(self, _: web.Request) -> web.Response:
        return _message("Service is live.")

    async def _ready(self, _: web.Request) -> web.Response:
        reason = await self._models.not_ready()
        if reason is not None:
            raise BridgeError(Reason.MODEL_NOT_READY, reason)
        return _message("Service is ready.")

    async def _show_version(self, _: web.Request) -> web.Response:
        return _json(orjson.dumps({"version": self._version}))

    async def _show_metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={"Content-Type": CONTENT_TYPE})


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")


def _message(text: str) -> web.Response:
    return _json(orjson.dumps({"message": text}))
