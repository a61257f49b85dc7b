"""Workers, front ends and the NATS server are killed; clients hear the truth, and the rest goes on."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from bridge.config import ModelConfig
from tests.bridge_process import serving
from tests.doors import refusal, tell
from tests.eventually import eventually
from tests.faults.fleet import count
from tests.openai_bodies import CHAT
from tests.operators.asking import STREAM, chat
from tests.operators.stage import having, plane_of
from tests.raw_http import connected
from tests.stopped import stopped

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator

    import pytest

    from bridge.app import Bridge
    from tests.operators.stage import Stage
    from tests.raw_http import Connection

RESUMING = {"echo_vllm": ModelConfig(), "going_on": ModelConfig(triton_model="echo_vllm", resume=True)}
GREEDY = {"temperature": 0, "model": "going_on"}
COUNTED = {
    "resumes_total": 1,
    "retries_total": 1,
    "upstream_requests_total": 5,  # two of three again
    "upstream_requests_in_flight": 0,
    "upstream_errors_total": 2,  # one of them was told
}
WORDS = "".join(f"word{number} " for number in range(60))


@asynccontextmanager
async def streaming(port: int, body: dict[str, Any], until: bytes) -> AsyncIterator[Connection]:
    """Ask for a stream, and read it until something is there."""
    async with connected(port) as client:
        await client.send("POST", CHAT, json=body | {"stream": True})
        await client.head()
        await client.until(until)
        yield client


async def test_a_killed_worker_is_noticed_only_where_something_was_said_that_cannot_go_on(
    stage: Stage,
) -> None:
    process = await stage.worker_process(0)
    bridge = await stage.front_end(models=RESUMING)
    before = asyncio.create_task(tell(bridge, STREAM, chat(tag="before", first_delay_ms=700, words=3)))
    resumed = asyncio.create_task(tell(bridge, STREAM, chat(words=60, delay_ms=20) | GREEDY))
    async with streaming(bridge.http_port, chat(words=5, hang_at=2), b"word1") as client:
        await stage.tritons[0].event("before", "request")
        await stage.worker(1)
        await stage.knows(bridge, 2)
        running = plane_of(bridge)._generations.values()
        await eventually(lambda: sorted(one.sent > 0 for one in running) == [False, True, True])
        process.kill()
        killed = time.monotonic()
        assert b"worker was lost" in await client.until(b"service_unavailable")
        assert time.monotonic() - killed < 2
    assert (await asyncio.wait_for(before, 8)).texts == ["word0 word1 word2 "]
    assert (await asyncio.wait_for(resumed, 8)).texts == [WORDS]
    await stage.knows(bridge, 1)
    assert not plane_of(bridge)._generations
    assert {name: count(bridge, name) for name in COUNTED} == COUNTED
    errors = [
        line for line in bridge.metrics.text().decode().splitlines() if "upstream_errors_total{" in line
    ]
    assert all(f'upstream="{stage.nats.url}"' in line for line in errors), "not one row for each worker"


async def test_a_worker_that_hangs_is_left_out_and_signals_end_it_gently_then_at_once(
    stage: Stage,
) -> None:
    process = await stage.worker_process()
    bridge = await stage.front_end()
    with stopped(process.pid):
        await eventually(lambda: not having(bridge), 3)
    await stage.knows(bridge, 1)
    await told_to_stop(bridge, process)


async def told_to_stop(bridge: Bridge, process: Process) -> None:
    """Signal the end: what runs is ended, nothing new is taken; a second signal fails what is left."""
    async with (
        streaming(bridge.http_port, chat(words=3, delay_ms=120), b"word0") as one,
        streaming(bridge.http_port, chat(words=3, hang_at=1), b"word0") as other,
    ):
        process.send_signal(signal.SIGTERM)
        await eventually(lambda: not having(bridge))
        assert (await refusal(bridge, STREAM, chat(words=1))).status == 503
        assert b"word2" in await one.until(b"[DONE]")
        process.send_signal(signal.SIGTERM)
        assert b"worker is stopping" in await other.until(b"service_unavailable")
    assert await asyncio.wait_for(process.wait(), 8) == 0


async def test_what_does_not_end_while_a_worker_drains_fails_or_goes_elsewhere(stage: Stage) -> None:
    worker = await stage.worker(0, drain_timeout=0.1)
    bridge = await stage.front_end()
    waiting = asyncio.create_task(tell(bridge, STREAM, chat(tag="slow", first_delay_ms=350, words=1)))
    async with streaming(bridge.http_port, chat(words=5, hang_at=1), b"word0") as client:
        await stage.tritons[0].event("slow", "request")
        await stage.worker(1)
        await stage.knows(bridge, 2)
        await worker.stop()
        assert b"worker is stopping" in await client.until(b"service_unavailable")
    assert (await waiting).texts == ["word0 "]


async def test_streams_fail_with_nats_and_all_comes_back_with_it(stage: Stage) -> None:
    await stage.worker()
    bridge = await stage.front_end()
    async with streaming(bridge.http_port, chat(tag="cut", words=5, hang_at=2), b"word1") as client:
        stage.nats.kill()
        assert b"request plane is lost" in await client.until(b"service_unavailable")
    await stage.tritons[0].event("cut", "cancelled", within=3)
    began = time.monotonic()
    assert (await refusal(bridge, STREAM, chat(words=1))).status == 503
    assert time.monotonic() - began < 0.5
    stage.nats.start()
    await stage.knows(bridge, 1)
    assert (await tell(bridge, STREAM, chat(words=1))).texts == ["word0 "]


async def test_a_nats_that_stands_still_is_noticed_and_all_goes_on_when_it_does(stage: Stage) -> None:
    await stage.worker()
    bridge = await stage.front_end()
    async with streaming(bridge.http_port, chat(tag="still", words=5, hang_at=2), b"word1") as client:
        with stage.nats.stopped():
            began = time.monotonic()
            assert b"worker was lost" in await client.until(b"service_unavailable")
            lost = time.monotonic()
            assert lost - began < 2
            assert (await refusal(bridge, STREAM, chat(words=1))).status == 503
            assert time.monotonic() - lost < 0.5
    await stage.tritons[0].event("still", "cancelled", within=3)
    await stage.knows(bridge, 1)
    assert (await tell(bridge, STREAM, chat(words=1))).texts == ["word0 "]


async def test_a_front_end_that_comes_before_nats_serves_when_it_is_there(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.worker()
    stage.nats.kill()
    caplog.clear()
    starting = asyncio.create_task(stage.front_end())
    await eventually(lambda: caplog.text.count("cannot be reached") == 2)  # the worker says so, too
    stage.nats.start()
    bridge = await starting
    assert (await tell(bridge, STREAM, chat(words=1))).texts == ["word0 "]


async def test_a_killed_front_end_leaves_no_generation_behind(stage: Stage) -> None:
    await stage.worker()
    bridge = await stage.front_end()
    body = chat(tag="orphan", words=5, hang_at=1)
    async with (
        serving("--upstream", stage.nats.url) as doomed,
        streaming(await doomed.port("HTTP"), body, b"word0"),
        streaming(bridge.http_port, chat(words=3, delay_ms=200), b"word0") as other,
    ):
        doomed.process.kill()
        await stage.tritons[0].event("orphan", "cancelled", within=2)
        assert b"word2" in await other.until(b"[DONE]")
        await doomed.process.wait()
