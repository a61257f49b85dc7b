"""Requests through front ends and workers of a real NATS server, to real Tritons."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from bridge.config import Nats
from tests.doors import each_way, refusal, tell
from tests.eventually import eventually
from tests.operators.asking import STREAM, chat
from tests.raw_http import ask, connected

if TYPE_CHECKING:
    from tests.doors import Way
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


async def test_256_streams_share_an_inbox_and_lose_nothing(stage: Stage) -> None:
    await stage.worker(settings=Nats(max_inflight=256))
    bridge = await stage.front_end()
    told = await asyncio.gather(*(tell(bridge, STREAM, chat(words=10 + at % 7)) for at in range(256)))
    expected = ["".join(f"word{number} " for number in range(10 + at % 7)) for at in range(256)]
    assert [one.texts[0] for one in told] == expected


async def test_without_a_worker_it_is_a_503_at_once(stage: Stage) -> None:
    worker = await stage.worker()
    bridge = await stage.front_end()
    await worker.stop()
    began = time.monotonic()
    refused = await refusal(bridge, STREAM, chat(words=1))
    assert (refused.status, time.monotonic() - began < 0.5) == (503, True)


async def test_a_full_worker_is_a_429_and_takes_requests_again_when_it_has_room(stage: Stage) -> None:
    await stage.worker(settings=Nats(max_inflight=2))
    bridge = await stage.front_end()
    running = [
        asyncio.create_task(tell(bridge, STREAM, chat(tag=f"full{at}", words=5, hang_at=1)))
        for at in range(2)
    ]
    for at in range(2):
        await stage.tritons[0].event(f"full{at}", "request")
    refused = await refusal(bridge, STREAM, chat(words=1))
    assert (refused.status, "limit" in refused.message) == (429, True)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await eventually(lambda: not stage.workers[0]._running.count)
    assert (await tell(bridge, STREAM, chat(words=2))).texts == ["word0 word1 "]


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
    assert (await ask(bridge.http_port, "GET", "/v1/health/ready")).status == 200
    listed = (await ask(bridge.http_port, "GET", "/v1/models")).json
    assert [one["id"] for one in listed["data"]] == ["echo_vllm"]
    await worker.stop()
    await eventually(lambda: bridge._handlers.catalog._error is not None)
    assert (await ask(bridge.http_port, "GET", "/v1/health/ready")).status == 503
    await stage.worker(1)
    await eventually(lambda: bridge._handlers.catalog._error is None)
    assert (await ask(bridge.http_port, "GET", "/v1/health/ready")).status == 200


async def test_a_request_larger_than_a_message_is_a_413(stage: Stage) -> None:
    await stage.worker()
    bridge = await stage.front_end()
    large = chat() | {"messages": [{"role": "user", "content": "a" * 1_100_000}]}
    answer = await ask(bridge.http_port, "POST", "/v1/chat/completions", json=large)
    assert (answer.status, "1048576" in answer.error["message"]) == (413, True)


async def test_a_reader_that_stands_still_stops_only_its_own_generation(stage: Stage) -> None:
    worker = await stage.worker()
    bridge = await stage.front_end(max_buffered_bytes=1024)
    async with connected(bridge.http_port) as connection:
        body = chat(words=60_000) | {"max_tokens": 60_000, "stream": True}
        await connection.send("POST", "/v1/chat/completions", json=body)
        await connection.head()
        await eventually(lambda: any(one.stalls for one in worker._running._operations.values()), 10)
        assert (await tell(bridge, STREAM, chat(words=400))).texts[0].endswith("word399 ")
        held = next(iter(worker._running._operations.values()))
        assert sum(map(len, held._ready)) < 2_000_000
