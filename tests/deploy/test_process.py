"""A program that a deployment runs: its end, its log, what it has started."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from bridge.deploy.process import Process
from tests.bridge_process import alive
from tests.eventually import eventually

if TYPE_CHECKING:
    from pathlib import Path

WITHIN = 20.0


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


async def ended(process: Process) -> str:
    async with asyncio.timeout(WITHIN):
        await process.ended.wait()
    return process.how


def started(log: Path, code: str) -> Process:
    return Process((sys.executable, "-I", "-S", "-c", code), dict(os.environ), log)


async def said(log: Path, lines: int) -> list[str]:
    """Wait for so many lines in the log."""
    await eventually(lambda: text_of(log).count("\n") >= lines, WITHIN)
    return text_of(log).splitlines()


def text_of(log: Path) -> str:
    return log.read_text()


async def test_what_it_prints_is_added_to_the_log(log: Path) -> None:
    code = "import sys; print('out', flush=True); print('err', file=sys.stderr)"
    assert await ended(started(log, code)) == "exit code 0"
    process = started(log, "print('again')")
    assert await ended(process) == "exit code 0"
    assert process.since == len("out\nerr\n")
    assert text_of(log) == "out\nerr\nagain\n"


async def test_a_program_that_is_not_there_ends(log: Path) -> None:
    process = Process(("/nowhere/program",), {}, log)
    assert await ended(process) == "exit code 1"
    assert "No such file" in text_of(log)


async def test_it_can_be_told_to_end(log: Path) -> None:
    process = started(log, "print(flush=True); import time; time.sleep(60)")
    await said(log, 1)
    process.terminate()
    assert await ended(process) == "SIGTERM"
    process.terminate()  # it is gone, nobody else is told
    process.kill()


STARTS_ANOTHER = """
import subprocess, sys, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sleep = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"]
child = subprocess.Popen(sleep, start_new_session={})
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.parametrize("session", [True, False], ids=["in its own session", "in the same session"])
async def test_all_that_it_has_started_is_killed_with_it(log: Path, session: bool) -> None:
    process = started(log, STARTS_ANOTHER.format(session))
    child = int((await said(log, 1))[0])
    process.kill()
    assert await ended(process) == "SIGKILL"
    await eventually(lambda: not alive(child), WITHIN)


async def test_what_shares_its_session_does_not_outlive_it(log: Path) -> None:
    process = started(log, STARTS_ANOTHER.format("False"))
    child = int((await said(log, 1))[0])
    os.kill(process.pid, signal.SIGKILL)
    assert await ended(process) == "SIGKILL"
    await eventually(lambda: not alive(child), WITHIN)
