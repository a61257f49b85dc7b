"""Name resolution that refuses this host, its networks and its cloud: the guard of outgoing requests.

aiohttp connects to what its resolver returns. A check inside the resolver therefore cannot be outrun by a
name that changes its address between check and connect.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import TYPE_CHECKING, Final, TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

    Resolve: TypeAlias = Callable[[str], Awaitable[Sequence[str]]]
    """Gives the addresses of a name; raises OSError where there are none."""

Target: TypeAlias = tuple[str, int]
"""Host and port; the host as `normal_host` gives it."""

GLOBAL_UNICAST: Final = ipaddress.ip_network("2000::/3")
"""All of IPv6 that the Internet routes."""


class ForbiddenAddressError(Exception):
    """A host is at an address that is not public."""


class CheckedResolver(AbstractResolver):
    """Gives aiohttp the addresses that it may connect to, and no others."""

    def __init__(self, resolve: Resolve, private: Collection[Target]) -> None:
        """Wire a resolver.

        Args:
            resolve: looks names up.
            private: whose addresses need not be public.
        """
        self._resolve = resolve
        self._private = private

    def check_literal(self, target: Target) -> None:
        """Check a host that is an address already: aiohttp asks no resolver for it.

        Raises:
            ForbiddenAddressError: it is not public.
        """
        if _is_address(target[0]):
            self._check(target, (target[0],))

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Look a name up.

        Raises:
            ForbiddenAddressError: an address is not public; one spoils all.
            OSError: there is none.
        """
        del family  # both are tried
        addresses = await self._resolve(host)
        self._check((normal_host(host), port), addresses)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in addresses
        ]

    def _check(self, target: Target, addresses: Sequence[str]) -> None:
        if target not in self._private and not all(map(is_public, addresses)):
            raise ForbiddenAddressError

    async def close(self) -> None:
        """Hold nothing."""


async def system_addresses(host: str) -> Sequence[str]:
    """Ask the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def is_public(address: str) -> bool:
    """Tell whether an address is one of the Internet; what is no address is not."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        # 6to4 hides an IPv4 address in an IPv6 one; other such tunnels are outside or not global.
        if ip not in GLOBAL_UNICAST or ip.sixtofour is not None:
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def normal_host(host: str) -> str:
    """Return a host as it is compared."""
    return host.lower().rstrip(".")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
