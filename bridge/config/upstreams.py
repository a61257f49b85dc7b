"""The Tritons behind the bridge: where they are, and how requests are shared out among them."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Final, Literal

from bridge.config.checks import demand, typed

Policy = Literal["least_outstanding", "round_robin"]

_MAX_PORT: Final = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """One Triton: an entry of `triton`."""

    address: str
    """HOST:PORT of its gRPC endpoint."""
    weight: int = 1
    """Its part of the requests, beside the weights of the others."""
    max_concurrent: int | None = None
    """Generations that it may have at once, of each process of the bridge."""

    def check(self, key: str) -> None:
        """Check the values.

        Raises:
            ConfigError: beginning with the key, after `key`.
        """
        check_address(key, self.address)
        demand(self.weight > 0, f"{key}.weight", f"must be > 0, not {self.weight}")
        most = self.max_concurrent
        demand(most is None or most > 0, f"{key}.max_concurrent", f"must be > 0, not {most}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Balancing:
    """`[balancing]`: how requests are shared out. Times are in seconds."""

    policy: Policy = "least_outstanding"
    """Who gets a request: the one with the fewest for its weight, or each in its turn."""
    retries: int = 2
    """Further tries of a request of which nothing was generated, where possible on other servers."""
    retry_budget: float = 0.5
    """Tries that may run beside the requests that run, as a part of these; three always may."""
    eject_time: float = 1.0
    """Time for which a server or a model that has failed is not asked; doubled at each failure in a row."""
    max_eject_time: float = 30.0
    """The longest such time."""
    slow_start: float = 10.0
    """Time in which a server that comes back gets its full part of the requests again."""
    poll_timeout: float = 5.0
    """Time that a server may take to tell its models: one that is silent for longer is not asked."""

    def __post_init__(self) -> None:
        demand(self.retries >= 0, "balancing.retries", f"must be >= 0, not {self.retries}")
        for key in ("retry_budget", "slow_start"):
            value = getattr(self, key)
            demand(0 <= value < inf, f"balancing.{key}", f"must be >= 0 and finite, not {value}")
        for key in ("eject_time", "max_eject_time", "poll_timeout"):
            value = getattr(self, key)
            demand(0 < value < inf, f"balancing.{key}", f"must be > 0 and finite, not {value}")


def read_upstreams(value: Any, key: str) -> str | tuple[Upstream, ...] | None:
    """Return what `triton` says: one address as it is, several of them, or tables.

    Raises:
        ConfigError: it is neither, or a table has an unknown key or a wrong value.
    """
    if value is None or isinstance(value, str):
        return value
    demand(isinstance(value, list), key, f"must be HOST:PORT, or an array of these or tables, not {value!r}")
    if len(value) == 1 and isinstance(value[0], str):
        return value[0]
    return tuple(_upstream(item, key, at) for at, item in enumerate(value))


def _upstream(item: Any, key: str, at: int) -> Upstream:
    if isinstance(item, str):
        return Upstream(address=item)
    demand(isinstance(item, dict), key, f"must be an array of HOST:PORT or of tables, not of {item!r}")
    values = typed(Upstream, item, f"{key}[{at}].", Path())
    demand("address" in values, f"{key}[{at}].address", "is required")
    return Upstream(**values)


def read_balancing(value: Any, key: str) -> Balancing:
    """Return what `[balancing]` says.

    Raises:
        ConfigError: an unknown key or a wrong value.
    """
    demand(isinstance(value, dict), key, "must be a table")
    return Balancing(**typed(Balancing, value, f"{key}.", Path()))


def upstreams(triton: str | tuple[Upstream, ...] | None) -> tuple[Upstream, ...]:
    """Return the servers that `triton` stands for.

    Raises:
        ConfigError: an address is none, or stands there twice, or there is no address.
    """
    if triton is None:
        return ()
    if isinstance(triton, str):
        check_address("triton", triton)
        return (Upstream(address=triton),)
    demand(bool(triton), "triton", "must hold an address")
    seen: set[str] = set()
    for at, item in enumerate(triton):
        item.check(f"triton[{at}]")
        demand(item.address not in seen, "triton", f"{item.address} stands there twice")
        seen.add(item.address)
    return triton


def check_address(key: str, address: str) -> None:
    """Check that an address is HOST:PORT.

    Raises:
        ConfigError: it is not.
    """
    host, _, port = address.rpartition(":")
    known = bool(host) and "/" not in host and port.isdecimal() and int(port) <= _MAX_PORT
    demand(known, key, f"must be HOST:PORT, not {address}")
