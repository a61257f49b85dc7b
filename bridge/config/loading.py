"""Reading the configuration: the TOML file, the files it names, and the flags."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.chat_templates import BUILTIN
from bridge.config.checks import ConfigError, demand, typed
from bridge.config.dynamo import Dynamo
from bridge.config.model import DEFAULT_TEMPLATE, ModelConfig, Template, builtin
from bridge.config.nats import Nats
from bridge.config.settings import Config
from bridge.config.upstreams import read_balancing, read_upstreams

if TYPE_CHECKING:
    from collections.abc import Mapping


def load(path: Path | None, flags: Mapping[str, Any]) -> Config:
    """Read the configuration.

    Args:
        path: the TOML file, or None.
        flags: keys of `Config` set on the command line; they win over the file.

    Raises:
        OSError: a file cannot be read.
        ConfigError: a key is wrong; the text begins with its name.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")) if path else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"not TOML: {exc}") from exc
    base = path.parent if path else Path()
    triton = read_upstreams(table.pop("triton", None), "triton")
    balancing = read_balancing(table.pop("balancing", {}), "balancing")
    models = table.pop("models", {})
    demand(isinstance(models, dict), "models", "must be a table of tables")
    read = typed(Config, table, "", base)
    top = read | {key: value for key, value in flags.items() if value is not None}
    if flags.get("nats") is not None:
        top["nats"] = replace(read.get("nats", Nats()), url=flags["nats"])
    if flags.get("dynamo") is not None:
        top["dynamo"] = replace(read.get("dynamo", Dynamo()), url=flags["dynamo"])
    top["triton"] = read_upstreams(flags.get("triton"), "triton") or triton
    top["balancing"] = balancing
    top["models"] = {name: _model(name, entry, base) for name, entry in models.items()}
    top["template"] = _template(top.get("chat_template", DEFAULT_TEMPLATE), "chat_template", base)
    top["triton_header_values"] = {
        name: _header(path, f"triton_headers.{name}") for name, path in top.get("triton_headers", {}).items()
    }
    return Config(**top)


def _model(name: str, entry: Any, base: Path) -> ModelConfig:
    prefix = f"models.{name}"
    demand(isinstance(entry, dict), prefix, "must be a table")
    values = typed(ModelConfig, entry, f"{prefix}.", base)
    if "chat_template" in values:
        values["template"] = _template(values["chat_template"], f"{prefix}.chat_template", base)
    return ModelConfig(**values)


def _template(name: str, key: str, base: Path) -> Template:
    """Return a built-in template or one from a file beside the configuration."""
    if name in BUILTIN:
        return builtin(name)
    known = ", ".join(BUILTIN)
    return Template(
        name, _text(base / name, key, f"{name} is neither built in ({known}) nor a readable file")
    )


def _header(path: Path, key: str) -> str:
    name = key.partition(".")[2]
    known = re.fullmatch(r"[a-z0-9_.-]+", name) and not name.startswith("grpc-") and not name.endswith("-bin")
    demand(bool(known), key, "is no name of metadata: small letters, digits, _, . and -, no grpc-, no -bin")
    value = _text(path, key, f"{path} cannot be read").strip()
    demand(bool(re.fullmatch(r"[ -~]+", value)), key, f"{path} must hold one line of ASCII")
    return value


def _text(path: Path, key: str, complaint: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "not UTF-8"
        raise ConfigError(f"{key}: {complaint}: {why}") from exc
