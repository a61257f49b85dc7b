"""Connections to NATS that break while NATS lives: nothing runs on for nobody, and nothing stays away."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from nats.aio.client import Client

from bridge.backends.nats_generation import QUIET
from bridge.errors import BridgeError
from tests.doors import tell
from tests.eventually import eventually
from tests.nats_server import taken
from tests.openai_bodies import CHAT
from tests.operators.asking import STREAM, chat
from tests.operators.stage import having, look, plane_of
from tests.raw_http import connected
from tests.tcp_proxy import tcp_proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.operators.stage import Stage
    from tests.tcp_proxy import TcpProxy

WITHIN = 5.0
"""Seconds in which all is as it was; a fault of ours takes ten, or is for ever."""


@asynccontextmanager
async def proxied(stage: Stage) -> AsyncIterator[TcpProxy]:
    """Have what is started in the block reach NATS through a proxy."""
    direct = stage.nats.url
    async with tcp_proxy(direct.removeprefix("nats://")) as proxy:
        stage.nats.url = f"nats://{proxy.address}"
        try:
            yield proxy
        finally:
            stage.nats.url = direct
            await stage.stack.aclose()


async def test_a_front_end_that_lost_its_connection_leaves_no_generation_behind(stage: Stage) -> None:
    await stage.worker()
    async with proxied(stage) as proxy:
        bridge = await stage.front_end()
        async with connected(bridge.http_port) as client:
            await client.send("POST", CHAT, json=chat(tag="left", words=5, hang_at=1) | {"stream": True})
            await client.head()
            await client.until(b"word0")
            proxy.cut(reset=True)
            assert b"request plane is lost" in await client.until(b"service_unavailable")
        await stage.knows(bridge, 1)
        await stage.tritons[0].event("left", "cancelled", within=WITHIN)
        assert (await tell(bridge, STREAM, chat(words=1))).texts == ["word0 "]
        await bridge.stop()


async def test_a_worker_that_lost_its_connection_is_back_at_once(stage: Stage) -> None:
    async with proxied(stage) as proxy:
        worker = await stage.worker()
        stage.nats.url = f"nats://127.0.0.1:{stage.nats.port}"
        bridge = await stage.front_end()
        async with connected(bridge.http_port) as client:
            await client.send("POST", CHAT, json=chat(tag="cut", words=5, hang_at=1) | {"stream": True})
            await client.head()
            await client.until(b"word0")
            joined = worker._offers.joined
            proxy.cut()
            await stage.tritons[0].event("cut", "cancelled", within=WITHIN)
            await eventually(lambda: worker._offers.joined is not joined and worker._offers.joined, WITHIN)
            assert (await tell(bridge, STREAM, chat(words=1))).texts == ["word0 "]
            look(plane_of(bridge), QUIET + 1)
            assert b"were lost" in await client.until(b"service_unavailable")


async def test_a_connection_that_breaks_while_a_worker_leaves_its_groups_does_not_keep_it_away(
    stage: Stage,
) -> None:
    async with proxied(stage) as proxy:
        worker = await stage.worker(poll_interval=3600)
        await eventually(lambda: worker._offers.joined)
        models = worker._offers.models
        proxy.half_open()  # the broker does not say any more what was on its way
        worker._offers.offer({})
        await eventually(worker._offers._changing.locked)
        worker._offers.offer(models)
        proxy.cut()
        await eventually(lambda: worker._offers.joined, WITHIN)


async def test_a_question_is_over_with_the_connection(stage: Stage) -> None:
    await stage.worker()
    bridge = await stage.front_end()
    plane = plane_of(bridge)
    mute = Client()
    await mute.connect(stage.nats.url, allow_reconnect=False)
    stage.stack.push_async_callback(mute.close)
    await mute.subscribe("icp.ctl.mute.describe")
    await taken(mute)
    asking = asyncio.create_task(plane.ask("icp.ctl.mute.describe", b"", 10))
    await eventually(lambda: len(plane._inquiries))
    began = time.monotonic()
    stage.nats.kill()
    with pytest.raises(BridgeError, match="request plane is lost"):
        await asking
    assert time.monotonic() - began < WITHIN


async def test_the_last_worker_that_stops_leaves_a_503_and_no_404(stage: Stage) -> None:
    worker = await stage.worker()
    bridge = await stage.front_end()
    await worker.stop()
    await eventually(lambda: not having(bridge))
    async with connected(bridge.http_port) as client:
        for _ in range(3):
            answer = await client.ask("POST", CHAT, json=chat(words=1))
            assert answer.status == 503
            await bridge._handlers.catalog.refresh()
