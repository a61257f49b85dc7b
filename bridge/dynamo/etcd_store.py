"""Records as keys of etcd, under a lease that ends with the worker; spoken by etcd's own JSON over HTTP.

`/v3/...` is etcd's gateway, which has been a part of it since 3.4: https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import orjson

from bridge.dynamo.presence import AWAY, TIME_TO_LIVE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.protocol.dynamo.records import Key

TIMEOUT: Final = 2.0
"""Seconds that one question may take."""


class EtcdStore:
    """See `presence.Store`."""

    def __init__(self, addresses: Sequence[str]) -> None:
        """Take HOST:PORT of the servers, any of which will do."""
        self._addresses = list(addresses)
        self._lease: str | None = None
        self._session: aiohttp.ClientSession | None = None

    async def beat(self) -> bool:
        """See `Store.beat`: a lease that is lost is replaced by a new one, which holds nothing."""
        if self._lease is not None:
            answer = await self._ask("lease/keepalive", {"ID": self._lease})
            if answer.get("result", {}).get("TTL", "0") != "0":
                return True
        self._lease = None
        granted = await self._ask("lease/grant", {"TTL": str(TIME_TO_LIVE)})
        if "ID" not in granted:
            raise aiohttp.ClientPayloadError("this is no etcd")
        self._lease = granted["ID"]
        return False

    async def write(self, key: Key, value: bytes) -> None:
        """See `Store.write`."""
        await self._ask("kv/put", {"key": _name(key), "value": _base64(value), "lease": self._lease})

    async def remove(self, key: Key) -> None:
        """See `Store.remove`."""
        await self._ask("kv/deleterange", {"key": _name(key)})

    async def close(self) -> None:
        """See `Store.close`: what is left goes with the lease."""
        if self._session is not None:
            await self._session.close()

    async def _ask(self, method: str, question: dict[str, Any]) -> dict[str, Any]:
        """Ask the server that answered last, or the next one that does.

        Raises:
            aiohttp.ClientError: none does, or etcd refuses.
            OSError: none does.
            TimeoutError: none does.
        """
        for _ in self._addresses[:-1]:
            try:
                return await self._ask_first(method, question)
            except AWAY:
                self._addresses.append(self._addresses.pop(0))
        return await self._ask_first(method, question)

    async def _ask_first(self, method: str, question: dict[str, Any]) -> dict[str, Any]:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT)
            self._session = aiohttp.ClientSession(timeout=timeout, raise_for_status=True)
        url = f"http://{self._addresses[0]}/v3/{method}"
        async with self._session.post(url, json=question) as answer:
            said = await answer.read()
        try:
            found: Any = orjson.loads(said)
        except orjson.JSONDecodeError:
            found = None
        if type(found) is not dict:
            raise aiohttp.ClientPayloadError("this is no etcd")
        return found


def _name(key: Key) -> str:
    return _base64(f"{key.bucket}/{key.name}".encode())


def _base64(data: bytes) -> str:
    return b64encode(data).decode()
