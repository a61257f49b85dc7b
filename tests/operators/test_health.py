"""The HTTP port of a worker, asked while the plane, the Triton and the worker itself come and go."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from bridge.config import Config, ConfigError, Nats
from bridge.observability.metrics import Metrics
from bridge.operators.health import Health
from bridge.operators.serving import make_worker
from tests.doors import tell
from tests.eventually import eventually
from tests.operators.asking import STREAM, chat
from tests.raw_http import ask

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.operators.worker import Worker
    from tests.operators.stage import Stage

NOWHERE = "127.0.0.1:1"
WITHIN = 20.0


@asynccontextmanager
async def watched(stage: Stage, triton: str) -> AsyncIterator[tuple[Worker, int]]:
    """Run a worker and its port."""
    metrics = Metrics()
    nats = Nats(url=stage.nats.url)
    worker = make_worker(Config(triton=triton, poll_interval=0.1, drain_timeout=0.5, nats=nats), metrics)
    health = Health(metrics, worker.not_ready)
    port = await health.start("127.0.0.1", 0)
    try:
        yield worker, port
    finally:
        await worker.stop()
        await health.stop()


async def readiness(port: int) -> tuple[int, str]:
    answer = await ask(port, "GET", "/v1/health/ready")
    return answer.status, answer.json.get("message") or answer.error["message"]


READY = (200, "Service is ready.")
UNREACHED = (503, "the request plane cannot be reached")


async def test_a_worker_is_ready_while_it_is_on_the_plane_and_not_when_it_leaves(stage: Stage) -> None:
    async with watched(stage, stage.tritons[0].address) as (worker, port):
        assert await readiness(port) == UNREACHED
        await worker.start()
        await eventually(lambda: worker.not_ready() is None, WITHIN)
        assert await readiness(port) == READY
        stage.nats.kill()
        await eventually(lambda: worker.not_ready() is not None, WITHIN)
        assert await readiness(port) == UNREACHED
        assert (await ask(port, "GET", "/v1/health/live")).status == 200
        stage.nats.start()
        await eventually(lambda: worker.not_ready() is None, WITHIN)
        await worker.stop()
        assert await readiness(port) == (503, "the worker is stopping")


async def test_a_worker_without_its_triton_lives_and_is_not_ready(stage: Stage) -> None:
    async with watched(stage, NOWHERE) as (worker, port):
        await worker.start()
        await eventually(worker._link.up.is_set, WITHIN)
        assert await readiness(port) == (503, "there is no model to offer")
        assert (await ask(port, "GET", "/v1/health/live")).json == {"message": "Service is live."}


async def test_what_a_worker_runs_is_in_its_metrics(stage: Stage) -> None:
    address = stage.tritons[0].address
    async with watched(stage, address) as (worker, port):
        await worker.start()
        bridge = await stage.front_end()
        running = asyncio.create_task(tell(bridge, STREAM, chat(tag="metrics", words=5, hang_at=1)))
        await stage.tritons[0].event("metrics", "request")
        exposed = (await ask(port, "GET", "/metrics")).body.decode()
        running.cancel()
    assert f'openai_bridge_upstream_requests_in_flight{{upstream="{address}"}} 1.0' in exposed
    assert re.search(r"^process_resident_memory_bytes\{", exposed, re.MULTILINE)


async def test_other_paths_and_methods_are_refused(stage: Stage) -> None:
    async with watched(stage, NOWHERE) as (_, port):
        assert (await ask(port, "POST", "/v1/chat/completions", json=chat())).status == 404
        assert (await ask(port, "POST", "/metrics", json={})).status == 405


async def test_the_command_opens_the_port_it_is_told_and_closes_it(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "worker.toml"
    path.write_text(f'triton = "{NOWHERE}"\n[nats]\nurl = "{stage.nats.url}"\nhealth_port = 0\n')
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bridge", "worker", "--config", str(path), stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(WITHIN):
            assert process.stderr is not None
            said = await process.stderr.readline()
            found = re.search(rb"health and metrics on http://127\.0\.0\.1:(\d+)", said)
            assert found is not None, said
            assert (await ask(int(found[1]), "GET", "/v1/health/live")).status == 200
            process.send_signal(signal.SIGTERM)
            _, rest = await process.communicate()
        assert (process.returncode, b"Traceback" in rest) == (0, False), rest
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_worker_that_is_stopped_while_it_connects_ends(stage: Stage) -> None:
    for turns in range(20):
        worker = make_worker(Config(triton=NOWHERE, nats=Nats(url=stage.nats.url)))
        await worker.start()
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(WITHIN):
            await worker.stop()


async def test_a_port_in_use_is_named(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"^health: cannot listen on 127\.0\.0\.1:{port}: Address already"):
            await Health(Metrics(), lambda: None).start("127.0.0.1", port)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(ConfigError, match=r"^nats\.health_port"):
        Nats(health_port=port)
