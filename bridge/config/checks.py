"""Checks of single keys: their names, their types, and complaints that begin with the key."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

DERIVED = "derived"
"""Metadata of a dataclass field that is no key of the file."""

_KINDS: Final = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    datetime: "a date and time, such as 2027-01-31T12:00:00Z",
}
"""TOML's words for the types of keys."""


class ConfigError(ValueError):
    """A setting is wrong; the text begins with its key."""


def demand(holds: bool, key: str, complaint: str) -> None:
    """Raise a ConfigError that names the key, unless a condition holds."""
    if not holds:
        raise ConfigError(f"{key}: {complaint}")


def typed(cls: type, table: Mapping[str, Any], prefix: str, base: Path) -> dict[str, Any]:
    """Check a table's keys and types against a dataclass; fields that are dataclasses are tables in it.

    Args:
        cls: its fields are the keys; those without a default are required.
        table: from TOML.
        prefix: of the keys in complaints.
        base: the directory that paths are relative to.

    Raises:
        ConfigError: an unknown key, a missing one, or a value of another type.
    """
    hints = get_type_hints(cls)
    keys = [item for item in fields(cls) if not item.metadata.get(DERIVED)]
    known = [item.name for item in keys]
    values: dict[str, Any] = {}
    for key, value in table.items():
        demand(key in known, f"{prefix}{key}", f"unknown key; known are {', '.join(known)}")
        values[key] = _cast(hints[key], value, f"{prefix}{key}", base)
    for item in keys:
        has_default = item.default is not MISSING or item.default_factory is not MISSING
        demand(has_default or item.name in values, f"{prefix}{item.name}", "is required")
    return values


def _cast(hint: Any, value: Any, key: str, base: Path) -> Any:
    wanted = [item for item in get_args(hint) if item is not types.NoneType]
    # `Literal[...] | None` is the one of the two, other unions are the other.
    if get_origin(hint) in {Union, types.UnionType} and len(wanted) == 1:
        return _cast(wanted[0], value, key, base)
    if isinstance(hint, type) and is_dataclass(hint):
        demand(isinstance(value, dict), key, "must be a table")
        return hint(**typed(hint, value, f"{key}.", base))
    if get_origin(hint) is Literal:
        demand(value in wanted, key, f"must be one of {', '.join(wanted)}, not {value!r}")
        return value
    if get_origin(hint) is tuple:
        texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
        demand(texts, key, "must be an array of strings")
        return tuple(value)
    if get_origin(hint) is Mapping:
        return _mapping(hint, value, key, base)
    if hint is Path:
        demand(isinstance(value, str), key, f"must be a path, not {value!r}")
        return base / value
    return _scalar(wanted or [hint], value, key)


def _scalar(wanted: list[Any], value: Any, key: str) -> Any:
    if wanted == [Any]:
        return value
    if wanted == [float] and type(value) is int:
        return float(value)
    kinds = " or ".join(_KINDS[kind] for kind in wanted)
    demand(type(value) in wanted, key, f"must be {kinds}, not {value!r}")
    return value


def _mapping(hint: Any, value: Any, key: str, base: Path) -> dict[str, Any]:
    demand(isinstance(value, dict), key, "must be a table")
    _, element = get_args(hint)
    return {name: _cast(element, item, f"{key}.{name}", base) for name, item in value.items()}
