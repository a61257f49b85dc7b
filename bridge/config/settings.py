"""All settings and what holds between them."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - get_type_hints reads the annotations
from dataclasses import dataclass, field
from math import inf
from pathlib import Path  # noqa: TC003
from typing import Final, Literal

from bridge.config.checks import DERIVED, demand
from bridge.config.model import DEFAULT_TEMPLATE, ModelConfig, Template, builtin

UnknownFields = Literal["ignore", "reject"]
TritonTransport = Literal["native", "grpcio"]
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
    triton: str | None = None
    """HOST:PORT of Triton's gRPC endpoint."""
    upstream: str | None = None
    """grpc://HOST:PORT of another bridge, instead of a Triton."""
    default_model: str | None = None
    """Model for requests that name none."""
    chat_template: str = DEFAULT_TEMPLATE
    """Built-in name or file of the chat template for models that set none."""
    template: Template | None = field(default=None, metadata={DERIVED: True})
    """What `chat_template` names; not a key of the file. None is the built-in one."""
    unknown_fields: UnknownFields = "ignore"
    """What an unknown JSON field means: named in a response header, or 400."""
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
    shutdown_grace: float = 5.0
    """Time that running requests have after a first SIGINT or SIGTERM."""
    log_level: LogLevel = "info"
    log_format: LogFormat = "text"
    serve_unconfigured: bool = True
    """Whether ready models that `models` does not name are served too."""
    admin_key_file: Path | None = None
    """File of keys, one a line, that may load and unload models; None turns that off."""
    admin_keys: tuple[str, ...] = field(default=(), repr=False, metadata={DERIVED: True})
    """What `admin_key_file` holds; not a key of the file."""
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
        demand(0 <= self.shutdown_grace < inf, "shutdown_grace", f"must be >= 0, not {self.shutdown_grace}")
        for key in ("max_request_bytes", "max_response_bytes"):
            demand(getattr(self, key) <= _MAX_BYTES, key, f"must be at most {_MAX_BYTES}")
        demand(not (self.triton and self.upstream), "upstream", "cannot be combined with triton: choose one")
        if self.triton is not None:
            _check_address("triton", self.triton)
        if self.upstream is not None:
            scheme, _, rest = self.upstream.partition("://")
            demand(scheme == "grpc", "upstream", f"must be grpc://HOST:PORT, not {self.upstream}")
            _check_address("upstream", rest)
        for name, model in self.models.items():
            model.check(f"models.{name}")

    def model(self, name: str) -> ModelConfig:
        """Return a model's settings."""
        return self.models.get(name, ModelConfig())

    def template_of(self, name: str) -> Template:
        """Return a model's chat template: its own, the top level's, or the built-in default."""
        return self.model(name).template or self.template or builtin(DEFAULT_TEMPLATE)


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


def _check_address(key: str, address: str) -> None:
    host, _, port = address.rpartition(":")
    known = bool(host) and "/" not in host and port.isdecimal() and int(port) <= _MAX_PORT
    demand(known, key, f"must be HOST:PORT, not {address}")
