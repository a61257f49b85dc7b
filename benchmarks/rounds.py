"""The order of a run: rounds of all loads, so that drift meets every load alike; then what is done once."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from benchmarks import plan
from benchmarks.floor import sends
from benchmarks.measure import LostTokenError, measure, measure_floor
from benchmarks.memory import measure_memory
from benchmarks.rows import Results
from benchmarks.stalled import measure_beside_stalled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.plan import Scenario
    from benchmarks.servers import Servers


class Progress:
    """Tells on standard error how far a run is: on a terminal in one line that is written over."""

    def __init__(self, steps: int) -> None:
        """Prepare for so many steps."""
        self._steps, self._done = steps, 0
        self._began = time.monotonic()

    def step(self, what: str) -> None:
        """Tell what begins now."""
        self._done += 1
        begin, end = ("\r\x1b[K", "") if sys.stderr.isatty() else ("", "\n")
        line = f"[{self._done}/{self._steps}, {time.monotonic() - self._began:.0f} s] {what}"
        sys.stderr.write(f"{begin}{line}{end}")
        sys.stderr.flush()

    def end(self) -> None:
        """Leave the line."""
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")


async def _measure(servers: Servers, scenario: Scenario, results: Results) -> None:
    try:
        sample = await measure(servers.by_name[scenario.server], scenario)
    except LostTokenError as exc:
        if scenario.server not in plan.PEERS:
            raise
        results.skipped[scenario.name] = str(exc).partition("\n")[0]
        results.samples.pop(scenario.name, None)
    else:
        results.samples.setdefault(scenario.name, []).append(sample)


async def run_rounds(
    servers: Servers, scenarios: Sequence[Scenario], rounds: int, *, memory: bool
) -> Results:
    """Measure everything.

    Args:
        servers: started, with all that the scenarios name.
        scenarios: once per round, in this order.
        rounds: how often.
        memory: whether to open 10 000 streams at the end.

    Raises:
        LostTokenError: an answer of ours was not whole.
    """
    results = Results()
    progress = Progress(rounds * (1 + len(scenarios) + (plan.BESIDE in scenarios)) + memory)
    for at in range(rounds):
        label = f"round {at + 1} of {rounds}"
        progress.step(f"{label}: send floor")
        for mode in sends.MODES:
            results.floor.setdefault(mode, []).append(await measure_floor(servers, mode))
        for scenario in scenarios:
            progress.step(f"{label}: {scenario.name}")
            if scenario.name not in results.skipped:
                await _measure(servers, scenario, results)
        if (beside := plan.BESIDE).name in results.samples:
            progress.step(f"{label}: {beside.name} beside stalled clients")
            results.beside_stalled.append(await measure_beside_stalled(servers, beside))
    if memory:
        progress.step(f"{plan.OPEN.load.streams} open streams")
        results.memory = await measure_memory(servers)
    progress.end()
    return results
