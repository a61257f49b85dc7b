"""The request plane: which NATS servers, how to log in there, what a worker takes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - get_type_hints reads the annotations
from typing import Final

from bridge.config.checks import demand
from bridge.config.upstreams import check_address

_MAX_PORT: Final = 65535
SCHEMES: Final = ("nats://", "tls://")
"""Of the addresses of NATS servers; the second asks for TLS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nats:
    """`[nats]`: the request plane."""

    url: str | None = None
    """nats://HOST:PORT that a worker offers its models on, or several with commas between them."""
    prefix: str = "icp"
    """First token of all subjects: one for each set of front ends and workers that belong together."""
    max_inflight: int = 64
    """Generations that a worker runs at once."""
    health_port: int | None = None
    """HTTP port of a worker's health and metrics, 0 takes a free one; None has none."""
    user: str | None = None
    """Name to log in by, with `password_file`."""
    password_file: Path | None = None
    credentials: Path | None = None
    """File of a user's JWT and nkey, to log in by."""
    nkey_seed: Path | None = None
    """File of an nkey's seed, to log in by."""
    ca: Path | None = None
    """Roots that the server's certificate must come from; None trusts those of the system."""
    certificate: Path | None = None
    """Our own certificate, where the server asks for one."""
    key: Path | None = None
    """Its private key, without a pass phrase."""
    server_name: str | None = None
    """The name in the server's certificate; None is the host of its address."""

    def __post_init__(self) -> None:
        if self.url is not None:
            check_urls("nats.url", self.url)
        known = re.fullmatch(r"[A-Za-z0-9_-]+", self.prefix) is not None
        demand(known, "nats.prefix", f"must be of letters, digits, _ and -, not {self.prefix!r}")
        port = self.health_port
        demand(port is None or 0 <= port <= _MAX_PORT, "nats.health_port", f"must be a port, not {port}")
        demand(self.max_inflight > 0, "nats.max_inflight", f"must be > 0, not {self.max_inflight}")
        pairs = (("user", "password_file"), ("certificate", "key"))
        for pair in pairs:
            missing = [name for name in pair if getattr(self, name) is None]
            demand(len(missing) != 1, f"nats.{missing[0] if missing else ''}", "is required beside the other")
        logins = [name for name in ("user", "credentials", "nkey_seed") if getattr(self, name) is not None]
        demand(len(logins) < 2, f"nats.{logins[-1] if logins else ''}", "log in by one thing only")  # noqa: PLR2004


def is_nats(address: str) -> bool:
    """Tell whether an upstream is a request plane."""
    return address.startswith(SCHEMES)


def check_urls(key: str, urls: str) -> None:
    """Check addresses of NATS servers.

    Raises:
        ConfigError: one is none; logins stand in `[nats]`, where nobody sees them in a list of processes.
    """
    for url in urls.split(","):
        demand(is_nats(url), key, "must be nats://HOST:PORT or tls://HOST:PORT, or several with commas")
        address = url.partition("://")[2]
        demand("@" not in address, key, "must hold no login: that stands in [nats]")
        check_address(key, address)
