"""The composition root: builds every object from the configuration, starts the doors, stops them.

Nothing else names a concrete backend.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc

from bridge.backends.triton import CHANNEL_OPTIONS, TritonBackend
from bridge.backends.triton_native import NativeTritonBackend
from bridge.config import ConfigError
from bridge.handlers.admin import ModelAdmin
from bridge.handlers.catalog import Catalog
from bridge.handlers.chat import chat_handler
from bridge.handlers.completions import completions_handler
from bridge.handlers.embeddings import EmbeddingsHandler
from bridge.handlers.images import ImageLoader, ImagePolicy
from bridge.handlers.remote import RemoteEmbeddings, RemoteModels, remote_chat, remote_completions
from bridge.handlers.tokenize import TokenizeHandler, no_models
from bridge.observability.metrics import Metrics
from bridge.routes import Routes
from bridge.servers.grpc_method import MethodOptions
from bridge.servers.grpc_server import GrpcServer
from bridge.servers.http_server import HttpServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.backends.base import Backend
    from bridge.config import Config
    from bridge.handlers.base import Call, Generating, Models

logger = logging.getLogger(__name__)

CUT_OFF = 1.0
"""Seconds after the grace in which requests that were failed may still say so to their clients."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handlers:
    """What both doors call, over a Triton or over another bridge."""

    chat: Generating[Any, Any, Any]
    completions: Generating[Any, Any, Any]
    embed: Callable[[Any, Call], Awaitable[Any]]
    models: Models
    close: Callable[[], Awaitable[object]]
    catalog: Catalog | None = None
    """What must be kept true by polling."""
    tokenize: TokenizeHandler = field(default_factory=lambda: TokenizeHandler(no_models))
    admin: ModelAdmin | None = None
    """None: nobody may load or unload."""


class Bridge:
    """One bridge: `start` it, `stop` it."""

    def __init__(self, config: Config, *, metrics: Metrics | None = None, reuse_port: bool = False) -> None:
        """Prepare; nothing connects or listens yet.

        Args:
            config: all settings; how many workers there are is not looked at.
            metrics: where to count; None counts for this bridge alone.
            reuse_port: share the ports with other processes.

        Raises:
            ConfigError: a chat template or tokenizer is broken, or neither triton nor upstream is set.
        """
        self._config = config
        self._routes = Routes(config)
        self.metrics = metrics or Metrics()
        self._reuse_port = reuse_port
        self.http_port = self.grpc_port = 0
        self._handlers: Handlers | None = None
        self._http: HttpServer | None = None
        self._grpc: GrpcServer | None = None
        self._poll: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Find the models, then listen on both ports, which `http_port` and `grpc_port` then tell.

        Raises:
            OSError: an address cannot be bound.
        """
        config, handlers = self._config, self._make_handlers()
        self._handlers = handlers
        if handlers.catalog is not None:
            await handlers.catalog.refresh()
            self._poll = asyncio.create_task(handlers.catalog.poll(config.poll_interval))
        doors: dict[str, Any] = {
            "chat": handlers.chat,
            "completions": handlers.completions,
            "models": handlers.models,
            "embed": handlers.embed,
            "admin": handlers.admin,
        }
        options = MethodOptions(
            metrics=self.metrics,
            max_request_bytes=config.max_request_bytes,
            request_timeout=config.request_timeout,
        )
        self._grpc = GrpcServer(
            **doors,
            options=options,
            health_interval=config.poll_interval,
            grace=config.shutdown_grace + CUT_OFF,
            reuse_port=self._reuse_port,
        )
        self._http = HttpServer(**doors, tokenize=handlers.tokenize, config=config, metrics=self.metrics)
        self.grpc_port = await self._grpc.start(f"{bracketed(config.host)}:{config.grpc_port}")
        self.http_port = await self._http.start(config.host, config.http_port, reuse_port=self._reuse_port)
        if reason := await handlers.models.not_ready():
            logger.warning("not ready: %s", reason)

    async def stop(self) -> None:
        """Stop listening, let running requests go on for the configured grace, end them, disconnect."""
        if self._poll is not None:
            self._poll.cancel()
        doors = [asyncio.create_task(door.stop()) for door in (self._http, self._grpc) if door is not None]
        if doors:
            await asyncio.wait(doors, timeout=self._config.shutdown_grace)
        # What still runs fails now and says why; the doors themselves would only cut it off.
        await self.disconnect()
        await asyncio.gather(*doors)

    async def disconnect(self) -> None:
        """Close the connections to the upstream: running requests fail at once."""
        if self._handlers is not None:
            await self._handlers.close()

    def _make_handlers(self) -> Handlers:
        config = self._config
        if config.upstream is not None:
            channel = grpc.aio.insecure_channel(
                config.upstream.removeprefix("grpc://"),
                options=[*CHANNEL_OPTIONS, ("grpc.max_receive_message_length", config.max_response_bytes)],
            )
            return Handlers(
                chat=remote_chat(channel),
                completions=remote_completions(channel),
                embed=RemoteEmbeddings(channel).create,
                models=RemoteModels(channel),
                close=channel.close,
            )
        backend = make_backend(config)
        catalog = Catalog(backend, self._routes, clock=time.time)
        images = make_image_loader(config)
        admin = None
        if config.admin_keys:
            admin = ModelAdmin(catalog, backend, keys=config.admin_keys, triton_name=self._routes.triton_name)
        return Handlers(
            chat=chat_handler(catalog, images),
            completions=completions_handler(catalog),
            embed=EmbeddingsHandler(catalog).create,
            models=catalog,
            close=lambda: asyncio.gather(backend.close(), images.close()),
            catalog=catalog,
            tokenize=TokenizeHandler(catalog.route),
            admin=admin,
        )


def make_backend(config: Config) -> Backend:
    """Return the backend of the configured Triton.

    Raises:
        ConfigError: none is configured.
    """
    if config.triton is None:
        raise ConfigError("triton: where is Triton's gRPC endpoint? Set triton or upstream")
    kind = NativeTritonBackend if config.triton_transport == "native" else TritonBackend
    return kind(
        config.triton,
        first_token_timeout=config.first_token_timeout,
        token_timeout=config.token_timeout,
        max_response_bytes=config.max_response_bytes,
    )


def make_catalog(config: Config, backend: Backend) -> Catalog:
    """Return the catalog of a backend's models.

    Raises:
        ConfigError: a tokenizer or a chat template is broken; the text begins with its key.
    """
    return Catalog(backend, Routes(config), clock=time.time)


def make_image_loader(config: Config) -> ImageLoader:
    """Return what fetches the images of requests.

    Raises:
        ConfigError: a host is none.
    """
    policy = ImagePolicy(
        hosts=frozenset(config.image_hosts),
        private_hosts=frozenset(config.image_private_hosts),
        max_bytes=config.max_image_bytes,
        timeout=config.image_timeout,
    )
    try:
        return ImageLoader(policy)
    except ValueError as exc:
        raise ConfigError(f"image_hosts: {exc}") from exc


def bracketed(host: str) -> str:
    """Return a host as it stands before a port."""
    return f"[{host}]" if ":" in host else host
