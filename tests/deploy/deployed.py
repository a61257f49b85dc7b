"""`openai-bridge deploy` as a process of its own, whose words are read as they come."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.demo import die_with_parent
from tests.bridge_process import alive
from tests.eventually import eventually

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator

WITHIN = 30.0
COMMAND = (sys.executable, "-m", "bridge", "deploy")
READY = "Everything is ready"


class Deployed:
    """A running deployment; see `deployed`."""

    def __init__(self, process: Process, logs: Path) -> None:
        self.process = process
        self.logs = logs
        self.said: list[str] = []
        """Lines so far."""
        self.family: set[int] = set()
        """All processes that it ever was seen to have started."""

    async def read(self) -> None:
        """Read what it says, to the end."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.said.append(line.decode().rstrip())

    def lines(self, pattern: str) -> list[re.Match[str]]:
        """Return the lines that match a pattern."""
        return [found for line in self.said if (found := re.search(pattern, line))]

    async def until(self, pattern: str, times: int = 1) -> re.Match[str]:
        """Wait for the last of so many lines that match a pattern."""
        try:
            await eventually(lambda: len(self.lines(pattern)) >= times, WITHIN)
        except TimeoutError as exc:
            raise AssertionError(f"not said: {pattern}; only\n" + "\n".join(self.said)) from exc
        return self.lines(pattern)[times - 1]

    async def ready(self) -> None:
        """Wait until everything is; note who runs."""
        await self.until(READY)
        self.family |= descendants(self.process.pid)

    def pid(self, name: str) -> int:
        """Return the process that has last become ready under a name."""
        return int(self.lines(rf"^{re.escape(name)} \(pid (\d+)\) is ready")[-1][1])

    def port(self, name: str, what: str = "http://") -> int:
        """Return a port of a process as it was told."""
        return int(self.lines(rf"^{re.escape(name)} .*{what}127\.0\.0\.1:(\d+)")[-1][1])

    async def ended(self) -> int:
        """Wait for the end; return the exit code."""
        async with asyncio.timeout(WITHIN):
            return await self.process.wait()

    async def left_nobody(self) -> None:
        """Wait until nobody of the family runs."""
        assert self.family
        await eventually(lambda: not any(map(alive, self.family)), WITHIN)


@asynccontextmanager
async def deployed(directory: Path, text: str, *arguments: str) -> AsyncIterator[Deployed]:
    """Run a deployment file in a directory, logs there too; what it leaves behind is killed."""
    file = directory / "deployment.toml"
    file.write_text(text)
    logs = directory / "logs"
    # A run of tests that is killed leaves no deployment behind.
    with_us = (sys.executable, "-I", "-S", die_with_parent.__file__, str(os.getpid()))
    process = await asyncio.create_subprocess_exec(
        *with_us,
        *COMMAND,
        str(file),
        "--log-dir",
        str(logs),
        *arguments,
        env={**os.environ, "TMPDIR": str(directory)},  # one that is killed leaves a directory there
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    running = Deployed(process, logs)
    reading = asyncio.create_task(running.read())
    try:
        yield running
    finally:
        if process.returncode is None:
            running.family |= descendants(process.pid)
            process.send_signal(signal.SIGTERM)
            await _end(process)
        for pid in filter(alive, running.family):
            os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(WITHIN):
            await reading


async def _end(process: Process) -> None:
    try:
        async with asyncio.timeout(WITHIN):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def descendants(pid: int) -> set[int]:
    """Return the processes that one has started, and those these have started."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
    found: set[int] = set()
    new = {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new}
        found |= new
    return found
