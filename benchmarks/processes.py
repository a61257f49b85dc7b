"""Servers as processes: pinned to a core, started, measured by /proc, stopped. Linux only."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_UTIME: Final = 11
"""Place of utime in /proc/PID/stat behind the name; stime follows."""
_CORES_FOR_TWO: Final = 4
_BLUR: Final = 0.04
"""Seconds by which utime + stime may be wrong: both are rounded, at both ends."""
_ROOT: Final = Path(__file__).parent.parent
START_LIMIT: Final = 60.0
STOP_LIMIT: Final = 15.0


class StartError(Exception):
    """A server did not start; the text ends with what it wrote."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Which cores the server under test has, and which everything else."""

    server: frozenset[int]
    load: frozenset[int]
    two_servers: frozenset[int]
    """For two processes of the server: two cores where there are four, else `server`."""

    @classmethod
    def of_this_machine(cls) -> Cores:
        """Take the first core for the server and the second for mock and client, where there are two."""
        cores = sorted(os.sched_getaffinity(0))
        one, load = frozenset(cores[:1]), frozenset(cores[1:2] or cores[:1])
        return cls(one, load, one | frozenset(cores[2:3]) if len(cores) >= _CORES_FOR_TWO else one)


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU time by two clocks; `since` chooses."""

    exact: float
    """By the scheduler, in ns, of the threads that still run; 0 where the kernel does not tell."""
    counted: float
    """utime + stime of /proc/PID/stat, in steps of 10 ms, of all threads that ever ran."""

    def __add__(self, other: Cpu) -> Cpu:
        """Add two processes."""
        return Cpu(self.exact + other.exact, self.counted + other.counted)

    def since(self, before: Cpu) -> float:
        """Return the seconds between two readings: the exact ones unless a thread took its own with it."""
        exact, counted = self.exact - before.exact, self.counted - before.counted
        return exact if exact > counted - max(_BLUR, counted / 20) else counted


class Process:
    """A server; `with` stops it."""

    def __init__(
        self,
        command: Sequence[str],
        cores: frozenset[int],
        *,
        ready: Sequence[str],
        environment: Mapping[str, str] | None = None,
        limit: float = START_LIMIT,
    ) -> None:
        """Start a command and wait until it has written what `ready` looks for.

        Args:
            command: with all arguments.
            cores: where it may run.
            ready: regular expressions; `found` holds the first group of each.
            environment: variables besides our own.
            limit: seconds that it may take.

        Raises:
            StartError: it ended, or was not ready in time.
        """
        self._log = tempfile.NamedTemporaryFile("rb", prefix="openai-bridge-bench-", suffix=".log")  # noqa: SIM115
        with Path(self._log.name).open("wb") as out:
            self._process = subprocess.Popen(  # noqa: S603 - our own commands
                command,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=_ROOT,
                env={**os.environ, **(environment or {})},
            )
        os.sched_setaffinity(self._process.pid, cores)  # it has no threads yet, and its threads inherit
        self.command = command
        self.found: list[str] = []
        try:
            self.found = self._wait(ready, time.monotonic() + limit)
        except StartError:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def log(self) -> str:
        """What it has written so far."""
        return Path(self._log.name).read_text(errors="replace")

    @property
    def pids(self) -> list[int]:
        """Its process and all below it."""
        return list(_tree(self._process.pid))

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def tell(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def wait_for(self, pattern: str, limit: float) -> str:
        """Wait until it has written what a regular expression looks for; return its first group.

        Raises:
            StartError: it ended, or did not in so many seconds.
        """
        return self._wait([pattern], time.monotonic() + limit)[0]

    def cpu(self) -> Cpu:
        """Return the CPU time that it has used, user and system, all threads."""
        return sum(map(_cpu, self.pids), Cpu(0.0, 0.0))

    def rss(self) -> int:
        """Return the bytes of memory that it holds."""
        return sum(_memory(pid, "VmRSS") for pid in self.pids)

    def most_rss(self) -> int:
        """Return the most bytes of memory that it has held."""
        return sum(_memory(pid, "VmHWM") for pid in self.pids)

    def threads(self) -> int:
        """Return how many threads it has."""
        return sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in self.pids)

    def stop(self) -> str:
        """End it, by force if need be; return what it has written."""
        if self.alive:
            self._process.terminate()
            try:
                self._process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                for pid in self.pids:
                    os.kill(pid, 9)
                self._process.wait()
        written = self.log if not self._log.closed else ""
        self._log.close()
        if self._process.stdin is not None:
            self._process.stdin.close()
        return written

    def _wait(self, ready: Sequence[str], until: float) -> list[str]:
        while True:
            log = self.log
            found = [re.search(pattern, log) for pattern in ready]
            if all(found):
                return [match.group(match.lastindex or 0) for match in found if match]
            if not self.alive or time.monotonic() > until:
                why = "ended" if not self.alive else "was not ready in time"
                raise StartError(f"{' '.join(self.command)} {why}:\n{log[-2000:]}")
            time.sleep(0.05)


def python(*arguments: str) -> list[str]:
    """Return a command of this interpreter."""
    return [sys.executable, *arguments]


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from _tree(int(child))


def _cpu(pid: int) -> Cpu:
    exact = sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{pid}/task").glob("*/schedstat"))
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    counted = (int(fields[_UTIME]) + int(fields[_UTIME + 1])) / _TICKS
    return Cpu(exact / 1e9, counted)


def _memory(pid: int, field: str) -> int:
    found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 if found else 0
