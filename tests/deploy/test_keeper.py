"""One process of a deployment: when it is started again, what becomes of one that does not as it is told."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bridge.demo.ports import Ports
from bridge.deploy.keeper import Keeper
from bridge.deploy.plan import NatsCheck, Planned
from tests.bridge_process import alive
from tests.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

WITHIN = 20.0
GREETS = """
import pathlib, signal, socket, sys, time
run = pathlib.Path(sys.argv[2])
runs = int(run.read_text()) + 1 if run.exists() else 1
run.write_text(str(runs))
def greet():
    peer, _ = listening.accept()
    peer.sendall(b"INFO {}\\r\\n")
    peer.recv(1)
    peer.close()
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
"""
"""Listens as NATS does; `runs` counts the processes that ran it."""


class Kept:
    """A keeper that runs, and what it has said."""

    def __init__(self, code: str, directory: Path, start_timeout: float) -> None:
        port = Ports().chosen().grpc
        program = (sys.executable, "-I", "-S", "-c", GREETS + code, str(port), str(directory / "runs"))
        self.said: list[str] = []
        self.keeper = Keeper(
            Planned(
                name="one.0",
                command=program,
                environment=dict(os.environ),
                check=NatsCheck("127.0.0.1", port),
                shown="here",
            ),
            directory,
            start_timeout=start_timeout,
            say=self.said.append,
            changed=lambda: None,
        )

    async def until(self, pattern: str, times: int = 1) -> None:
        """Wait for so many lines that match."""
        await eventually(lambda: sum(bool(re.search(pattern, line)) for line in self.said) >= times, WITHIN)

    def pid(self) -> int:
        """Return the process that became ready last."""
        return int([found for line in self.said if (found := re.search(r"pid (\d+)", line))][-1][1])


@asynccontextmanager
async def kept(code: str, directory: Path, start_timeout: float = WITHIN) -> AsyncIterator[Kept]:
    one = Kept(code, directory, start_timeout)
    running = asyncio.create_task(one.keeper.run())
    try:
        yield one
    finally:
        one.keeper.kill()
        async with asyncio.timeout(WITHIN):
            await running


async def test_the_delay_grows_with_each_end_soon_after_the_start(tmp_path: Path) -> None:
    async with kept("greet()", tmp_path) as one:
        await one.until("ready again", 2)
        await one.keeper.stop(WITHIN)
    delays = [line.rpartition(" in ")[2] for line in one.said if "ended by exit code 0" in line]
    assert delays[:2] == ["0.2 s", "0.4 s"]
    assert one.keeper.failure is None


async def test_who_ignores_a_stop_is_killed(tmp_path: Path) -> None:
    code = "signal.signal(signal.SIGTERM, signal.SIG_IGN); greet(); time.sleep(60)"
    async with kept(code, tmp_path) as one:
        await one.until("is ready after")
        await one.keeper.stop(0.2)
        assert not one.keeper.running
        assert not alive(one.pid())
    assert one.said[-1] == "one.0 did not end within 0.2 s and is killed"


async def test_who_does_not_become_ready_again_is_killed_and_started_again(tmp_path: Path) -> None:
    code = "time.sleep(60) if runs == 2 else greet()\nif runs > 2: time.sleep(60)"
    async with kept(code, tmp_path, start_timeout=2) as one:
        await one.until("ready again")
    assert "one.0 was not ready after 2 s: nobody answers there as NATS does; it is killed" in one.said
    assert one.keeper.failure is None


async def test_who_cannot_start_has_failed(tmp_path: Path) -> None:
    async with kept("sys.exit('no luck')", tmp_path) as one:
        await eventually(lambda: one.keeper.failure is not None, WITHIN)
        await eventually(lambda: not one.keeper.running, WITHIN)
    assert one.keeper.failure is not None
    first, last = one.keeper.failure.split("; ")
    assert first == "one.0 ended by exit code 1 while it started"
    assert last == f"the end of {tmp_path}/one.0.log:\nno luck"
    assert one.said == []


async def test_a_log_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    async with kept("greet()", tmp_path / "missing") as one:
        await eventually(lambda: one.keeper.failure is not None, WITHIN)
    assert one.keeper.failure is not None
    assert re.match(r"one\.0 cannot be started: .*No such file.*one\.0\.log", one.keeper.failure)


async def test_who_cannot_be_started_again_is_tried_again(tmp_path: Path) -> None:
    async with kept("greet()\nwhile run.exists(): time.sleep(0.01)", tmp_path) as one:
        await one.until("is ready after")
        log = tmp_path / "one.0.log"
        log.unlink()
        log.mkdir()
        (tmp_path / "runs").unlink()
        await one.until(r"one\.0 cannot be started: .*Is a directory.*, a new one starts in 0\.\d s")
        log.rmdir()
        await one.until("ready again")
    assert one.keeper.failure is None


async def test_who_never_ran_is_stopped_at_once(tmp_path: Path) -> None:
    one = Kept("greet()", tmp_path, WITHIN)
    await one.keeper.stop(WITHIN)
    await one.keeper.run()
    assert not (tmp_path / "runs").exists()
