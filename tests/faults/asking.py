"""Bridges of both transports, and the clients of both doors of each: what a fault must not tell apart."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from bridge.config import ModelConfig
from tests.eventually import eventually
from tests.faults.clients import GrpcClient, HttpClient, client
from tests.faults.fleet import MODEL
from tests.grpc_client import words

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AsyncExitStack

    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.faults.clients import Client
    from tests.faults.fleet import Fleet

DOORS = {HttpClient: "http", GrpcClient: "grpc"}

AGAIN = 5.0
"""Seconds in which requests are served again when a fault is over."""


async def bridges_to(serve: Serve, address: str, **settings: Any) -> list[Bridge]:
    """Return a bridge of each transport; they look at nothing by themselves."""
    models = {MODEL: ModelConfig(unsupported="ignore")}
    return [
        await serve(triton=address, triton_transport=transport, poll_interval=60.0, models=models, **settings)
        for transport in ("native", "grpcio")
    ]


async def clients_of(bridges: list[Bridge], stack: AsyncExitStack) -> list[Client]:
    """Connect to both doors of each bridge."""
    return [
        await stack.enter_async_context(client(kind, getattr(bridge, f"{door}_port")))
        for bridge in bridges
        for kind, door in DOORS.items()
    ]


async def begin(fleet: Fleet, clients: list[Client], told: dict[str, Any], heard: str) -> None:
    """Ask, and return when every client has heard a word, or when every model has been asked."""
    await asyncio.gather(*(one.ask(told) for one in clients))
    await eventually(lambda: len(fleet.served(told["tag"])) == len(clients))
    await asyncio.gather(*(one.hears(heard) for one in clients))


async def unless_crashed(
    three: Fleet, servers: int, cell: Callable[[Fleet], Awaitable[None]], *, killed: int = 0
) -> None:
    """Run a cell on so many servers, of which it kills the first few; again, if another one crashes.

    Triton 2.51 does so now and then when calls are cancelled: what is seen then says nothing of the bridge.
    """
    for last in (False, False, True):
        fleet = await three.running(servers)
        try:
            await cell(fleet)
        except (AssertionError, TimeoutError):
            if last or all(one.server.running for one in fleet.tritons[killed:servers]):
                raise
        else:
            return


async def serves(bridges: list[Bridge]) -> None:
    """Return when both doors of all bridges serve.

    Raises:
        TimeoutError: one does not.
    """
    doors = [(kind, getattr(bridge, f"{door}_port")) for bridge in bridges for kind, door in DOORS.items()]
    async with asyncio.timeout(AGAIN):
        while not all([await served(kind, port) for kind, port in doors]):  # noqa: ASYNC110 - we ask, we do not wait
            await asyncio.sleep(0.02)


async def served(kind: type[Client], port: int) -> bool:
    """Tell whether a request is answered whole."""
    async with client(kind, port) as one:
        await one.ask({"words": 3})
        seen = await one.end()
    return (seen.text, seen.finishes) == (words(3), 1)
