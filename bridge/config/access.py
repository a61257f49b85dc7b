"""Who may reach the bridge: whether what it listens on is open to strangers."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.config.settings import Config


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address; a name other than localhost may be anything."""
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def exposures(config: Config) -> Iterator[str]:
    """Yield what strangers can do to a bridge that listens, or shows its key, to more than this machine."""
    scheme, _, address = (config.upstream or "").partition("://")
    shown = config.upstream_key_file is not None and scheme == "grpc"
    if shown and not is_loopback(address.rpartition(":")[0].strip("[]")):
        yield f"showing a key (upstream_key_file) to {address} WITHOUT TLS: it travels open to view, use grpcs://"
    if is_loopback(config.host):
        return
    if config.key_file is None:
        yield f"listening on {config.host} WITHOUT KEYS (key_file): whoever reaches it may use every model"
    if config.tls is None:
        yield f"listening on {config.host} WITHOUT TLS ([tls]): keys, prompts and answers travel open to view"
