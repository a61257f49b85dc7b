"""The handlers over Triton or another bridge, and the backends under them, made from the configuration.

Nothing else names a concrete backend.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import grpc

from bridge.backends.balanced import Balanced, balanced
from bridge.backends.pool import Budget, Pool
from bridge.backends.triton import CHANNEL_OPTIONS, TritonBackend
from bridge.backends.triton_native import NativeTritonBackend
from bridge.backends.upstream import Upstream
from bridge.config import ConfigError, UpstreamTls, is_nats
from bridge.handlers.admin import ModelAdmin
from bridge.handlers.catalog import Catalog
from bridge.handlers.chat import chat_handler
from bridge.handlers.completions import completions_handler
from bridge.handlers.embeddings import EmbeddingsHandler
from bridge.handlers.images import ImageLoader, ImagePolicy
from bridge.handlers.remote import RemoteEmbeddings, RemoteModels, remote_chat, remote_completions
from bridge.handlers.tokenize import TokenizeHandler, no_models
from bridge.observability.metrics import Metrics
from bridge.observability.upstream_meter import UpstreamMeter
from bridge.routes import Routes
from bridge.tls import ClientTls

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.backends.abandoned import Meter
    from bridge.backends.base import Backend
    from bridge.config import Config
    from bridge.handlers.base import Call, Generating, Models
    from bridge.protection import Protection


@dataclass(frozen=True, slots=True, kw_only=True)
class Handlers:
    """What both doors call, over a Triton or over another bridge."""

    chat: Generating[Any, Any]
    completions: Generating[Any, Any]
    embed: Callable[[Any, Call], Awaitable[Any]]
    models: Models
    close: Callable[[], Awaitable[object]]
    catalog: Catalog | None = None
    """What must be kept true by polling."""
    tokenize: TokenizeHandler = field(default_factory=lambda: TokenizeHandler(no_models))
    admin: ModelAdmin | None = None
    """None: there are no keys, so that nobody may load or unload."""


def make_handlers(config: Config, routes: Routes, protection: Protection, metrics: Metrics) -> Handlers:
    """Return what the configuration amounts to; nothing connects yet.

    Raises:
        ConfigError: neither triton nor upstream is set, a host of images is none, or a file is broken.
    """
    if config.upstream is not None and not is_nats(config.upstream):
        return remote(config, config.upstream, protection)
    backend = (
        plane(config, metrics) if config.upstream else make_backend(config, metrics, protection.triton_tls)
    )
    catalog = make_catalog(config, backend, routes)
    images = make_image_loader(config)
    admin = None
    if protection.entrance.ring is not None:
        admin = ModelAdmin(catalog, triton_name=routes.triton_name)
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


def remote(config: Config, upstream: str, protection: Protection) -> Handlers:
    """Return the handlers over another bridge.

    Args:
        config: all settings.
        upstream: grpc://HOST:PORT, or grpcs:// with TLS.
        protection: has the key that the other bridge is shown.

    Raises:
        ConfigError: a file of `upstream_tls` is broken.
    """
    scheme, _, address = upstream.partition("://")
    options: list[tuple[str, int | str]] = [*CHANNEL_OPTIONS]
    options.append(("grpc.max_receive_message_length", config.max_response_bytes))
    if scheme == "grpcs":
        tls = config.upstream_tls or UpstreamTls()
        if tls.server_name is not None:
            options.append(("grpc.ssl_target_name_override", tls.server_name))
        channel = grpc.aio.secure_channel(address, ClientTls(tls).credentials(), options=options)
    else:
        channel = grpc.aio.insecure_channel(address, options=options)
    key = protection.upstream_key

    def login() -> tuple[tuple[str, str], ...]:
        return () if key is None else key.metadata

    return Handlers(
        chat=remote_chat(channel, login),
        completions=remote_completions(channel, login),
        embed=RemoteEmbeddings(channel, login).create,
        models=RemoteModels(channel, login),
        close=channel.close,
    )


def plane(config: Config, metrics: Metrics) -> Backend:
    """Return the backend over the workers of a request plane.

    Args:
        config: all settings.
        metrics: where to count.

    Raises:
        ConfigError: the extra is not installed, or a file of `nats` is broken.
    """
    require_nats()
    from bridge.backends.nats import NatsBackend  # noqa: PLC0415 - optional

    return NatsBackend(config, UpstreamMeter(metrics, config.upstream or ""))


def require_nats() -> None:
    """Check that what a request plane needs is there.

    Raises:
        ConfigError: it is not.
    """
    if find_spec("nats") is None:
        raise ConfigError("nats: a request plane needs: pip install 'openai-bridge[nats]'")


def make_backend(config: Config, metrics: Metrics | None = None, tls: ClientTls | None = None) -> Balanced:
    """Return the backend over all configured Tritons.

    Args:
        config: all settings.
        metrics: where to count; None counts for nobody.
        tls: what `triton_tls` stands for, if its files have been read.

    Raises:
        ConfigError: none is configured, or a file of `triton_tls` is broken.
    """
    if tls is None and config.triton_tls is not None:
        tls = ClientTls(config.triton_tls)
    if not config.servers:
        raise ConfigError("triton: where is Triton's gRPC endpoint? Set triton or upstream")
    counted, rules = metrics or Metrics(), config.balancing
    upstreams = []
    for item in config.servers:
        meter = UpstreamMeter(counted, item.address)
        upstreams.append(Upstream(make_server(config, item.address, tls, meter), item, rules, meter))
    return balanced(Pool(upstreams, rules, Budget(rules.retry_budget)))


def make_server(
    config: Config, address: str, tls: ClientTls | None = None, meter: Meter | None = None
) -> Backend:
    """Return the backend of one Triton; `meter` hears of the generations that are given up there."""
    shared: dict[str, Any] = {
        "first_token_timeout": config.first_token_timeout,
        "token_timeout": config.token_timeout,
        "max_response_bytes": config.max_response_bytes,
        "server_name": None if config.triton_tls is None else config.triton_tls.server_name,
        "metadata": tuple(config.triton_header_values.items()),
        "names": _names(config, address),
        "abandoned_limit": config.request_timeout,
        "meter": meter,
    }
    if config.triton_transport == "native":
        return NativeTritonBackend(address, ssl=None if tls is None else tls.context, **shared)
    return TritonBackend(address, credentials=None if tls is None else tls.credentials(), **shared)


def _names(config: Config, address: str) -> tuple[str, ...]:
    """Return Triton's names of the configured models that a server may serve."""
    models = config.models.items()
    found = [
        model.triton_model or name for name, model in models if address in (model.upstreams or (address,))
    ]
    return tuple(dict.fromkeys(found))


def make_catalog(config: Config, backend: Backend, routes: Routes | None = None) -> Catalog:
    """Return the catalog of a backend's models.

    Args:
        config: all settings.
        backend: where to look.
        routes: what the settings amount to, if they have been read.

    Raises:
        ConfigError: a tokenizer or a chat template is broken; the text begins with its key.
    """
    routes = routes or Routes(config)
    own: dict[str, Backend] = {}
    if isinstance(backend, Balanced):
        own = {name: backend.within(addresses) for name, addresses in routes.upstreams.items()}
    return Catalog(backend, routes, clock=time.time, own=own)


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
