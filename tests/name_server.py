"""A DNS server of the tests' own, on a port of this machine: what names mean may change."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_HEAD: Final = 12
_A_IN: Final = b"\x00\x01\x00\x01"
"""The type of an address of IPv4, and the class of the Internet."""


class _NameServer(asyncio.DatagramProtocol):
    def __init__(self, address: Callable[[], str]) -> None:
        self._address = address
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        end = data.index(b"\0", _HEAD) + 1 + len(_A_IN)
        question, found = data[_HEAD:end], b""
        if question.endswith(_A_IN):
            # The name of the question, not to be kept for any time, four bytes.
            found = b"\xc0\x0c" + _A_IN + bytes(4) + b"\x00\x04" + socket.inet_aton(self._address())
        counts = b"\x00\x01" + (b"\x00\x01" if found else bytes(2)) + bytes(4)
        assert self._transport is not None
        self._transport.sendto(data[:2] + b"\x84\x00" + counts + question + found, addr)


@asynccontextmanager
async def name_server(address: Callable[[], str]) -> AsyncIterator[int]:
    """Serve until the block ends, and yield the port; every name has the one address that is returned."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _NameServer(address), local_addr=("127.0.0.1", 0)
    )
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()
