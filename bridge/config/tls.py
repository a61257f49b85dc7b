"""Files of certificates and keys, all PEM. Who reads them, and again when they change, is `bridge.tls`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - get_type_hints reads the annotations
from typing import ClassVar

from bridge.config.checks import demand


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """`[tls]`: TLS on both ports."""

    certificate: Path
    """The certificate, followed by those between it and the root."""
    key: Path
    """Its private key, without a pass phrase."""
    client_ca: Path | None = None
    """Roots that a client's certificate must come from; None asks clients for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TritonTls:
    """`[triton_tls]`: TLS towards Triton."""

    table: ClassVar[str] = "triton_tls"
    """For complaints."""
    ca: Path | None = None
    """Roots that the server's certificate must come from; None trusts those of the system."""
    certificate: Path | None = None
    """The bridge's own certificate, where the server asks for one."""
    key: Path | None = None
    """Its private key, without a pass phrase."""
    server_name: str | None = None
    """The name in the server's certificate; None is the host of its address."""

    def __post_init__(self) -> None:
        missing = "certificate" if self.certificate is None else "key"
        both = (self.certificate is None) == (self.key is None)
        demand(both, f"{self.table}.{missing}", "is required beside the other of certificate and key")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamTls(TritonTls):
    """`[upstream_tls]`: TLS towards another bridge."""

    table: ClassVar[str] = "upstream_tls"
