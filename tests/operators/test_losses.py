"""Workers, front ends and the NATS server are killed; clients hear the truth, and the rest goes on."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING, Any

from tests.bridge_process import serving
from tests.doors import tell
from tests.eventually import eventually
from tests.operators.asking import STREAM, chat
from tests.operators.stage import having
from tests.raw_http import connected

if TYPE_CHECKING:
    from asyncio.subprocess import Process

    from bridge.app import Bridge
    from tests.operators.stage import Stage


async def test_a_worker_killed_before_the_first_token_is_not_noticed(stage: Stage) -> None:
    bridge, doomed, asked = await _on_a_process(stage, chat(tag="early", first_delay_ms=1500, words=3))
    doomed.kill()
    assert (await asyncio.wait_for(asked, 8)).texts == ["word0 word1 word2 "]
    await stage.knows(bridge, 1)


async def test_a_worker_killed_in_mid_stream_ends_the_stream_with_an_error(stage: Stage) -> None:
    process = await stage.worker_process()
    bridge = await stage.front_end()
    async with connected(bridge.http_port) as connection:
        await connection.send(
            "POST", "/v1/chat/completions", json=chat(words=5, hang_at=2) | {"stream": True}
        )
        await connection.head()
        await connection.until(b"word1")
        process.kill()
        killed = time.monotonic()
        said = await connection.until(b"service_unavailable")
    assert time.monotonic() - killed < 2
    assert b"worker was lost" in said


async def test_a_worker_that_hangs_is_left_out(stage: Stage) -> None:
    process = await stage.worker_process()
    bridge = await stage.front_end()
    process.send_signal(signal.SIGSTOP)
    await eventually(lambda: not having(bridge), 3)
    process.send_signal(signal.SIGCONT)
    await stage.knows(bridge, 1)
    assert (await tell(bridge, STREAM, chat(words=1))).texts == ["word0 "]


async def test_a_worker_that_is_told_to_stop_ends_what_it_runs(stage: Stage) -> None:
    bridge, process, asked = await _on_a_process(stage, chat(tag="drain", first_delay_ms=700, words=2))
    process.send_signal(signal.SIGTERM)
    assert (await asyncio.wait_for(asked, 8)).texts == ["word0 word1 "]
    assert await asyncio.wait_for(process.wait(), 8) == 0
    assert (await tell(bridge, STREAM, chat(words=1))).texts == ["word0 "]


async def test_streams_fail_with_nats_and_all_comes_back_with_it(stage: Stage) -> None:
    await stage.worker()
    bridge = await stage.front_end()
    async with connected(bridge.http_port) as connection:
        await connection.send(
            "POST", "/v1/chat/completions", json=chat(tag="cut", words=5, hang_at=2) | {"stream": True}
        )
        await connection.head()
        await connection.until(b"word1")
        stage.nats.kill()
        assert b"request plane is lost" in await connection.until(b"service_unavailable")
    await stage.tritons[0].event("cut", "cancelled", within=3)
    stage.nats.start()
    await stage.knows(bridge, 1)
    assert (await tell(bridge, STREAM, chat(words=1))).texts == ["word0 "]


async def test_a_front_end_that_comes_before_nats_serves_when_it_is_there(stage: Stage) -> None:
    await stage.worker()
    stage.nats.kill()
    bridge = await stage.serve(upstream=stage.nats.url)
    assert "request plane" in (await bridge._handlers.models.not_ready() or "")
    stage.nats.start()
    await stage.knows(bridge, 1)
    assert (await tell(bridge, STREAM, chat(words=1))).texts == ["word0 "]


async def test_a_killed_front_end_leaves_no_generation_behind(stage: Stage) -> None:
    await stage.worker()
    bridge = await stage.front_end()
    async with (
        serving("--upstream", stage.nats.url) as doomed,
        connected(await doomed.port("HTTP")) as client,
    ):
        body = chat(tag="orphan", words=5, hang_at=1) | {"stream": True}
        await client.send("POST", "/v1/chat/completions", json=body)
        await client.head()
        await stage.tritons[0].event("orphan", "request")
        doomed.process.kill()
        await stage.tritons[0].event("orphan", "cancelled", within=2)
        await doomed.process.wait()
    assert (await tell(bridge, STREAM, chat(words=1))).texts == ["word0 "]


async def _on_a_process(stage: Stage, body: dict[str, Any]) -> tuple[Bridge, Process, asyncio.Task[Any]]:
    """Begin a request on a worker's process, beside which there is a worker in this one."""
    process = await stage.worker_process(0)
    bridge = await stage.front_end()
    asked = asyncio.create_task(tell(bridge, STREAM, body))
    tag = "early" if "early" in str(body) else "drain"
    await stage.tritons[0].event(tag, "request")
    await stage.worker(1)
    await stage.knows(bridge, 2)
    return bridge, process, asked
