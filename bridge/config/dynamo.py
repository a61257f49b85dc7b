"""Joining a cluster of NVIDIA Dynamo: where its frontends look for workers, and where they reach this one."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bridge.config.checks import demand
from bridge.config.upstreams import check_address

FILE: Final = "file://"
ETCD: Final = "etcd://"

_MAX_PORT: Final = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Dynamo:
    """`[dynamo]`: a worker in a Dynamo cluster. Experimental."""

    url: str | None = None
    """Where frontends find workers: file:///PATH, or etcd://HOST:PORT, several with commas between them."""
    namespace: str = "dynamo"
    """The cluster's part that the models are in."""
    host: str = "127.0.0.1"
    """Address to listen on for requests."""
    port: int = 0
    """0 takes a free port."""
    advertise: str | None = None
    """IP address that frontends are told; None tells them `host`, or the machine's own where that is all."""
    max_inflight: int = 256
    """Generations that the worker runs at once."""

    def __post_init__(self) -> None:
        if self.url is not None:
            _check_url(self.url)
        known = re.fullmatch(r"[a-z0-9_-]+", self.namespace) is not None
        demand(known, "dynamo.namespace", f"must be of a-z, 0-9, _ and -, not {self.namespace!r}")
        demand(
            0 <= self.port <= _MAX_PORT, "dynamo.port", f"must be a port, 0 to {_MAX_PORT}, not {self.port}"
        )
        demand(self.max_inflight > 0, "dynamo.max_inflight", f"must be > 0, not {self.max_inflight}")
        for key in ("host", "advertise"):
            value = getattr(self, key)
            demand(value is None or _is_ip(value), f"dynamo.{key}", f"must be an IP address, not {value!r}")

    @property
    def folder(self) -> Path | None:
        """The folder of the workers' records; None: they are in etcd."""
        url = self.url or ""
        return Path(url.removeprefix(FILE)) if url.startswith(FILE) else None

    @property
    def etcd(self) -> tuple[str, ...]:
        """HOST:PORT of etcd's servers; none: the records are in a folder."""
        url = self.url or ""
        return tuple(url.removeprefix(ETCD).split(",")) if url.startswith(ETCD) else ()


def _check_url(url: str) -> None:
    if url.startswith(FILE):
        absolute = url.removeprefix(FILE).startswith("/")
        demand(absolute, "dynamo.url", f"must be file:///PATH with an absolute path, not {url}")
        return
    demand(url.startswith(ETCD), "dynamo.url", f"must be file:///PATH or etcd://HOST:PORT, not {url}")
    for address in url.removeprefix(ETCD).split(","):
        check_address("dynamo.url", address)


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
