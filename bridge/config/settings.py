"""All settings and what holds between them."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - get_type_hints reads the annotations
from dataclasses import dataclass, field
from math import inf
from pathlib import Path  # noqa: TC003
from typing import Final, Literal

from bridge.config.checks import DERIVED, demand
from bridge.config.dynamo import Dynamo
from bridge.config.limits import Limits
from bridge.config.model import DEFAULT_TEMPLATE, ModelConfig, Template, builtin
from bridge.config.nats import Nats, check_urls, is_nats
from bridge.config.tls import Tls, TritonTls, UpstreamTls  # noqa: TC001 - get_type_hints reads the annotations
from bridge.config.upstreams import Balancing, Upstream, check_address, upstreams

UnknownFields = Literal["ignore", "reject"]
TritonTransport = Literal["native", "grpcio"]
ReasoningField = Literal["reasoning_content", "reasoning"]
LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings. Times are in seconds, sizes in bytes."""

    host: str = "127.0.0.1"
    """Address that both doors listen on."""
    http_port: int = 8080
    """0 takes a free port."""
    grpc_port: int = 50051
    """0 takes a free port."""
    workers: int = 1
    """Processes that share both ports."""
    triton: str | tuple[Upstream, ...] | None = None
    """HOST:PORT of Triton's gRPC endpoint, or several servers; `servers` is either as a list."""
    balancing: Balancing = field(default_factory=Balancing, metadata={DERIVED: True})
    """How requests are shared out among several servers."""
    upstream: str | None = None
    """Instead of a Triton, another bridge: grpc://HOST:PORT, grpcs:// with TLS; or a request plane: nats://."""
    upstream_key_file: Path | None = None
    """File of the API key that is shown to the other bridge."""
    upstream_tls: UpstreamTls | None = None
    """TLS towards a grpcs:// upstream; None trusts the roots of the system."""
    nats: Nats = field(default_factory=Nats)
    dynamo: Dynamo = field(default_factory=Dynamo)
    default_model: str | None = None
    """Model for requests that name none."""
    chat_template: str = DEFAULT_TEMPLATE
    """Built-in name or file of the chat template for models that set none."""
    template: Template | None = field(default=None, metadata={DERIVED: True})
    """What `chat_template` names; not a key of the file. None is the built-in one."""
    unknown_fields: UnknownFields = "ignore"
    """What an unknown JSON field means: named in a response header, or 400."""
    reasoning_field: ReasoningField = "reasoning_content"
    """Name of the JSON field that answers carry reasoning in; requests may use either."""
    max_request_bytes: int = 16 * 1024 * 1024
    """Largest HTTP body or gRPC message from a client."""
    max_response_bytes: int = 64 * 1024 * 1024
    """Largest message from Triton."""
    request_timeout: float = 600.0
    """Longest time for a whole request, whatever its own deadline."""
    first_token_timeout: float = 300.0
    """Longest wait for a model's first response."""
    token_timeout: float = 60.0
    """Longest wait between two responses of a model."""
    keep_alive: float = 15.0
    """Silence on an SSE stream after which a comment is sent."""
    stall_timeout: float = 60.0
    """Time that a client may leave its connection full before its generation is cancelled."""
    max_buffered_bytes: int = 64 * 1024
    """What may wait for a client that reads slowly, before the generation is paused."""
    triton_transport: TritonTransport = "native"
    """How Triton is spoken to: our own HTTP/2 reader, or "grpcio"."""
    poll_interval: float = 2.0
    """Time between two looks at Triton's readiness and models."""
    drain_timeout: float = 60.0
    """Time that running requests have after a first SIGINT or SIGTERM."""
    log_level: LogLevel = "info"
    log_format: LogFormat = "text"
    tracing: bool = False
    """Whether traces are sent, as OpenTelemetry's environment variables say."""
    serve_unconfigured: bool = True
    """Whether ready models that `models` does not name are served too."""
    key_file: Path | None = None
    """File of API keys, made by `openai-bridge keys add`; None lets everybody in, and nobody administer."""
    protect_metrics: bool = False
    """Whether /metrics asks for a key too."""
    cors_origins: tuple[str, ...] = ()
    """Origins whose web pages may ask, such as https://chat.example; "*" is all of them."""
    limits: Limits = field(default_factory=Limits)
    tls: Tls | None = None
    """TLS on both ports; None serves without."""
    triton_tls: TritonTls | None = None
    """TLS towards Triton; None connects without."""
    triton_headers: Mapping[str, Path] = field(default_factory=dict)
    """Metadata of every call of Triton: its name, and the file that holds its value."""
    triton_header_values: Mapping[str, str] = field(
        default_factory=dict, repr=False, metadata={DERIVED: True}
    )
    """What the files of `triton_headers` hold; not a key of the file."""
    image_hosts: tuple[str, ...] = ()
    """HOST or HOST:PORT that image URLs may be fetched from; data URLs are always taken."""
    image_private_hosts: tuple[str, ...] = ()
    """Those among them that may have private addresses."""
    max_image_bytes: int = 8 * 1024 * 1024
    """Largest image."""
    image_timeout: float = 10.0
    """Longest time to fetch one."""
    models: Mapping[str, ModelConfig] = field(default_factory=dict, metadata={DERIVED: True})
    """Settings by model name; a model that stands here must be ready for the bridge to be ready."""

    def __post_init__(self) -> None:
        demand(bool(self.host), "host", "must not be empty; 0.0.0.0 or :: listens on all addresses")
        for key in ("http_port", "grpc_port"):
            port = getattr(self, key)
            demand(0 <= port <= _MAX_PORT, key, f"must be a port, 0 to {_MAX_PORT}, not {port}")
        for key in _POSITIVE:
            demand(0 < getattr(self, key) < inf, key, f"must be > 0 and finite, not {getattr(self, key)}")
        demand(0 <= self.drain_timeout < inf, "drain_timeout", f"must be >= 0, not {self.drain_timeout}")
        demand(not self.protect_metrics or self.key_file is not None, "protect_metrics", "needs key_file")
        for origin in self.cors_origins:
            demand(_is_origin(origin), "cors_origins", f"must hold origins or *, not {origin!r}")
        for key in ("max_request_bytes", "max_response_bytes"):
            demand(getattr(self, key) <= _MAX_BYTES, key, f"must be at most {_MAX_BYTES}")
        demand(not (self.triton and self.upstream), "upstream", "cannot be combined with triton: choose one")
        self._check_upstream()
        known = {server.address for server in self.servers}
        for name, model in self.models.items():
            model.check(f"models.{name}")
            for address in model.upstreams if known else ():
                demand(address in known, f"models.{name}.upstreams", f"{address} is not one of triton's")

    def _check_upstream(self) -> None:
        scheme, _, rest = (self.upstream or "").partition("://")
        secured = self.upstream_tls is None or scheme == "grpcs"
        demand(secured, "upstream_tls", "goes with an upstream of grpcs:// only")
        shown = self.upstream_key_file is None or scheme in _BRIDGE
        demand(shown, "upstream_key_file", "goes with an upstream of grpc:// or grpcs:// only")
        if self.upstream is None:
            return
        if not is_nats(self.upstream):
            known = f"must be grpc://, grpcs:// or nats://HOST:PORT, not {self.upstream}"
            demand(scheme in _BRIDGE, "upstream", known)
            check_address("upstream", rest)
            return
        check_urls("upstream", self.upstream)
        for name, model in self.models.items():
            demand(not model.upstreams, f"models.{name}.upstreams", "goes with triton only")

    @property
    def servers(self) -> tuple[Upstream, ...]:
        """What `triton` stands for; none where it is not set."""
        return upstreams(self.triton)

    def model(self, name: str) -> ModelConfig:
        """Return a model's settings."""
        return self.models.get(name, ModelConfig())

    def template_of(self, name: str) -> Template:
        """Return a model's chat template: its own, the top level's, or the built-in default."""
        return self.model(name).template or self.template or builtin(DEFAULT_TEMPLATE)


_BRIDGE: Final = frozenset({"grpc", "grpcs"})
"""Schemes of another bridge."""
_MAX_PORT: Final = 65535
_MAX_BYTES: Final = 2**31 - 1
_POSITIVE: Final = (
    "workers",
    "max_request_bytes",
    "max_response_bytes",
    "request_timeout",
    "first_token_timeout",
    "token_timeout",
    "keep_alive",
    "stall_timeout",
    "max_buffered_bytes",
    "poll_interval",
    "max_image_bytes",
    "image_timeout",
)


def _is_origin(text: str) -> bool:
    """Tell whether a browser could send this as an origin: scheme and host, perhaps a port, no path."""
    scheme, found, host = text.partition("://")
    return text in {"*", "null"} or (bool(found and scheme and host) and "/" not in host)
