"""The configuration: one frozen tree from a TOML file and flags, checked once.

Nobody else reads files or the environment for settings. Every complaint names the key.
"""

from __future__ import annotations

import tomllib
import types
from collections.abc import Mapping  # noqa: TC003 - get_type_hints reads the annotations
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from bridge.chat_templates import BUILTIN, builtin_source, builtin_tokens

UnknownFields = Literal["ignore", "reject"]
LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Template:
    """A chat template as it was found."""

    name: str
    """Built-in name or file."""
    source: str
    special_tokens: Mapping[str, str] = field(default_factory=dict)


DEFAULT_TEMPLATE: Final = "chatml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """Settings of one model: `[models."NAME"]`."""

    adapter: str = "auto"
    """Tensor layout: "vllm", "text", or "auto" to choose by the model's own configuration."""
    chat_template: str | None = None
    """Built-in name or file of a Jinja chat template; None is the top level's."""
    template: Template | None = None
    """What `chat_template` names; not a key of the file."""
    strip_bos: bool = True
    """Drop a leading beginning-of-sequence token from prompts: the engines add it themselves."""
    max_tokens: int | None = None
    """Tokens of an answer where the request sets no limit."""
    max_model_len: int | None = None
    """Longest prompt plus answer, in tokens, as shown by /v1/models."""
    owned_by: str = "triton"
    """Shown by /v1/models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings. Times are in seconds, sizes in bytes."""

    host: str = "127.0.0.1"
    """Address that both doors listen on."""
    http_port: int = 8080
    """0 takes a free port."""
    grpc_port: int = 50051
    """0 takes a free port."""
    triton: str | None = None
    """HOST:PORT of Triton's gRPC endpoint."""
    upstream: str | None = None
    """grpc://HOST:PORT of another bridge, instead of a Triton."""
    default_model: str | None = None
    """Model for requests that name none."""
    chat_template: str = DEFAULT_TEMPLATE
    """Built-in name or file of the chat template for models that set none."""
    template: Template | None = None
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
    poll_interval: float = 2.0
    """Time between two looks at Triton's readiness and models."""
    shutdown_grace: float = 5.0
    """Time that running requests have after a first SIGINT or SIGTERM."""
    log_level: LogLevel = "info"
    log_format: LogFormat = "text"
    models: Mapping[str, ModelConfig] = field(default_factory=dict)
    """Settings by model name; a model that stands here must be ready for the bridge to be ready."""

    def __post_init__(self) -> None:
        for key in ("http_port", "grpc_port"):
            _demand(0 <= getattr(self, key) <= _MAX_PORT, key, f"must be a port, not {getattr(self, key)}")
        for key in _POSITIVE:
            _demand(getattr(self, key) > 0, key, f"must be > 0, not {getattr(self, key)}")
        _demand(not (self.triton and self.upstream), "upstream", "cannot be combined with triton: choose one")
        if self.triton is not None:
            _check_address("triton", self.triton)
        if self.upstream is not None:
            scheme, _, rest = self.upstream.partition("://")
            _demand(scheme == "grpc", "upstream", f"must be grpc://HOST:PORT, not {self.upstream}")
            _check_address("upstream", rest)
        for name, model in self.models.items():
            for key in ("max_tokens", "max_model_len"):
                value = getattr(model, key)
                _demand(value is None or value > 0, f"models.{name}.{key}", f"must be > 0, not {value}")

    def model(self, name: str) -> ModelConfig:
        """Return a model's settings."""
        return self.models.get(name, ModelConfig())

    def template_of(self, name: str) -> Template:
        """Return a model's chat template: its own, the top level's, or the built-in default."""
        return self.model(name).template or self.template or builtin(DEFAULT_TEMPLATE)


_MAX_PORT: Final = 65535
_POSITIVE: Final = (
    "max_request_bytes",
    "max_response_bytes",
    "request_timeout",
    "first_token_timeout",
    "token_timeout",
    "keep_alive",
    "poll_interval",
)
_DERIVED: Final = "template"


def load(path: Path | None, flags: Mapping[str, Any]) -> Config:
    """Read the configuration.

    Args:
        path: the TOML file, or None.
        flags: keys of `Config` set on the command line; they win over the file.

    Raises:
        OSError: a file cannot be read.
        ValueError: a key is wrong; the text begins with its name.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")) if path else {}
    except tomllib.TOMLDecodeError as exc:
        raise ValueError(f"not TOML: {exc}") from exc
    base = path.parent if path else Path()
    models = table.pop("models", {})
    _demand(isinstance(models, dict), "models", "must be a table of tables")
    top = _typed(Config, table, "") | {key: value for key, value in flags.items() if value is not None}
    top["models"] = {name: _model(name, entry, base) for name, entry in models.items()}
    top[_DERIVED] = _template(
        top.get("chat_template", Config.__dataclass_fields__["chat_template"].default), "chat_template", base
    )
    return Config(**top)


def _model(name: str, entry: Any, base: Path) -> ModelConfig:
    prefix = f"models.{name}"
    _demand(isinstance(entry, dict), prefix, "must be a table")
    values = _typed(ModelConfig, entry, f"{prefix}.")
    if "chat_template" in values:
        values[_DERIVED] = _template(values["chat_template"], f"{prefix}.chat_template", base)
    return ModelConfig(**values)


def builtin(name: str) -> Template:
    """Return a built-in chat template; KeyError if there is none of that name."""
    return Template(name, builtin_source(name), builtin_tokens(name))


def _template(name: str, key: str, base: Path) -> Template:
    """Return a built-in template or one from a file beside the configuration."""
    if name in BUILTIN:
        return builtin(name)
    try:
        return Template(name, (base / name).read_text(encoding="utf-8"))
    except OSError as exc:
        known = ", ".join(BUILTIN)
        raise ValueError(
            f"{key}: {name} is neither built in ({known}) nor a readable file: {exc.strerror}"
        ) from exc


def _typed(cls: type, table: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Check a table's keys and types against a dataclass."""
    hints = get_type_hints(cls)
    known = [item.name for item in fields(cls) if item.name not in {_DERIVED, "models"}]
    values: dict[str, Any] = {}
    for key, value in table.items():
        _demand(key in known, f"{prefix}{key}", f"unknown key; known are {', '.join(known)}")
        values[key] = _cast(hints[key], value, f"{prefix}{key}")
    return values


def _cast(hint: Any, value: Any, key: str) -> Any:
    if get_origin(hint) is Literal:
        allowed = get_args(hint)
        _demand(value in allowed, key, f"must be one of {', '.join(allowed)}, not {value!r}")
        return value
    wanted = [item for item in get_args(hint) if item is not types.NoneType] or [hint]
    if float in wanted and type(value) is int:
        return float(value)
    _demand(type(value) in wanted, key, f"must be of type {wanted[0].__name__}, not {type(value).__name__}")
    return value


def _check_address(key: str, address: str) -> None:
    host, _, port = address.rpartition(":")
    _demand(bool(host) and port.isdecimal(), key, f"must be HOST:PORT, not {address}")


def _demand(holds: bool, key: str, complaint: str) -> None:
    if not holds:
        raise ValueError(f"{key}: {complaint}")
