"""A gRPC channel of our own in front of a scripted HTTP/2 peer, and what comes of its calls."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from bridge.backends.h2channel import Channel
from tests.scripted_h2 import body, head, scripted_h2, trailers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.backends.h2call import Call
    from bridge.protocol.h2grpc.status import Status
    from tests import scripted_h2 as h2
    from tests.scripted_h2 import Peer, ScriptedH2

WAIT = 10.0


class Heard:
    """A receiver that remembers."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.status: Status | None = None
        self.over = asyncio.Event()

    def messages(self, batch: list[bytes]) -> None:
        self.received += batch

    def ended(self, status: Status) -> None:
        assert self.status is None
        self.status = status
        self.over.set()

    @property
    def code(self) -> int | None:
        return self.status and self.status.code


@asynccontextmanager
async def running(script: h2.Script, **options: Any) -> AsyncIterator[tuple[ScriptedH2, Channel]]:
    async with scripted_h2(script) as server:
        channel = Channel(server.address, **options)
        try:
            async with asyncio.timeout(WAIT):
                yield server, channel
        finally:
            await channel.close()


def call(channel: Channel, seconds: float = WAIT) -> tuple[Heard, Call]:
    heard = Heard()
    deadline = asyncio.get_running_loop().time() + seconds
    return heard, channel.call("/p.S/M", b"question", deadline=deadline, receiver=heard)


async def ended(channel: Channel) -> Heard:
    heard, _ = call(channel)
    await heard.over.wait()
    return heard


async def answers(peer: Peer) -> None:
    """Be a good server."""
    await peer.greet()
    while True:
        number = await peer.request()
        await peer.send(head(number), body(number, b"answer"), trailers(number))
