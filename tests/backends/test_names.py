"""A name that comes to mean another address: found when its connection is lost, over either transport."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from bridge.backends.triton import TritonBackend
from bridge.backends.triton_native import NativeTritonBackend
from bridge.errors import BridgeError
from tests.name_server import name_server
from tests.scripted_triton import config, scripted_triton

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.backends.base import Backend

NAME = "triton.test"
OLD, NEW = "127.0.0.1", "127.0.0.2"
SOON = 5.0
"""Seconds; grpcio by itself takes thirty."""


class Names:
    """What the name means."""

    address = OLD


@asynccontextmanager
async def native(names: Names, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """Let the system's resolver, which the native transport asks, know the name."""
    ask = socket.getaddrinfo

    def resolve(host: Any, *arguments: Any, **options: Any) -> Any:
        return ask(names.address if host == NAME else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    yield lambda port: NativeTritonBackend(f"{NAME}:{port}")


@asynccontextmanager
async def grpcio(names: Names, _: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """Let a DNS server know it: grpcio has a resolver of its own."""
    async with name_server(lambda: names.address) as port_of_names:
        yield lambda port: TritonBackend(f"dns://127.0.0.1:{port_of_names}/{NAME}:{port}")


@pytest.mark.parametrize("transport", [native, grpcio])
async def test_a_server_that_has_moved_is_found(transport: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names()
    async with transport(names, monkeypatch) as to:
        async with scripted_triton() as peer:
            port = peer.address.rpartition(":")[2]
            backend = to(port)
            assert await backend.ready_models() == {"m": "1"}
        async with scripted_triton(None, config("moved"), address=f"{NEW}:{port}"):
            names.address = NEW
            assert await told(backend) == {"moved": "1"}
            await backend.close()


async def told(backend: Backend) -> dict[str, str]:
    """Ask until there is an answer."""
    async with asyncio.timeout(SOON):
        while True:
            try:
                return await backend.ready_models()
            except BridgeError:
                await asyncio.sleep(0.05)
