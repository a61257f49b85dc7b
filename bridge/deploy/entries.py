"""What may stand in a deployment file: its tables, their keys and what holds for each alone. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping  # noqa: TC003 - get_type_hints reads the annotations
from dataclasses import dataclass, field, fields
from math import inf
from pathlib import Path  # noqa: TC003
from typing import ClassVar, Final

from bridge.config.checks import demand
from bridge.config.nats import check_urls
from bridge.config.settings import LogFormat  # noqa: TC001
from bridge.config.upstreams import check_address

MAX_PORT: Final = 65535
MOST: Final = 1000
"""Processes of one entry: more is a slip of the finger."""
LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What all entries have."""

    PORTS: ClassVar[tuple[str, ...]] = ()
    """Keys that are ports."""

    name: str
    """Its processes are called `<name>.0`, `<name>.1` and so on, and so are their logs."""
    count: int = 1
    """Processes; each further one has the ports of the one before plus one."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables on top of ours."""

    @property
    def instances(self) -> tuple[str, ...]:
        """The names of the processes."""
        return tuple(f"{self.name}.{number}" for number in range(self.count))

    def ports(self, number: int) -> tuple[int, ...]:
        """Return the ports of a process in the order of `PORTS`; 0 is any free one."""
        firsts = (getattr(self, key) for key in self.PORTS)
        return tuple(first and first + number for first in firsts)

    def check(self, key: str) -> None:
        """Check the values.

        Raises:
            ConfigError: beginning with the key, after `key`.
        """
        known = re.fullmatch(r"[A-Za-z0-9_-]+", self.name) is not None
        demand(known, f"{key}.name", f"must be of letters, digits, _ and -, not {self.name!r}")
        demand(0 < self.count <= MOST, f"{key}.count", f"must be 1 to {MOST}, not {self.count}")
        for name in self.PORTS:
            first, last = getattr(self, name), MAX_PORT - self.count + 1
            demand(0 <= first <= last, f"{key}.{name}", f"must be a port, 0 to {last}, not {first}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NatsEntry(Entry):
    """`[nats]`: the request plane."""

    PORTS = ("port",)

    name: str = "nats"
    url: str | None = None
    """nats://HOST:PORT of a server that runs already, or several with commas; None starts one."""
    host: str = LOOPBACK
    """Address to listen on."""
    port: int = 0
    program: Path | None = None
    """The executable; None takes `nats-server` of this environment or of the PATH."""
    config: Path | None = None
    """A configuration file of nats-server's own; address and port are as above."""

    def check(self, key: str) -> None:
        """See `Entry.check`."""
        Entry.check(self, key)
        demand(self.count == 1, f"{key}.count", "must be 1")
        demand(bool(self.host), f"{key}.host", "must not be empty; 0.0.0.0 listens on all addresses")
        if self.url is None:
            return
        check_urls(f"{key}.url", self.url)
        for item in fields(self):
            own = item.name == "url" or getattr(self, item.name) in (item.default, {})
            demand(own, f"{key}.{item.name}", "goes with a server that is started here, not with url")


@dataclass(frozen=True, slots=True, kw_only=True)
class TritonEntry(Entry):
    """An entry of `tritons`; they listen on the loopback alone."""

    PORTS = ("grpc_port", "http_port", "metrics_port")

    name: str = "triton"
    repository: str
    """Directory of models, or "demo", which is that of `openai-bridge demo`."""
    program: Path | None = None
    """The executable; None takes `tritonserver` of the PATH, or that of the extra `demo`."""
    grpc_port: int = 0
    http_port: int = 0
    metrics_port: int = 0
    exit_timeout: int = 5
    """Seconds that requests in flight get at a stop."""
    arguments: tuple[str, ...] = ()
    """Further arguments of tritonserver's own."""

    def check(self, key: str) -> None:
        """See `Entry.check`."""
        Entry.check(self, key)
        demand(bool(self.repository), f"{key}.repository", "must not be empty")
        demand(self.exit_timeout >= 0, f"{key}.exit_timeout", f"must be >= 0, not {self.exit_timeout}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeEntry(Entry):
    """What workers and front ends have."""

    tritons: tuple[str, ...] = ()
    """Names of entries of `tritons`, or HOST:PORT of servers elsewhere; none stands for all entries."""
    config: Path | None = None
    """Configuration file of the bridge; what stands here wins over it."""
    log_format: LogFormat | None = None

    def check(self, key: str) -> None:
        """See `Entry.check`."""
        Entry.check(self, key)
        for at, server in enumerate(self.tritons):
            demand("@" not in server, f"{key}.tritons[{at}]", "must hold no login")
            if ":" in server:
                check_address(f"{key}.tritons[{at}]", server)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerEntry(BridgeEntry):
    """An entry of `workers`: each process offers the models of one of its Tritons, dealt out in turn."""

    name: str = "worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontendEntry(BridgeEntry):
    """An entry of `frontends`: over the request plane, or over Tritons where `tritons` names them."""

    PORTS = ("http_port", "grpc_port")

    name: str = "frontend"
    host: str | None = None
    """Address to listen on; None: as `config` says."""
    http_port: int = 0
    grpc_port: int = 0
    workers: int | None = None
    """Processes that share the ports of each front end; None: as `config` says."""
    default_model: str | None = None
    """Model for requests that name none; None: as `config` says."""

    def check(self, key: str) -> None:
        """See `Entry.check`."""
        BridgeEntry.check(self, key)
        demand(self.host != "", f"{key}.host", "must not be empty; 0.0.0.0 or :: listens on all addresses")
        demand(self.workers is None or self.workers > 0, f"{key}.workers", f"must be > 0, not {self.workers}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """The keys at the top of the file, in seconds."""

    start_timeout: float = 120.0
    """Longest time from the start of a process until it is ready: what Triton needs to load its models."""
    stop_timeout: float = 90.0
    """Longest time that a process may take to end once it was told to, before it is killed."""

    def __post_init__(self) -> None:
        for key in ("start_timeout", "stop_timeout"):
            value = getattr(self, key)
            demand(0 < value < inf, key, f"must be > 0 and finite, not {value}")
