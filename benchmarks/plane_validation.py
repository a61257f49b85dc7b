"""`python -m benchmarks.plane_validation`: is the model of scale right where it can be measured?

What a heartbeat costs is measured on small fleets; from that the model says what a large one costs, which is
then measured too. A real nats-server and a real front end; the other front ends and all workers are light.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.memory import raise_limit
from benchmarks.plane import COMMAND
from benchmarks.plane_scale import BEATS
from benchmarks.processes import Cores, Process, python
from benchmarks.report import markdown

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS: Final = 10.0
SETTLE: Final = 6.0
"""Seconds until everybody knows everybody."""
NOBODY, ONE, SOME, MANY = (0, 0), (500, 0), (500, 20), (1000, 20)
"""Workers and light front ends; one front end is real."""


@dataclass(frozen=True, slots=True)
class Used:
    """What a fleet used: CPU seconds in a second, bytes."""

    broker: float
    front_end: float
    broker_memory: int


@dataclass(frozen=True, slots=True)
class Found:
    """Costs of small fleets: CPU seconds."""

    broker_in: float
    broker_out: float
    beat_heard: float

    @classmethod
    def of(cls, one: Used, some: Used) -> Found:
        """Solve for the costs; what a part uses while nobody beats is a thousandth of a core."""
        beats = BEATS * ONE[0]
        out = (some.broker - one.broker) / (beats * (SOME[1] - ONE[1]))
        taken = one.broker / beats - (ONE[1] + 1) * out
        return cls(taken, out, (one.front_end + some.front_end) / 2 / beats)

    def predict(self, workers: int, front_ends: int) -> tuple[float, float]:
        """Return what nats-server and one front end will use, in CPU seconds a second."""
        beats = BEATS * workers
        return beats * (self.broker_in + (front_ends + 1) * self.broker_out), beats * self.beat_heard


def measure(cores: Cores, workers: int, front_ends: int) -> Used:
    """Run a fleet for some seconds.

    Raises:
        StartError: a part does not start.
    """
    command = [str(COMMAND), "-a", "127.0.0.1", "-p", "-1"]
    with Process(command, cores.load, ready=[r"client connections on (\S+)", "Server is ready"]) as nats:
        address = nats.found[0]
        serve = python("-m", "bridge", "serve", "--upstream", f"nats://{address}", "--http-port", "0")
        fleet = python("-m", "benchmarks.plane_fleet", address, str(workers), str(front_ends))
        with (
            Process([*serve, "--grpc-port", "0"], cores.server, ready=["HTTP on"]) as front_end,
            Process(fleet, cores.load, ready=["fleet ready"]),
        ):
            time.sleep(SETTLE)
            before = nats.cpu(), front_end.cpu()
            began = time.monotonic()
            time.sleep(SECONDS)
            seconds = time.monotonic() - began
            used = [now.since(then) for now, then in zip((nats.cpu(), front_end.cpu()), before, strict=True)]
            return Used(used[0] / seconds, used[1] / seconds, nats.rss())


def rows(found: Found, nobody: Used, many: Used) -> Iterator[list[str]]:
    """Return the table."""
    broker, front_end = found.predict(*MANY)
    yield [f"{MANY[0]} workers, {MANY[1] + 1} front ends", "model", "measured", "measured / model"]
    for name, said, is_so in (
        ("nats-server, % of a core", broker, many.broker),
        ("the front end, % of a core", front_end, many.front_end),
    ):
        yield [name, f"{said * 100:.1f}", f"{is_so * 100:.1f}", f"{is_so / said:.2f}"]
    for name, cost in (
        ("heartbeat, nats-server takes it: us", found.broker_in * 1e6),
        ("heartbeat, nats-server delivers it once: us", found.broker_out * 1e6),
        ("heartbeat, a front end hears it: us", found.beat_heard * 1e6),
        ("nats-server, KB for a connection", (many.broker_memory - nobody.broker_memory) / sum(MANY) / 1e3),
    ):
        yield [name, "", f"{cost:.2f}", ""]


def main() -> None:
    """Measure and print."""
    raise_limit()
    cores = Cores.of_this_machine()
    os.sched_setaffinity(0, cores.load)
    used = []
    for workers, front_ends in (NOBODY, ONE, SOME, MANY):
        used.append(measure(cores, workers, front_ends))
        sys.stderr.write(f"{workers} workers, {front_ends} light front ends: {used[-1]}\n")
    print(markdown(list(rows(Found.of(used[1], used[2]), used[0], used[3]))))


if __name__ == "__main__":
    main()
