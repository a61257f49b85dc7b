"""What is to be started, in which order, and how each part is asked whether it is ready. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.config import Nats
    from bridge.demo.ports import Ports

ANY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not bound, asked at
"""Where what listens on all addresses is reached from this machine."""


@dataclass(frozen=True, slots=True)
class NatsCheck:
    """NATS says who it is to whoever connects."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class TritonCheck:
    """This very Triton has loaded its models."""

    ports: Ports
    run_id: str


@dataclass(frozen=True, slots=True)
class WorkerCheck:
    """The worker offers models on the request plane."""

    nats: Nats
    """Where, and how to log in there."""


@dataclass(frozen=True, slots=True)
class FrontendCheck:
    """`/v1/health/ready` answers 200."""

    host: str
    port: int
    tls: bool
    client_certificate: bool
    """Whether only clients with a certificate are let in, so that it is enough to be listened to."""


Check = NatsCheck | TritonCheck | WorkerCheck | FrontendCheck


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One process."""

    name: str
    command: tuple[str, ...]
    """The first is the path of a program."""
    environment: Mapping[str, str] = field(repr=False)
    """All of it."""
    check: Check
    shown: str
    """Where it is, or what it does: said when it is ready."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Processes that are started together, when those of the stages before are ready."""

    title: str
    processes: tuple[Planned, ...]


def reachable(host: str) -> str:
    """Return where a process that listens on an address is reached from this machine."""
    return ANY_ADDRESS.get(host, host)
