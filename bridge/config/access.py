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
    """Yield what strangers can do to a bridge that listens to more than this machine."""
    if is_loopback(config.host):
        return
    if config.key_file is None:
        yield f"listening on {config.host} WITHOUT KEYS (key_file): whoever reaches it may use every model"
    if config.tls is None:
        yield f"listening on {config.host} WITHOUT TLS ([tls]): keys, prompts and answers travel open to view"
