"""One process of a deployment, all its life: started, found ready, started again when it ends, stopped."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from bridge.demo.tritonserver import remove_regions
from bridge.deploy.logs import path_of, tail
from bridge.deploy.plan import TritonCheck
from bridge.deploy.process import Process
from bridge.deploy.readiness import not_ready
from bridge.workers.restarts import Restarts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bridge.deploy.plan import Planned

POLL: Final = 0.1
"""Seconds between two looks at whether it is ready."""
LONGEST_DELAY: Final = 30.0
"""Seconds before a process is started again that ends again and again."""


class Keeper:
    """See the module; `run` it once."""

    def __init__(
        self,
        planned: Planned,
        log_dir: Path,
        *,
        start_timeout: float,
        say: Callable[[str], None],
        changed: Callable[[], None],
    ) -> None:
        """Prepare, start nothing.

        Args:
            planned: what to run.
            log_dir: where its log is.
            start_timeout: seconds from a start until it is ready.
            say: tells people.
            changed: called when `ready` or `failure` has changed.
        """
        self.planned = planned
        self.ready = False
        """Whether it ever was."""
        self.failure: str | None = None
        """Why it could not start."""
        self._log = path_of(log_dir, planned.name)
        self._start_timeout, self._say, self._changed = start_timeout, say, changed
        self._restarts = Restarts(limit=None, longest_delay=LONGEST_DELAY)
        self._process: Process | None = None
        self._stopping = asyncio.Event()
        self._begun = False
        self._over = asyncio.Event()

    @property
    def running(self) -> bool:
        """Whether `run` has begun and not ended."""
        return self._begun and not self._over.is_set()

    async def run(self) -> None:
        """Run one process after the other, until told to stop or until the first one cannot start."""
        self._begun = True
        try:
            while not self._stopping.is_set() and self.failure is None:
                served, how = await self._live()
                if self._stopping.is_set() or self.failure is not None:
                    break
                delay = self._restarts.delay(served) or 0.0
                self._say(f"{self.planned.name} {how}, a new one starts in {delay:.1f} s")
                await _within(delay, self._stopping)
        finally:
            self._over.set()

    async def stop(self, patience: float) -> None:
        """Tell the process to end, and return when it has; kill it after `patience` seconds."""
        self._stopping.set()
        if not self.running:
            return
        if self._process is not None:
            self._process.terminate()
        if not await _within(patience, self._over):
            self._say(f"{self.planned.name} did not end within {patience:g} s and is killed")
            self.kill()
            await self._over.wait()

    def kill(self) -> None:
        """End the process and all that it has started, at once; it is not started again."""
        self._stopping.set()
        if self._process is not None:
            self._process.kill()

    async def _live(self) -> tuple[float, str]:
        """Run one process to its end; return for how many seconds it was ready, and what became of it."""
        clock = asyncio.get_running_loop().time
        begun, ready_at = clock(), None
        try:
            process = Process(self.planned.command, self.planned.environment, self._log)
        except OSError as exc:
            why = f"cannot be started: {exc}"
            if not self.ready:
                self._fail(why)
            return 0.0, why
        self._process = process
        try:
            if await self._becomes_ready(process):
                ready_at = clock()
                self._note_ready(process.pid, ready_at - begun)
            await process.ended.wait()
        finally:
            process.kill()  # we are cancelled
            if isinstance(self.planned.check, TritonCheck):
                remove_regions(self.planned.check.run_id)
        if not self.ready and not self._stopping.is_set() and self.failure is None:
            self._fail(f"ended by {process.how} while it started", process)
        return 0.0 if ready_at is None else clock() - ready_at, f"ended by {process.how}"

    async def _becomes_ready(self, process: Process) -> bool:
        """Wait until it is; one that takes too long is killed."""
        late = asyncio.get_running_loop().time() + self._start_timeout
        while not (process.ended.is_set() or self._stopping.is_set()):
            hindrance = await not_ready(self.planned.check, process.pid)
            if hindrance is None:
                return not process.ended.is_set()
            if asyncio.get_running_loop().time() > late:
                why = f"was not ready after {self._start_timeout:g} s: {hindrance}"
                if self.ready:
                    self._say(f"{self.planned.name} {why}; it is killed")
                else:
                    self._fail(why, process)
                process.kill()
                return False
            await _within(POLL, process.ended)
        return False

    def _note_ready(self, pid: int, seconds: float) -> None:
        ready = "ready again" if self.ready else "ready"
        self._say(f"{self.planned.name} (pid {pid}) is {ready} after {seconds:.1f} s: {self.planned.shown}")
        self.ready = True
        self._changed()

    def _fail(self, why: str, process: Process | None = None) -> None:
        self.failure = f"{self.planned.name} {why}"
        if process is not None:
            said = tail(self._log, process.since) or "(nothing)"
            self.failure += f"; the end of {self._log}:\n{said}"
        self._changed()


async def _within(seconds: float, event: asyncio.Event) -> bool:
    """Wait for an event for so long; return whether it came."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
