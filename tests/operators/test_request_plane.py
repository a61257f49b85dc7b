"""Requests through front ends and workers of a real NATS server, to real Tritons."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from tests.doors import Way, each_way, refusal, tell
from tests.eventually import eventually
from tests.operators.asking import STREAM, chat
from tests.raw_http import ask, connected

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.operators.stage import Stage


@each_way
async def test_answers_come_whole_through_both_doors(stage: Stage, way: Way) -> None:
    await stage.worker()
    bridge = await stage.front_end()
    told = await tell(bridge, way, chat(words=600))
    assert told.texts == ["".join(f"word{number} " for number in range(600))]
    assert told.choices[0].finish_reason == "stop"


async def test_two_workers_get_their_parts_from_two_front_ends(stage: Stage) -> None:
    first, second = await stage.worker(0), await stage.worker(1)
    bridges = [await stage.front_end(2), await stage.front_end(2)]
    for _ in range(6):
        await asyncio.gather(*(tell(bridges[at % 2], STREAM, chat(words=1)) for at in range(50)))
    counts = [one._service.counts["echo_vllm"].requests for one in (first, second)]
    assert sum(counts) == 300
    assert min(counts) > 120, counts  # 3.5 standard deviations of a fair coin


async def test_without_a_worker_it_is_a_503_at_once(stage: Stage) -> None:
    worker = await stage.worker()
    bridge = await stage.front_end()
    await worker.stop()
    began = time.monotonic()
    refused = await refusal(bridge, STREAM, chat(words=1))
    assert (refused.status, time.monotonic() - began < 0.5) == (503, True)


async def test_a_client_that_leaves_cancels_its_generation(stage: Stage) -> None:
    await stage.worker()
    bridge = await stage.front_end()
    async with connected(bridge.http_port) as connection:
        await connection.send(
            "POST", "/v1/chat/completions", json=chat(tag="left", words=5, hang_at=1) | {"stream": True}
        )
        await connection.head()
    await stage.tritons[0].event("left", "cancelled", within=2)


async def test_models_and_readiness_follow_the_workers(stage: Stage) -> None:
    worker = await stage.worker()
    bridge = await stage.front_end()
    assert await ready(bridge) == 200
    listed = (await ask(bridge.http_port, "GET", "/v1/models")).json
    assert [one["id"] for one in listed["data"]] == ["echo_vllm"]
    await worker.stop()
    await eventually(lambda: bridge._handlers.catalog._error is not None)
    assert await ready(bridge) == 503
    await stage.worker(1)
    await eventually(lambda: bridge._handlers.catalog._error is None)
    assert await ready(bridge) == 200


async def ready(bridge: Bridge) -> int:
    return (await ask(bridge.http_port, "GET", "/v1/health/ready")).status


@pytest.mark.parametrize("way", [Way("http", streams=True), Way("grpc", streams=True)])
async def test_a_deadline_that_passes_stops_the_model(stage: Stage, way: Way) -> None:
    await stage.worker()
    bridge = await stage.front_end(request_timeout=0.3)
    refused = await refusal(bridge, way, chat(tag=f"late {way}", words=5, hang_at=0))
    assert refused.status == 504
    await stage.tritons[0].event(f"late {way}", "cancelled", within=2)
