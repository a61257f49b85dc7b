"""Who plays: two Tritons behind proxies, and a bridge in front of them, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bridge.demo import die_with_parent
from tests.raw_http import ask
from tests.soak.asking import Doors
from tests.soak.plan import PLAIN, RESUMING
from tests.tcp_proxy import tcp_proxy
from tests.tritonserver import start_tritons

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Sequence

    from tests.tcp_proxy import TcpProxy
    from tests.tritonserver import RunningTriton

STARTS: Final = 30.0
ENDS: Final = 10.0
ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Stage:
    """Everything that runs."""

    tritons: Sequence[RunningTriton]
    proxies: Sequence[TcpProxy]
    doors: Doors
    process: Process
    directory: Path

    @property
    def log(self) -> Path:
        """What the bridge has written."""
        return self.directory / "bridge.log"

    async def tasks(self) -> int:
        """Return how many tasks the bridge has."""
        file = self.directory / "tasks"
        file.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        async with asyncio.timeout(ENDS):
            while not (file.exists() and file.read_text()):  # noqa: ASYNC110 - a file tells nobody
                await asyncio.sleep(0.05)
        return int(file.read_text())

    def files(self) -> int:
        """Return how many descriptors the bridge has."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def memory(self) -> int:
        """Return the bytes of memory that the bridge holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found[1]) * 1024 if found else 0

    async def metrics(self) -> dict[str, float]:
        """Return the bridge's metrics, each added up over its labels."""
        sums: dict[str, float] = {}
        text = (await ask(self.doors.http, "GET", "/metrics")).body.decode()
        for line in text.splitlines():
            if found := re.fullmatch(r"openai_bridge_(\w+)(?:\{.*\})? (\S+)", line):
                sums[found[1]] = sums.get(found[1], 0.0) + float(found[2])
        return sums


@asynccontextmanager
async def stage(directory: Path) -> AsyncIterator[Stage]:
    """Start everything; at the end the bridge must go by itself.

    Raises:
        AssertionError: it did not.
    """
    with start_tritons(directory / "tritons", PLAIN, servers=2) as tritons:
        async with tcp_proxy(tritons[0].address) as one, tcp_proxy(tritons[1].address) as two:
            settings = directory / "bridge.toml"
            settings.write_text(_settings(one.address, two.address))
            async with _bridge(settings) as (process, doors):
                yield Stage(tritons, (one, two), doors, process, directory)


def _settings(*addresses: str) -> str:
    return f"""
triton = {json.dumps(addresses)}
http_port = 0
grpc_port = 0
log_format = "json"
poll_interval = 0.5
first_token_timeout = 20
token_timeout = 3
stall_timeout = 1
drain_timeout = 5
[balancing]
poll_timeout = 1
eject_time = 0.5
slow_start = 1
retry_budget = 1
[models.{PLAIN}]
[models.{RESUMING}]
triton_model = "{PLAIN}"
resume = true
"""


@asynccontextmanager
async def _bridge(settings: Path) -> AsyncIterator[tuple[Process, Doors]]:
    log = settings.with_name("bridge.log")
    tasks, python = settings.with_name("tasks"), sys.executable
    with_us = (python, "-I", "-S", die_with_parent.__file__, str(os.getpid()))
    command = (python, "-m", "tests.soak.counted", str(tasks), "serve", "--config", str(settings))
    with log.open("wb") as err:
        process = await asyncio.create_subprocess_exec(*with_us, *command, stderr=err, cwd=ROOT)
    try:
        yield process, Doors(await _port(process, log, "HTTP"), await _port(process, log, "gRPC"))
        process.terminate()
        async with asyncio.timeout(ENDS):
            code = await process.wait()
        assert code == 0, f"the bridge ended with {code}"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _port(process: Process, log: Path, door: str) -> int:
    async with asyncio.timeout(STARTS):
        while (port := _told(log, door)) is None:
            assert process.returncode is None, f"the bridge did not start: {log}"
            await asyncio.sleep(0.05)
    return port


def _told(log: Path, door: str) -> int | None:
    """Return the port that the log tells of a door."""
    found = re.search(rf'"{door} on \S+:(\d+)"', log.read_text())
    return int(found[1]) if found else None
