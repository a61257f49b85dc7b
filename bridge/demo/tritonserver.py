"""One tritonserver process: start it, wait until it is ready, stop it, leave nothing behind.

Rule: the process only. What the server is made of is in `wheel.py`; what it serves is the caller's.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import deque
from pathlib import Path
from threading import Thread
from typing import IO, TYPE_CHECKING, Final, Self

from bridge.demo import die_with_parent
from bridge.demo.options import TritonOptions, region_prefix
from bridge.demo.ports import HOST
from bridge.demo.readiness import is_ready
from bridge.demo.wheel import TritonUnavailable, find_wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["TritonFailed", "TritonOptions", "TritonUnavailable", "Tritonserver", "remove_regions"]

LAST_LINES: Final = 30
"""Log lines that an error carries."""
POLL: Final = 0.05
"""Seconds between two looks at the process."""
STARTS: Final = 3
"""Attempts when a port of our choice is taken by somebody else before the server binds it."""
STOP_GRACE: Final = 5.0
"""Seconds on top of `exit_timeout` before SIGKILL."""
SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - where the Python backend puts its regions
PORT_TAKEN: Final = "already in use"
TABLE: Final = "+|"
"""How the lines of Triton's tables begin: they would push the reason of a failure out of `LAST_LINES`."""


class TritonFailed(Exception):  # noqa: N818 - says what happened
    """The server ended or did not become ready; the message carries its last log lines."""


class Tritonserver:
    """A tritonserver on loopback ports, in a session of its own: Ctrl-C in the terminal reaches us, not it.

    What waits exists twice: as a coroutine, and as `..._now` for callers without an event loop. The server
    gets SIGTERM when the *thread* that started it ends: start it in one that lives as long as it should.
    """

    def __init__(self, options: TritonOptions, on_line: Callable[[str], None] | None = None) -> None:
        """Prepare, start nothing. `on_line` gets every log line without its newline, in another thread."""
        self._options = options
        self._on_line = on_line
        self._ports = options.ports
        self._run_id = f"bridge-demo-{uuid.uuid4().hex[:12]}"
        self._last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._process: subprocess.Popen[str] | None = None
        self._reader: Thread | None = None
        self._starts = 0

    @property
    def address(self) -> str:
        """`host:port` of the gRPC service, settled once the server is ready."""
        return f"{HOST}:{self._ports.grpc}"

    @property
    def http_address(self) -> str:
        """`host:port` of Triton's own HTTP service."""
        return f"{HOST}:{self._ports.http}"

    @property
    def metrics_address(self) -> str:
        """`host:port` of Triton's Prometheus metrics."""
        return f"{HOST}:{self._ports.metrics}"

    @property
    def pid(self) -> int:
        """Process id of the server; raises TritonFailed before the start."""
        return self._started().pid

    @property
    def running(self) -> bool:
        """Whether the process was started and has not ended."""
        return self._process is not None and not self._ended()

    async def start(self) -> None:
        """Start the process and return at once.

        Raises:
            TritonUnavailable: there is no server that could run here; the message says why.
            TritonFailed: a port that was asked for is in use.
        """
        self.start_now()

    def start_now(self) -> None:
        """Do the same without an event loop."""
        wheel = find_wheel()
        self._starts += 1
        try:
            self._ports = self._options.ports.chosen()
        except OSError as error:
            raise TritonFailed(f"tritonserver has no port to listen on: {error.strerror}") from error
        self._last_lines.clear()
        arguments = self._options.arguments(
            ports=self._ports,
            backends=wheel.lay_out_backends(self._options.work_dir / "backends"),
            run_id=self._run_id,
        )
        trampoline = [sys.executable, "-I", "-S", die_with_parent.__file__, str(os.getpid())]
        self._process = subprocess.Popen(  # noqa: S603 - the program is the wheel's own
            [*trampoline, str(wheel.binary), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=wheel.environment() | dict(self._options.environment),
            start_new_session=True,
            text=True,
            errors="replace",
        )
        self._reader = Thread(
            target=self._read, args=(self._process.stdout,), name="tritonserver-log", daemon=True
        )
        self._reader.start()

    async def wait_ready(self, timeout: float = 60.0) -> None:  # noqa: ASYNC109 - the message needs it
        """Return when every model is loaded and the services answer. `timeout` is in seconds.

        Raises:
            TritonFailed: the process ended, or the time is over; with the last log lines.
        """
        for pause in self._until_ready(timeout):
            await asyncio.sleep(pause)

    def wait_ready_now(self, timeout: float = 60.0) -> None:
        """Do the same without an event loop."""
        for pause in self._until_ready(timeout):
            time.sleep(pause)

    async def stop(self) -> None:
        """End the server: SIGTERM, requests in flight get `exit_timeout`, then SIGKILL. Safe to repeat."""
        try:
            for pause in self._until_ended():
                await asyncio.sleep(pause)
        finally:  # also when we are cancelled while we wait
            self.kill()

    def stop_now(self) -> None:
        """Do the same without an event loop."""
        try:
            for pause in self._until_ended():
                time.sleep(pause)
        finally:
            self.kill()

    def kill(self) -> None:
        """End the server and its model processes by SIGKILL, as a crash would, and clean up."""
        if self._process is None:
            return
        if self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._clean_up()

    async def __aenter__(self) -> Self:
        try:
            await self.start()
            await self.wait_ready()
        except BaseException:
            self.kill()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    def _until_ready(self, timeout: float) -> Iterator[float]:
        """Yield the seconds to sleep before each next look."""
        deadline = time.monotonic() + timeout
        while not is_ready(self._ports, self._run_id):
            if self._ended():
                self._start_again_or_raise()
            elif time.monotonic() > deadline:
                raise TritonFailed(f"tritonserver was not ready after {timeout:g} s:\n{self._log()}")
            yield POLL
        self._starts = 0

    def _until_ended(self) -> Iterator[float]:
        """Ask the server to end and yield the seconds to sleep before each next look."""
        if not self.running:
            return
        deadline = time.monotonic() + self._options.exit_timeout + STOP_GRACE
        os.kill(self.pid, signal.SIGTERM)
        while self.running and time.monotonic() < deadline:
            yield POLL

    def _start_again_or_raise(self) -> None:
        self.kill()
        log = self._log()
        if PORT_TAKEN in log and self._options.ports.any_free and self._starts < STARTS:
            self.start_now()
            return
        raise TritonFailed(f"tritonserver ended while it started:\n{log}")

    def _ended(self) -> bool:
        """Whether the process is over; it stays unreaped so that its group can still be signalled safely."""
        process = self._started()
        if process.returncode is not None:
            return True
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _clean_up(self) -> None:
        """Wait for the log to end and remove the shared memory."""
        if self._reader is not None:
            self._reader.join(timeout=STOP_GRACE)
        remove_regions(self._run_id)

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise TritonFailed("tritonserver was not started.")
        return self._process

    def _log(self) -> str:
        return "\n".join(self._last_lines)

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in map(str.rstrip, stream):
                if line and line[0] not in TABLE:
                    self._last_lines.append(line)
                if self._on_line is not None:
                    self._on_line(line)


def remove_regions(run_id: str) -> None:
    """Remove the shared memory that the Python backend of a server that has ended leaves behind."""
    for region in SHARED_MEMORY.glob(f"{region_prefix(run_id)}*"):
        region.unlink(missing_ok=True)
