"""Several Tritons behind one name, of which some are killed: where possible, clients see nothing of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc
import pytest

from bridge.config import Balancing, ModelConfig
from tests.eventually import eventually
from tests.faults.fleet import MODEL, answers, count, goes_to, grpc_answers, streamed, tag
from tests.grpc_client import WAIT, chat, connected, failure, health, health_becomes, in_flight, words

if TYPE_CHECKING:
    from tests.conftest import Serve
    from tests.faults.fleet import Fleet

FAST = Balancing(eject_time=0.2, slow_start=0.2, poll_timeout=1.0)
SHORT = {"words": 3}
ENDLESS = {"words": 1000, "delay_ms": 5}

each_transport = pytest.mark.parametrize("transport", ["native", "grpcio"])


async def test_requests_are_shared_out(three: Fleet, serve: Serve) -> None:
    fleet = await three.running(3)
    bridge = await serve(triton=fleet.upstreams(3))
    mine = tag()
    for _ in range(9):
        await answers(bridge, {"tag": mine, **SHORT}, 1)
    assert sorted(fleet.served(mine)) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


async def test_a_kill_between_requests_is_seen_by_no_client(fleet: Fleet, serve: Serve) -> None:
    # Often enough to find the server again, too seldom to miss it before a request does.
    bridge = await serve(triton=fleet.upstreams(), balancing=FAST, poll_interval=2.0)
    await answers(bridge, SHORT, 4)
    fleet.kill(0)
    for _ in range(5):
        assert await answers(bridge, SHORT, 4) == [(200, words(3))] * 4
    async with connected(bridge.grpc_port) as stubs:
        assert await grpc_answers(stubs, SHORT, 4) == [words(3)] * 4
        assert await health(stubs) == "SERVING"
    assert count(bridge, "retries_total") >= 1
    await eventually(lambda: count(bridge, "upstream_ejected") == 1)

    await fleet.restart(0)
    await goes_to(fleet, bridge, 0)
    await eventually(lambda: count(bridge, "upstream_ejected") == 0)
    assert in_flight(bridge.metrics.text()) == 0


@each_transport
async def test_a_kill_before_the_first_token_is_seen_by_no_client(
    fleet: Fleet, serve: Serve, transport: str
) -> None:
    bridge = await serve(triton=fleet.upstreams(), triton_transport=transport)
    mine = tag()
    slow = {"tag": mine, "first_delay_ms": 700, **SHORT}
    async with connected(bridge.grpc_port) as stubs:
        over_http = asyncio.create_task(answers(bridge, slow, 10))
        over_grpc = asyncio.create_task(grpc_answers(stubs, slow, 10))
        await eventually(lambda: len(fleet.served(mine)) == 20)
        assert sorted(set(fleet.served(mine))) == [0, 1]
        fleet.kill(0)
        assert await over_http == [(200, words(3))] * 10
        assert await over_grpc == [words(3)] * 10
    assert count(bridge, "upstream_requests_in_flight") == 0


async def test_a_kill_in_mid_stream_is_an_error_of_those_streams_alone(fleet: Fleet, serve: Serve) -> None:
    bridge = await serve(triton=fleet.upstreams())
    mine = tag()
    begun = [asyncio.Event() for _ in range(6)]
    directive = {"tag": mine, "words": 200, "delay_ms": 5}
    streams = [asyncio.create_task(streamed(bridge, directive, event)) for event in begun]
    await asyncio.gather(*(event.wait() for event in begun))
    fleet.kill(0)
    ends = await asyncio.gather(*streams)

    assert len(fleet.served(mine)) == 6
    broken = [end for end in ends if end.error is not None]
    whole = [end for end in ends if end.error is None]
    assert len(broken) == fleet.served(mine).count(0) == 3
    assert {end.text for end in whole} == {words(200)}
    for end in broken:
        assert end.error["code"] == "service_unavailable"
        assert words(200).startswith(end.text)
        assert (end.finishes, end.usage) == ([], None)


async def test_as_long_as_one_of_three_is_there_requests_are_served(three: Fleet, serve: Serve) -> None:
    fleet = await three.running(3)
    fleet.kill(1)
    bridge = await serve(triton=fleet.upstreams(3), balancing=FAST, models={MODEL: ModelConfig()})
    async with connected(bridge.grpc_port) as stubs:
        assert await answers(bridge, SHORT, 4) == [(200, words(3))] * 4
        fleet.kill(0)
        assert await answers(bridge, SHORT, 4) == [(200, words(3))] * 4
        assert await health(stubs) == "SERVING"
        fleet.kill(2)
        await health_becomes(stubs, "NOT_SERVING")
        assert await answers(bridge, SHORT, 1) == [(503, "Triton cannot be reached")]
        error = await failure(stubs.chat.CreateChatCompletion(chat(SHORT), timeout=WAIT))
        assert error.code() is grpc.StatusCode.UNAVAILABLE

        await fleet.restart(1)
        await health_becomes(stubs, "SERVING")
        assert await answers(bridge, SHORT, 2) == [(200, words(3))] * 2
