"""The HTTP door: routes, start and stop. What a route does stands in the module of its endpoint."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import orjson
from aiohttp import web
from openai_bridge.v1 import chat_pb2, completions_pb2

from bridge.access.slots import STOPPING
from bridge.errors import BridgeError, Reason
from bridge.observability.metrics import CONTENT_TYPE
from bridge.protocol import openai_json, sse
from bridge.servers.http_admin import AdminEndpoints
from bridge.servers.http_call import HttpCalls, authorization
from bridge.servers.http_connection import Connection, head_came
from bridge.servers.http_cors import Cors
from bridge.servers.http_embeddings import EmbeddingsEndpoint
from bridge.servers.http_errors import add_headers, errors
from bridge.servers.http_generation import Form, GenerationEndpoint
from bridge.servers.http_openapi import OpenApiEndpoint
from bridge.servers.http_tokenize import TokenizeEndpoints

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from ssl import SSLContext

    from bridge.config import Config
    from bridge.handlers.admin import ModelAdmin
    from bridge.handlers.base import Call, Generating
    from bridge.handlers.guarded import GuardedTokenize, VisibleModels

COMPLETIONS = Form(
    endpoint="completions",
    request_type=completions_pb2.CreateCompletionRequest,
    renderer=sse.CompletionRenderer,
    dump=openai_json.dump_completion_response,
)


BACKLOG: Final = 128


class HttpServer:
    """Serves handlers over aiohttp."""

    def __init__(
        self,
        *,
        chat: Generating[Any, Any],
        completions: Generating[Any, Any],
        models: VisibleModels,
        embed: Callable[[Any, Call], Awaitable[Any]],
        tokenize: GuardedTokenize,
        admin: ModelAdmin | None,
        calls: HttpCalls,
        cut_off: float,
    ) -> None:
        """Build the application; `start` binds it.

        Args:
            chat: handler of /v1/chat/completions.
            completions: handler of /v1/completions.
            models: handler of /v1/models, and the source of readiness.
            embed: handler of /v1/embeddings.
            tokenize: handler of /tokenize and /detokenize.
            admin: loads and unloads; None: there is no such route.
            calls: what all endpoints share.
            cut_off: seconds that answers have to be written at a stop.
        """
        self._models = models
        self._calls = calls
        self._version = version("openai-bridge")
        config = calls.config
        cors = Cors(config.cors_origins)
        app = web.Application(
            middlewares=[head_came, errors, *([cors.preflight] if config.cors_origins else [])],
            client_max_size=config.max_request_bytes,
        )
        app.on_response_prepare.append(add_headers)
        if config.cors_origins:
            app.on_response_prepare.append(cors.add_headers)
        app.add_routes([
            web.post("/v1/chat/completions", GenerationEndpoint(chat_form(config), chat, calls).__call__),
            web.post("/v1/completions", GenerationEndpoint(COMPLETIONS, completions, calls).__call__),
            web.post("/v1/embeddings", EmbeddingsEndpoint(embed, calls).__call__),
            *TokenizeEndpoints(tokenize, calls).routes(),
            *AdminEndpoints(admin, calls).routes(),
            web.get("/v1/models", self._list),
            web.get("/v1/models/{id:.+}", self._retrieve),
            web.get("/v1/health/live", self._live),
            web.get("/v1/health/ready", self._ready),
            web.get("/health", self._live),
            web.get("/ping", self._live),
            web.get("/version", self._show_version),
            web.get("/v1/version", self._show_version),
            web.get("/metrics", self._show_metrics),
            web.get("/openapi.json", OpenApiEndpoint(config, self._version).__call__),
        ])  # fmt: skip
        # handler_cancellation: by default aiohttp lets a handler outlive its client.
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=cut_off)
        self._listening: asyncio.Server | None = None

    async def start(
        self, host: str, port: int, *, tls: SSLContext | None = None, reuse_port: bool = False
    ) -> int:
        """Listen and return the port.

        Args:
            host: address to listen on.
            port: 0 takes a free one.
            tls: None serves without.
            reuse_port: share the port with other processes.

        Raises:
            OSError: the address cannot be bound.
        """
        await self._runner.setup()
        server, config = self._runner.server, self._calls.config
        assert server is not None  # noqa: S101 - for the type checker
        handshake = config.limits.header_timeout if tls else None
        try:
            self._listening = await asyncio.get_running_loop().create_server(
                lambda: Connection(server, config),
                host,
                port,
                ssl=tls,
                ssl_handshake_timeout=handshake,
                backlog=BACKLOG,
                reuse_port=reuse_port,
            )
        except OSError as exc:
            why = os.strerror(exc.errno) if exc.errno and exc.errno > 0 else exc.strerror  # names: below 0
            raise OSError(f"HTTP: cannot listen on {host}:{port}: {why}") from exc
        bound: int = self._listening.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        """Refuse new connections; cut off what still runs after a moment."""
        if self._listening is not None:
            self._listening.close()
        await self._runner.cleanup()

    async def _list(self, request: web.Request) -> web.Response:
        with self._calls.call(request, "models") as call:
            return _json(openai_json.dump_models(await self._models.list_models(call.key)))

    async def _retrieve(self, request: web.Request) -> web.Response:
        with self._calls.call(request, "models") as call:
            found = await self._models.retrieve_model(request.match_info["id"], call.key)
            return _json(openai_json.dump_model(found))

    async def _live(self, _: web.Request) -> web.Response:
        return _message("Service is live.")

    async def _ready(self, _: web.Request) -> web.Response:
        if self._calls.entrance.closed:
            raise BridgeError(Reason.SHUTTING_DOWN, STOPPING)
        reason = await self._models.not_ready()
        if reason is not None:
            raise BridgeError(Reason.MODEL_NOT_READY, reason)
        return _message("Service is ready.")

    async def _show_version(self, _: web.Request) -> web.Response:
        return _json(orjson.dumps({"version": self._version}))

    async def _show_metrics(self, request: web.Request) -> web.Response:
        if self._calls.config.protect_metrics:
            self._calls.entrance.key(authorization(request))
        return web.Response(body=self._calls.metrics.text(), headers={"Content-Type": CONTENT_TYPE})


def chat_form(config: Config) -> Form:
    """Return the form of chat, in which reasoning has the name that is configured."""
    return Form(
        endpoint="chat",
        request_type=chat_pb2.CreateChatCompletionRequest,
        renderer=partial(sse.ChatRenderer, reasoning_field=config.reasoning_field),
        dump=partial(openai_json.dump_chat_response, reasoning_field=config.reasoning_field),
    )


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")


def _message(text: str) -> web.Response:
    return _json(orjson.dumps({"message": text}))
