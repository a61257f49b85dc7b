"""A connection on which nothing passes any more while new ones are sound, and nobody is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bridge.config import Balancing
from tests.faults.asking import served, serves
from tests.faults.clients import HttpClient, client
from tests.tcp_proxy import tcp_proxy

if TYPE_CHECKING:
    from tests.conftest import Serve
    from tests.faults.fleet import Fleet


async def test_a_half_open_connection_is_left_as_soon_as_a_look_at_the_models_is_not_answered(
    three: Fleet, serve: Serve
) -> None:
    fleet = await three.running(1)
    async with tcp_proxy(fleet.tritons[0].address) as proxy:
        bridge = await serve(
            triton=proxy.address,
            triton_transport="native",
            poll_interval=0.1,
            first_token_timeout=0.5,
            token_timeout=1.0,
            balancing=Balancing(poll_timeout=0.3),
        )
        async with client(HttpClient, bridge.http_port) as one:
            await one.ask({"words": 1000, "delay_ms": 5})
            await one.hears("word3 ")
            proxy.half_open()
            await serves([bridge])
            seen = await one.end()
    assert seen.end == "timeout", "what ran there ends by its own limit"


async def test_a_triton_that_stands_still_is_not_connected_to_anew_for_what_runs_there(
    three: Fleet, serve: Serve
) -> None:
    fleet = await three.running(1)
    bridge = await serve(
        triton=fleet.tritons[0].address, triton_transport="native", poll_interval=0.1,
        balancing=Balancing(poll_timeout=0.2),
    )  # fmt: skip
    async with client(HttpClient, bridge.http_port) as one:
        await one.ask({"words": 100, "delay_ms": 5})
        await one.hears("word3 ")
        with fleet.stopped(0):
            await asyncio.sleep(0.6)
        seen = await one.end()
        assert (seen.end, len(seen.text.split())) == ("[DONE]", 100)
    assert await served(HttpClient, bridge.http_port)
