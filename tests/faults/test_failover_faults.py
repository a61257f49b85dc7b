"""Several Tritons, of which one hangs, drains, or has lost its model: requests go where they are served."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import pytest

from bridge.config import Balancing, ModelConfig
from tests.eventually import eventually
from tests.faults.conftest import repository
from tests.faults.fleet import MODEL, answers, count, goes_to, grpc_answers, streamed, tag
from tests.grpc_client import connected, health, words

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import Serve
    from tests.faults.fleet import Fleet

RULES = Balancing(eject_time=0.2, slow_start=0.2, poll_timeout=0.3)
SHORT = {"words": 3}


@pytest.fixture
async def repaired(fleet: Fleet) -> AsyncIterator[Fleet]:
    """Return the servers; the first one's model is loaded anew after the test."""
    yield fleet
    async with repository(fleet.tritons[0]) as opened:
        await opened.unload(MODEL)
        await opened.load(MODEL)


async def test_a_server_that_hangs_loses_its_waiting_requests_to_the_other(
    fleet: Fleet, serve: Serve
) -> None:
    # Over grpcio they wait: docs/upstreams.md.
    settings = {"models": {MODEL: ModelConfig()}, "triton_transport": "native"}
    bridge = await serve(triton=fleet.upstreams(), balancing=RULES, **settings)
    async with connected(bridge.grpc_port) as stubs:
        with fleet.stopped(0):
            over_http = asyncio.create_task(answers(bridge, SHORT, 4))
            assert await grpc_answers(stubs, SHORT, 4) == [words(3)] * 4
            assert await over_http == [(200, words(3))] * 4
            assert await health(stubs) == "SERVING"
            mine = tag()
            assert await answers(bridge, {"tag": mine, **SHORT}, 4) == [(200, words(3))] * 4
            assert fleet.served(mine) == [1] * 4
        await goes_to(fleet, bridge, 0)
    assert count(bridge, "upstream_requests_in_flight") == 0


async def test_a_stream_of_a_server_that_hangs_ends_with_an_error(fleet: Fleet, serve: Serve) -> None:
    bridge = await serve(triton=fleet.upstreams(1), balancing=RULES, token_timeout=0.3)
    begun = asyncio.Event()
    stream = asyncio.create_task(streamed(bridge, {"words": 500, "delay_ms": 5}, begun))
    await begun.wait()
    with fleet.stopped(0):
        end = await stream
    assert end.error is not None
    assert end.error["code"] == "timeout"
    assert words(500).startswith(end.text)


async def test_a_model_that_crashed_on_one_server_is_served_by_the_other(
    repaired: Fleet, serve: Serve
) -> None:
    bridge = await serve(triton=repaired.upstreams(), balancing=Balancing(eject_time=60, max_eject_time=60))
    alone = await serve(triton=repaired.upstreams(1), token_timeout=0.3)
    assert (await streamed(alone, {"words": 3, "crash_at": 1})).error is not None
    mine = tag()
    for _ in range(4):
        assert await answers(bridge, {"tag": mine, **SHORT}, 1) == [(200, words(3))]
    assert repaired.served(mine) == [1] * 4
    assert count(bridge, "retries_total") == 1, "the index still says that it is ready"
    assert count(bridge, "upstream_ejected") == 0, "the server itself is well"


async def test_a_server_that_drains_gets_nothing_more_and_ends_what_it_has(
    fleet: Fleet, serve: Serve
) -> None:
    bridge = await serve(triton=fleet.upstreams(), poll_interval=60.0)
    mine = tag()
    begun = [asyncio.Event() for _ in range(2)]
    running = [
        asyncio.create_task(streamed(bridge, {"tag": mine, "words": 60, "delay_ms": 10}, one))
        for one in begun
    ]
    await asyncio.gather(*(one.wait() for one in begun))
    assert sorted(fleet.served(mine)) == [0, 1]
    os.kill(fleet.tritons[0].server.pid, signal.SIGTERM)
    for _ in range(5):
        assert await answers(bridge, SHORT, 2) == [(200, words(3))] * 2
    assert {(end.text, end.error) for end in await asyncio.gather(*running)} == {(words(60), None)}
    await eventually(lambda: not fleet.tritons[0].server.running, within=10)
    fleet.kill(0)  # cleans up after it
