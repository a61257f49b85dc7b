"""Workers are stopped and killed; Dynamo's clients hear the truth, and the models come back."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import openai
import pytest

from tests.dynamo.joining import WITHIN, asks, client, in_folder, joined, lists
from tests.eventually import eventually
from tests.openai_bodies import directed
from tests.tritonserver import start_triton

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator
    from pathlib import Path

    from openai import AsyncOpenAI

    from tests.dynamo.environment import Cluster
    from tests.tritonserver import RunningTriton

CONFIG = "serve_unconfigured = false\n[models.echo_vllm]\n"


@asynccontextmanager
async def worker_process(cluster: Cluster, triton: RunningTriton, folder: Path) -> AsyncIterator[Process]:
    """Run the command for the length of the block."""
    config = folder / "worker.toml"
    config.write_text(CONFIG)
    where = ("--dynamo", in_folder(cluster.folder), "--triton", triton.address, "--config", str(config))
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bridge", "worker", *where)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await asyncio.wait_for(process.wait(), WITHIN)


@pytest.fixture
async def alone(cluster: Cluster) -> AsyncIterator[AsyncOpenAI]:
    """A client of a frontend of its own, which forgets no worker that other tests have killed."""
    frontend = await asyncio.to_thread(cluster.http)
    async with client(frontend) as made:
        await lists(made)
        yield made
    await asyncio.to_thread(frontend.process.stop)


async def test_a_worker_that_is_told_to_stop_ends_what_it_runs(
    alone: AsyncOpenAI, cluster: Cluster, triton: RunningTriton, tmp_path: Path
) -> None:
    async with worker_process(cluster, triton, tmp_path) as process:
        await lists(alone, "echo_vllm")
        running = asyncio.create_task(
            _streamed(alone, asks(directed(tag="dyn-drain", words=40, delay_ms=25)))
        )
        await triton.event("dyn-drain", "request")
        process.send_signal(signal.SIGTERM)
        await lists(alone)
        assert await running == 40
        assert await asyncio.wait_for(process.wait(), WITHIN) == 0
    assert not list(cluster.folder.glob("v1/*/*openai-bridge*"))


async def test_a_second_signal_fails_what_runs(
    alone: AsyncOpenAI, cluster: Cluster, triton: RunningTriton, tmp_path: Path
) -> None:
    async with worker_process(cluster, triton, tmp_path) as process:
        await lists(alone, "echo_vllm")
        hanging = asks(directed(tag="dyn-hurried", words=9, hang_at=1))
        running = asyncio.create_task(_streamed(alone, hanging))
        await triton.event("dyn-hurried", "request")
        process.send_signal(signal.SIGTERM)
        await lists(alone)
        process.send_signal(signal.SIGTERM)
        with pytest.raises(openai.APIError) as caught:
            await asyncio.wait_for(running, WITHIN)
        assert "stopping" in caught.value.message
        assert await asyncio.wait_for(process.wait(), WITHIN) == 0


async def test_a_stop_under_load_fails_no_request(
    alone: AsyncOpenAI, cluster: Cluster, triton: RunningTriton
) -> None:
    # Dynamo answers 503 for what is on its way to a worker that leaves.
    patient = alone.with_options(max_retries=2)
    async with joined(triton, in_folder(cluster.folder), drain_timeout=20):
        await lists(alone, "echo_vllm", "Org/Tools-1.0")
        stopping, answered = asyncio.Event(), list[int]()
        asking = [asyncio.create_task(_asks_until(patient, stopping, answered)) for _ in range(8)]
        async with joined(triton, in_folder(cluster.folder), drain_timeout=20) as leaving:
            await eventually(lambda: leaving._answering._tasks, WITHIN)
        said = len(answered)
        await eventually(lambda: len(answered) > said + 20, WITHIN)
        stopping.set()
        await asyncio.gather(*asking)
        assert set(answered) == {5}


async def test_a_worker_that_is_killed_fails_its_streams_and_another_takes_over(
    alone: AsyncOpenAI, cluster: Cluster, triton: RunningTriton, tmp_path: Path
) -> None:
    async with worker_process(cluster, triton, tmp_path) as process:
        await lists(alone, "echo_vllm")
        stream = await alone.chat.completions.create(
            **asks(directed(tag="dyn-killed", words=9, hang_at=2)), stream=True
        )
        await anext(aiter(stream))
        process.kill()
        killed = time.monotonic()
        with pytest.raises(openai.APIError):
            await _read(stream)
        assert time.monotonic() - killed < 2
    await triton.event("dyn-killed", "cancelled")
    async with joined(triton, in_folder(cluster.folder)):
        await _answers(alone)
    await _forgotten(cluster)


async def test_models_go_with_their_triton(alone: AsyncOpenAI, cluster: Cluster, tmp_path: Path) -> None:
    with start_triton(tmp_path, "echo_vllm") as own:
        async with joined(own, in_folder(cluster.folder)):
            await lists(alone, "echo_vllm", "Org/Tools-1.0")
            own.server.kill()
            await lists(alone)


async def _streamed(sdk: AsyncOpenAI, asked: dict[str, Any]) -> int:
    """Return how many pieces of text a stream has brought."""
    return await _read(await sdk.chat.completions.create(**asked, stream=True))


async def _read(stream: Any) -> int:
    texts = [step.delta.content async for chunk in stream for step in chunk.choices]
    return len([text for text in texts if text])


async def _asks_until(sdk: AsyncOpenAI, stopping: asyncio.Event, answered: list[int]) -> None:
    """Ask one request after the other; note how many pieces of text each of them has brought."""
    while not stopping.is_set():
        answered.append(await _streamed(sdk, asks(directed(words=5, delay_ms=2))))


async def _answers(sdk: AsyncOpenAI) -> None:
    """Ask until an answer comes: a frontend still tries the dead worker now and then."""
    async with asyncio.timeout(WITHIN):
        while True:
            try:
                answer = await sdk.chat.completions.create(**asks(directed(text="back")))
            except openai.APIStatusError:
                await asyncio.sleep(0.05)
            else:
                assert answer.choices[0].message.content == "back"
                return


async def _forgotten(cluster: Cluster) -> None:
    """Remove what a killed worker has left, so that no other test need wait for it."""
    for path in cluster.folder.glob("v1/*/*openai-bridge*"):
        path.unlink()
