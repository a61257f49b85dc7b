"""What must be true when the load is over, and the table that tells it."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import TYPE_CHECKING, Final

from tests.soak.load import MOST_SHOWN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.soak.faults import Faults
    from tests.soak.load import Load
    from tests.soak.stage import Stage
    from tests.soak.watch import Watch
    from tests.tritonserver import RunningTriton

SETTLES: Final = 10.0
"""Seconds in which everything must have ended when the last client has left."""

GROWTH: Final = 0.08
"""Part by which memory may grow from the second third of the run to the last."""

SHORT: Final = 300.0
"""Seconds of a run in whose thirds memory has not settled: it may grow three times as much."""

RATE: Final = 20_000 / 600
"""Requests per second that make it a load."""


async def verdict(playing: Stage, faults: Faults, load: Load, watch: Watch, seconds: float) -> int:
    """Print the table and what is wrong; return the exit code."""
    left = await _settled(watch)
    complaints = [*load.wrong[:MOST_SHOWN], *left]
    for triton, started in zip(playing.tritons, faults.started, strict=True):
        complaints += _left_on(triton, started) if triton.server.running else []
    if (grown := watch.growth()) > (GROWTH if seconds >= SHORT else 3 * GROWTH):
        complaints.append(f"memory grew by {grown:.1%} from the second third of the run to the last")
    if load.requests < RATE * seconds:
        complaints.append(f"{load.requests} requests are too few: at least {RATE * seconds:.0f}")
    rows = [*_answers(load), *_faults(faults, load), *await _bridge(playing, watch)]
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:{width}}  {value}" for name, value in rows]
    lines += [f"WRONG: {complaint}" for complaint in complaints] or [
        "nothing lost, nothing twice, nothing left"
    ]
    sys.stdout.write("\n".join([*lines, ""]))
    return 1 if complaints else 0


async def _settled(watch: Watch) -> list[str]:
    """Wait until the bridge holds no more than before the load; return what it still holds."""
    until = time.monotonic() + SETTLES
    while left := await watch.left():
        if time.monotonic() > until:
            break
        await asyncio.sleep(0.2)
    return [f"left after {SETTLES:g} s: {name}: {number:g}" for name, number in left.items()]


def _left_on(triton: RunningTriton, since: float) -> list[str]:
    """Return the generations that a Triton still runs, of those begun since it was started last.

    That it can unload the model would say more; but 2.51 never can after calls were cancelled.
    """
    events = [json.loads(line) for line in triton.records.read_text().splitlines()]
    alive = [event for event in events if event["time"] > since]
    ended = {event["id"] for event in alive if event["event"] != "request"}
    return [f"still runs on {triton.address}: {event['id']}" for event in alive if event["id"] not in ended]


def _answers(load: Load) -> Iterable[tuple[str, object]]:
    for name in sorted(load.whole.keys() | load.failed.keys()):
        failed = f", {load.failed[name]} failed by faults" if load.failed[name] else ""
        yield name, f"{load.whole[name]} whole{failed}"
    yield from sorted(load.gone.items())
    yield "all", f"{load.requests} requests, {load.tokens} tokens in whole answers"


def _faults(faults: Faults, load: Load) -> Iterable[tuple[str, object]]:
    for name, number in sorted(faults.count.items()):
        yield f"fault: {name}", number
    for cause, number in sorted(load.causes.items()):
        yield f"failed by {cause}", number


async def _bridge(playing: Stage, watch: Watch) -> list[tuple[str, object]]:
    metrics = await playing.metrics()
    first, last = (size / 1e6 for size in (watch.samples[0], watch.samples[-1]))
    return [
        ("tried again", f"{metrics.get('retries_total', 0):g}"),
        ("gone on elsewhere", f"{metrics.get('resumes_total', 0):g}"),
        ("memory", f"{first:.1f} MB at first, {last:.1f} MB at last, {watch.growth():+.1%}"),
        ("tasks, files", f"{watch.tasks}, {watch.files} before; {watch.after} after"),
    ]
