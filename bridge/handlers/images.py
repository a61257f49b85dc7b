"""Gets the images of a request: data URLs, and http(s) URLs of hosts that the operator trusts.

A fetch is an attack surface: the client chooses where this server connects to. Every hop must therefore
be on the list, and the addresses that are checked are the ones that are connected to: the check is the
resolver itself, so that a name cannot change its meaning in between. Nothing of a URL is logged.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import aiohttp
from yarl import URL

from bridge.errors import BridgeError, Reason
from bridge.handlers.checked_resolver import (
    CheckedResolver,
    ForbiddenAddressError,
    normal_host,
    system_addresses,
)
from bridge.protocol.images import (
    Image,
    ImageReference,
    check_media_type,
    checked,
    from_data_url,
    invalid,
    too_large,
    unsupported,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.handlers.checked_resolver import Resolve, Target

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
CHUNK: Final = 64 * 1024
DEFAULT_PORTS: Final = (80, 443)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePolicy:
    """What may be fetched, and how much of it. Hosts are HOST, for the default ports, or HOST:PORT."""

    hosts: frozenset[str] = frozenset()
    """Whom to fetch from; empty: nobody."""
    private_hosts: frozenset[str] = frozenset()
    """Those of `hosts` whose addresses need not be public."""
    max_images: int = 16
    """Images of one request."""
    max_bytes: int = 8 * 1024 * 1024
    """Size of one image."""
    timeout: float = 10.0
    """Seconds for one image, redirects included."""
    max_redirects: int = 3


class ImageLoader:
    """Turns references into images; `close` it."""

    def __init__(self, policy: ImagePolicy, resolve: Resolve | None = None) -> None:
        """Prepare; nothing connects yet.

        Args:
            policy: what may be fetched.
            resolve: None asks the system's resolver.

        Raises:
            ValueError: an entry of `hosts` or `private_hosts` is neither HOST nor HOST:PORT.
        """
        self._policy = policy
        self._hosts = targets(policy.hosts)
        self._resolver = CheckedResolver(resolve or system_addresses, targets(policy.private_hosts))
        self._session: aiohttp.ClientSession | None = None

    async def load(self, found: Sequence[ImageReference], *, deadline: float) -> list[Image]:
        """Return the images in the order of their references; cancelling this ends all fetches.

        Args:
            found: see `protocol.images.references`.
            deadline: time of the event loop's clock at which the request fails.

        Raises:
            BridgeError: the first image that is none, or may not or cannot be fetched.
        """
        if len(found) > self._policy.max_images:
            raise unsupported(
                found[-1], f"is one image too many: at most {self._policy.max_images} are taken"
            )
        tasks = [asyncio.create_task(self._load(reference, deadline)) for reference in found]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _load(self, reference: ImageReference, deadline: float) -> Image:
        if reference.scheme == "data":
            return from_data_url(reference, self._policy.max_bytes)
        if reference.scheme not in {"http", "https"}:
            raise invalid(reference, "must be a data URL or an http(s) URL")
        if not self._hosts:
            raise unsupported(reference, "must be a data URL: this server fetches no images")
        limit = asyncio.get_running_loop().time() + self._policy.timeout
        try:
            async with asyncio.timeout_at(min(limit, deadline)):
                return await self._fetch(reference)
        except TimeoutError:
            if deadline <= limit:
                raise BridgeError(Reason.TIMEOUT, "the deadline passed while an image was fetched") from None
            raise invalid(reference, "could not be fetched in time") from None
        except ForbiddenAddressError:
            raise unsupported(reference, "is at an address that this server does not fetch from") from None
        except (aiohttp.ClientError, OSError, ValueError):
            # The cause would name the URL, its host or its addresses.
            raise invalid(reference, "could not be fetched") from None

    async def _fetch(self, reference: ImageReference) -> Image:
        """Follow the redirects to an image."""
        url = URL(reference.url)
        for _ in range(self._policy.max_redirects + 1):
            self._check(reference, url)
            async with self._get(url) as response:
                if response.status not in REDIRECTS:
                    return await self._read(reference, response)
                location = response.headers.get("Location")
                if location is None:
                    raise invalid(reference, "could not be fetched: a redirect leads nowhere")
                url = url.join(URL(location))
        raise invalid(reference, f"could not be fetched: more than {self._policy.max_redirects} redirects")

    def _check(self, reference: ImageReference, url: URL) -> None:
        """Check one hop before anything is looked up."""
        if url.scheme not in {"http", "https"} or not url.raw_host:
            raise invalid(reference, "must be a data URL or an http(s) URL")
        if url.user is not None or url.password is not None:
            raise invalid(reference, "must not hold a user or a password")
        target = _target_of(url)
        if target not in self._hosts:
            raise unsupported(reference, "is on a host that this server does not fetch from")
        self._resolver.check_literal(target)  # aiohttp asks no resolver for an address

    def _get(self, url: URL) -> aiohttp.client._RequestContextManager:
        if self._session is None:
            # No proxy, no cookies, no kept connections, nothing unpacked: each is a way around a limit.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    resolver=self._resolver, use_dns_cache=False, force_close=True
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None),
                headers={"Accept": "image/*", "Accept-Encoding": "identity"},
            )
        return self._session.get(url, allow_redirects=False)

    async def _read(self, reference: ImageReference, response: aiohttp.ClientResponse) -> Image:
        limit = self._policy.max_bytes
        if response.status != HTTPStatus.OK:
            raise invalid(reference, f"could not be fetched: its server answers {response.status}")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise invalid(reference, "could not be fetched: its server sends it compressed")
        check_media_type(reference, response.content_type.lower())
        if (response.content_length or 0) > limit:
            raise too_large(reference, limit)
        data = bytearray()
        async for chunk in response.content.iter_chunked(CHUNK):
            data += chunk
            if len(data) > limit:
                raise too_large(reference, limit)
        return checked(reference, bytes(data), limit)


def _target_of(url: URL) -> Target:
    return normal_host(url.raw_host or ""), url.port or 0


def targets(entries: Iterable[str]) -> frozenset[Target]:
    """Read a list of HOST, which stands for the ports 80 and 443, and HOST:PORT; IPv6 in brackets.

    Raises:
        ValueError: an entry is neither.
    """
    found: set[Target] = set()
    for entry in entries:
        url = URL(f"//{entry}")
        if not url.raw_host or str(url.relative()) not in {"", "/"} or url.user is not None:
            raise ValueError(f"{entry!r} is neither HOST nor HOST:PORT")
        ports = DEFAULT_PORTS if url.explicit_port is None else (url.explicit_port,)
        found |= {(normal_host(url.raw_host), port) for port in ports}
    return frozenset(found)
