"""A deployment file as a whole: read from TOML, checked, what it leaves open filled in. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from bridge.config.checks import ConfigError, demand, typed
from bridge.deploy.entries import (
    BridgeEntry,
    Entry,
    FrontendEntry,
    NatsEntry,
    Timeouts,
    TritonEntry,
    WorkerEntry,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

E = TypeVar("E", bound=Entry)
B = TypeVar("B", bound=BridgeEntry)

LISTS = {"tritons": TritonEntry, "workers": WorkerEntry, "frontends": FrontendEntry}
"""Keys that are arrays of tables, and what each of these is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What a file says. In `tritons` of workers and front ends nothing is left open: none means none."""

    nats: NatsEntry | None
    tritons: tuple[TritonEntry, ...]
    workers: tuple[WorkerEntry, ...]
    frontends: tuple[FrontendEntry, ...]
    timeouts: Timeouts

    @property
    def entries(self) -> Iterator[tuple[str, Entry]]:
        """All entries, each with its path in the file."""
        if self.nats is not None:
            yield "nats", self.nats
        for key in LISTS:
            for at, entry in enumerate(getattr(self, key)):
                yield f"{key}[{at}]", entry


def read(table: dict[str, Any], base: Path) -> Deployment:
    """Return what a file says.

    Args:
        table: from TOML.
        base: the directory that paths are relative to.

    Raises:
        ConfigError: something is wrong; the text begins with its path.
    """
    table = dict(table)
    nats = _entry(NatsEntry, table.pop("nats"), "nats", base) if "nats" in table else None
    lists: dict[str, Any] = {key: _entries(cls, table.pop(key, []), key, base) for key, cls in LISTS.items()}
    for key in table:
        known = ", ".join(["nats", *LISTS, *Timeouts.__dataclass_fields__])
        demand(key in Timeouts.__dataclass_fields__, key, f"unknown key; known are {known}")
    made = Deployment(nats=nats, **lists, timeouts=Timeouts(**typed(Timeouts, table, "", base)))
    demand(any(made.entries), "frontends", "is required, or another thing to start")
    _check_names(made)
    _check_ports(made)
    return replace(
        made,
        workers=tuple(_worker(made, item, f"workers[{at}]") for at, item in enumerate(made.workers)),
        frontends=tuple(_frontend(made, item, f"frontends[{at}]") for at, item in enumerate(made.frontends)),
    )


def _entries(cls: type[E], value: Any, key: str, base: Path) -> tuple[E, ...]:
    tables = isinstance(value, list) and all(isinstance(item, dict) for item in value)
    demand(tables, key, f"must be tables: [[{key}]]")
    return tuple(_entry(cls, item, f"{key}[{at}]", base) for at, item in enumerate(value))


def _entry(cls: type[E], value: Any, key: str, base: Path) -> E:
    demand(isinstance(value, dict), key, f"must be a table: [{key}]")
    for name, text in _table(value.get("environment", {}), f"{key}.environment").items():
        # Said here, where nothing shows the value: it may be a secret.
        plain = isinstance(text, str) and "\0" not in text
        demand(plain, f"{key}.environment.{name}", "must be a string without a zero byte")
        demand(bool(re.fullmatch(r"[^=\0]+", name)), f"{key}.environment", "must hold names without =")
    entry = cls(**typed(cls, value, f"{key}.", base))
    entry.check(key)
    return entry


def _table(value: Any, key: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{key}: must be a table")
    return value


def _check_names(made: Deployment) -> None:
    seen: dict[str, str] = {}
    for key, entry in made.entries:
        demand(entry.name not in seen, f"{key}.name", f"{entry.name} is {seen.get(entry.name)} already")
        seen[entry.name] = key


def _check_ports(made: Deployment) -> None:
    seen: dict[int, str] = {}
    for key, entry in made.entries:
        for number in range(entry.count):
            for name, port in zip(entry.PORTS, entry.ports(number), strict=True):
                demand(port not in seen, f"{key}.{name}", f"{port} is one of {seen.get(port)} already")
                if port:
                    seen[port] = f"{key}.{name}"


def _worker(made: Deployment, entry: WorkerEntry, key: str) -> WorkerEntry:
    demand(made.nats is not None, "nats", f"is required: {key} offers its models there")
    named = _named(made, entry, key)
    demand(bool(named.tritons), f"{key}.tritons", "is required: the file has no tritons")
    return named


def _frontend(made: Deployment, entry: FrontendEntry, key: str) -> FrontendEntry:
    if made.nats is not None and not entry.tritons:
        return entry
    named = _named(made, entry, key)
    demand(bool(named.tritons), f"{key}.tritons", "is required: the file has neither nats nor tritons")
    return named


def _named(made: Deployment, entry: B, key: str) -> B:
    """Return an entry that names its Tritons, which must be known."""
    known = [triton.name for triton in made.tritons]
    for at, server in enumerate(entry.tritons):
        found = ":" in server or server in known
        demand(found, f"{key}.tritons[{at}]", f"{server} is neither the name of one of tritons nor HOST:PORT")
    twice = len(set(entry.tritons)) != len(entry.tritons)
    demand(not twice, f"{key}.tritons", "must name each one once")
    return replace(entry, tritons=entry.tritons or tuple(known))
