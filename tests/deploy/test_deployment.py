"""Real deployments: what starts, what is started again, what a stop leaves behind."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from typing import TYPE_CHECKING

import pytest

from tests.bridge_process import alive
from tests.deploy.deployed import Deployed, deployed, descendants
from tests.openai_bodies import CHAT, chat, directed
from tests.raw_http import ask, connected
from tests.tritonserver import assemble

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

WITHIN = 30.0
POLL = 0.05
ONE_MODEL = 'arguments = ["--model-control-mode=explicit", "--load-model=echo_vllm"]'
NAMES = ["nats.0", "triton.0", "worker.0", "worker.1", "frontend.0", "frontend.1"]
SLOW = directed(words=30, delay_ms=20)
ENDLESS = directed(words=5, hang_at=2)


@pytest.fixture(scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployed]:
    """NATS, a Triton, two workers, two front ends; at the end, all of them must end in order."""
    tmp = tmp_path_factory.mktemp("whole")
    assemble(tmp / "models")
    triton = f'[[tritons]]\nrepository = "models"\nexit_timeout = 1\n{ONE_MODEL}\n'
    text = f"[nats]\n{triton}[[workers]]\ncount = 2\n[[frontends]]\ncount = 2\n"
    async with deployed(tmp, text, "--log-level", "1") as running:
        await running.ready()
        yield running
        running.family |= descendants(running.process.pid)
        running.process.send_signal(signal.SIGINT)
        assert await running.ended() == 0
        await running.left_nobody()
        await running.until("^Everything has ended")
        stopped = [line[1] for line in running.lines(r"^Stopping (.*):")]
        assert stopped == ["front ends", "workers", "Tritons", "NATS"]


async def served(running: Deployed, name: str = "frontend.0") -> bool:
    """Whether a front end answers a chat."""
    try:
        answer = await ask(running.port(name), "POST", CHAT, json=chat())
    except (ConnectionError, asyncio.IncompleteReadError):
        return False
    return answer.status == 200


async def until_served(running: Deployed, name: str) -> None:
    async with asyncio.timeout(WITHIN):
        while True:
            if await served(running, name):
                return
            await asyncio.sleep(POLL)


async def test_everything_serves_once_it_is_said_to(whole: Deployed) -> None:
    firsts = [line for line in whole.said if re.search(r"\(pid \d+\) is ready after", line)]
    assert sorted(line.split()[0] for line in firsts) == sorted(NAMES)
    assert [line.split()[0].partition(".")[0] for line in firsts] == [
        *("nats", "triton", "worker", "worker", "frontend", "frontend")
    ]
    for name in ("frontend.0", "frontend.1"):
        await until_served(whole, name)


async def test_each_process_has_a_log(whole: Deployed) -> None:
    assert sorted(path.name for path in whole.logs.iterdir()) == sorted(f"{name}.log" for name in NAMES)
    assert "Server is ready" in (whole.logs / "nats.0.log").read_text()
    assert "HTTP on http://127.0.0.1" in (whole.logs / "frontend.0.log").read_text()


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(("worker.1", "frontend.0"), id="a worker and a front end"),
        pytest.param(("triton.0",), id="Triton"),
        pytest.param(("nats.0",), id="NATS"),
    ],
)
async def test_what_is_killed_is_started_again(whole: Deployed, names: tuple[str, ...]) -> None:
    await until_served(whole, "frontend.0")
    pids = {name: whole.pid(name) for name in names}

    for pid in pids.values():
        os.kill(pid, signal.SIGKILL)

    for name, pid in pids.items():
        await whole.until(rf"^{name} \(pid (?!{pid}\))\d+\) is ready again")
        assert whole.lines(rf"^{name} ended by SIGKILL, a new one starts in 0\.\d s")
        assert not alive(pid)
    for frontend in ("frontend.0", "frontend.1"):
        await until_served(whole, frontend)


def direct(whole: Deployed, *, workers: int = 1) -> str:
    """A front end alone, over a Triton that runs already."""
    server = f'tritons = ["127.0.0.1:{whole.port("triton.0", "gRPC ")}"]'
    return f"[[frontends]]\n{server}\nworkers = {workers}\n"


async def test_a_stop_lets_streams_end(whole: Deployed, tmp_path: Path) -> None:
    (tmp_path / "bridge.toml").write_text('log_format = "json"')
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "frontend.0.log").write_text("old\n")
    (tmp_path / "logs" / "frontend.txt").write_text("foreign\n")
    text = direct(whole) + 'config = "bridge.toml"\nenvironment = {TZ = "UTC"}'
    async with deployed(tmp_path, text, "--clear-logs") as running:
        await running.ready()
        async with connected(running.port("frontend.0")) as connection:
            await connection.send("POST", CHAT, json=chat(SLOW, stream=True, max_tokens=50))
            await connection.until(b"word1 ")
            running.process.send_signal(signal.SIGINT)
            body = await connection.rest()
        assert await running.ended() == 0
        assert not any(map(alive, running.family))

    assert b"word29" in body
    assert b"data: [DONE]" in body
    assert (running.logs / "frontend.0.log").read_text().startswith('{"ts":')
    assert (running.logs / "frontend.txt").read_text() == "foreign\n"


async def hanging(running: Deployed) -> asyncio.Task[bytes]:
    """Begin a stream that does not end by itself; return what reads it."""
    begun = asyncio.Event()

    async def read() -> bytes:
        async with connected(running.port("frontend.0")) as connection:
            await connection.send("POST", CHAT, json=chat(ENDLESS, stream=True))
            await connection.until(b"word1")
            begun.set()
            try:
                return await connection.rest()
            except ConnectionResetError:
                return b""

    reading = asyncio.create_task(read())
    async with asyncio.timeout(WITHIN):
        await begun.wait()
    return reading


async def test_a_second_signal_kills(whole: Deployed, tmp_path: Path) -> None:
    async with deployed(tmp_path, direct(whole, workers=2)) as running:
        await running.ready()
        assert len(running.family) == 3  # the front end and its workers
        reading = await hanging(running)
        running.process.send_signal(signal.SIGTERM)
        await running.until("^Stopping front ends")
        running.process.send_signal(signal.SIGTERM)
        assert await running.ended() == 0
        assert not any(map(alive, running.family))
        assert b"[DONE]" not in await reading


async def test_who_is_killed_leaves_nobody(whole: Deployed, tmp_path: Path) -> None:
    async with deployed(tmp_path, direct(whole)) as running:
        await running.ready()
        running.process.kill()
        await running.ended()
        await running.left_nobody()


async def test_who_does_not_become_ready_fails_the_deployment(tmp_path: Path) -> None:
    text = 'start_timeout = 1\n[[frontends]]\ntritons = ["127.0.0.1:1"]'
    async with deployed(tmp_path, text) as running:
        assert await running.ended() == 1
    assert running.lines(r"frontend\.0 was not ready after 1 s: it .*; the end of .*/logs/frontend\.0\.log:")


async def test_a_wrong_repository_fails_the_deployment(tmp_path: Path) -> None:
    async with deployed(tmp_path, '[nats]\n[[tritons]]\nrepository = "nowhere"') as running:
        assert await running.ended() == 1
    text = "\n".join(running.said)
    assert running.lines("^Stopping NATS: nats.0")
    assert re.search(
        r"openai-bridge deploy: triton\.0 ended by exit code 1 while it started; the end of", text
    )
    assert f"{tmp_path}/nowhere" in text.partition("the end of")[2]


async def test_a_stop_while_things_start_is_a_stop(tmp_path: Path) -> None:
    text = '[nats]\n[[workers]]\ntritons = ["127.0.0.1:1"]'
    async with deployed(tmp_path, text) as running:
        await running.until("^Starting workers")
        running.process.send_signal(signal.SIGTERM)
        assert await running.ended() == 0
    assert running.said[-1] == "Everything has ended."
