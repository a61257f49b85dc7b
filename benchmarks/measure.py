"""One measurement: CPU of the server from the first request to the last byte, and what the client saw."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from itertools import cycle
from typing import TYPE_CHECKING

from benchmarks.load.client import run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.load.outcome import Outcome
    from benchmarks.plan import Scenario
    from benchmarks.processes import Cpu, Process
    from benchmarks.servers import Server, Servers


class LostTokenError(Exception):
    """An answer was not whole."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of a scenario. Times in the units of their names."""

    token_us: float
    """CPU of the server per token."""
    request_ms: float
    """CPU of the server per answer."""
    tokens_per_second: float
    tokens_per_read: float
    """More than 1: several came at once."""
    ttft_p50_ms: float
    ttft_p99_ms: float
    seconds: float
    tokens: int
    open_at_once: int
    beside_us: dict[str, float] = field(default_factory=dict)
    """CPU per token of the processes beside the server, by name."""


class CpuMeter:
    """CPU that processes use while the load runs; see `client.Measured`."""

    def __init__(self, processes: Mapping[str, Process]) -> None:
        self._processes = processes
        self._before: dict[str, Cpu] = {}
        self.seconds: dict[str, float] = {}
        """By name."""

    def begin(self) -> None:
        """See `Measured`."""
        self._before = {name: process.cpu() for name, process in self._processes.items()}

    def end(self) -> None:
        """See `Measured`."""
        self.seconds = {
            name: process.cpu().since(self._before[name]) for name, process in self._processes.items()
        }


async def measure(server: Server, scenario: Scenario) -> Sample:
    """Run a scenario once.

    Raises:
        LostTokenError: an answer was not whole.
    """
    meter = CpuMeter({"": server.process, **server.beside})
    models = cycle(scenario.models or (scenario.model,))
    outcome = await run(server.address, scenario.load, lambda: server.connect(next(models)), meter)
    if outcome.failures:
        raise LostTokenError(
            f"{scenario.name}: {len(outcome.failures)} of {outcome.answers} answers failed, "
            f"the first because: {outcome.failures[0]}\n{server.process.log[-2000:]}"
        )
    return _sample(outcome, meter.seconds)


async def measure_floor(servers: Servers, mode: str) -> float:
    """Return the microseconds of CPU of one send; `mode` is one of `sends.MODES`."""
    servers.receiver.expect()
    before = len(servers.floor.log)
    servers.floor.tell(mode)
    async with asyncio.timeout(60):
        await servers.receiver.whole
        while not (told := re.search(r"a send cost (\S+) us\n", servers.floor.log[before:])):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return float(told[1])


def _sample(outcome: Outcome, seconds: Mapping[str, float]) -> Sample:
    cpu = seconds[""]
    return Sample(
        token_us=cpu / outcome.tokens * 1e6,
        request_ms=cpu / outcome.answers * 1e3,
        tokens_per_second=outcome.tokens / outcome.seconds,
        tokens_per_read=outcome.tokens / outcome.reads,
        ttft_p50_ms=outcome.ttft_at(0.5) * 1e3,
        ttft_p99_ms=outcome.ttft_at(0.99) * 1e3,
        seconds=outcome.seconds,
        tokens=outcome.tokens,
        open_at_once=outcome.open_at_once,
        beside_us={name: used / outcome.tokens * 1e6 for name, used in seconds.items() if name},
    )
