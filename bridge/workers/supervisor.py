"""The parent of the workers: starts them, starts those again that end, ends them all.

It serves nothing itself. Signals reach the workers through it alone: they are in sessions of their own, so
that Ctrl-C in a terminal counts once.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import signal
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from bridge.config import Config, ConfigError
from bridge.observability.shared_counts import forget_the_living
from bridge.workers.job import Answer, Job, Outcome
from bridge.workers.restarts import Restarts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bridge.workers.single import Started

logger = logging.getLogger(__name__)

PROGRAM: Final = (sys.executable, "-P", "-m", "bridge.workers.worker")


class WorkersFailed(Exception):  # noqa: N818 - says what happened
    """A worker ended again and again."""


class Supervisor:
    """Keeps the configured number of workers running; `run` it once."""

    def __init__(
        self,
        config: Config,
        counts: Path,
        *,
        log_prefix: str = "",
        program: Sequence[str] = PROGRAM,
        restarts: Callable[[], Restarts] = Restarts,
        patience: float = 5.0,
    ) -> None:
        """Prepare, start nothing.

        Args:
            config: with the numbers of ports that are held.
            counts: directory of the counts that the workers share.
            log_prefix: of the text lines of their logs.
            program: what a worker is.
            restarts: makes the policy of one worker.
            patience: seconds from a second signal to SIGKILL.
        """
        self._config, self._counts, self._log_prefix = config, counts, log_prefix
        self._program, self._restarts, self._patience = program, restarts, patience
        self._running: dict[int, Process] = {}
        self._listened: set[int] = set()
        self._stopping = asyncio.Event()
        self._failure: Exception | None = None

    async def run(self, started: Started) -> None:
        """Run until a signal has ended all workers; a second one ends them at once.

        Args:
            started: called once, when all listen.

        Raises:
            OSError: an address cannot be bound.
            ConfigError: a worker says that a setting is wrong.
            WorkersFailed: a worker ended at once, too often in a row.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal)
        config = self._config
        if config.key_file or config.tls or config.triton_tls or config.upstream_key_file:
            loop.add_signal_handler(signal.SIGHUP, self._tell_all, signal.SIGHUP)
        async with asyncio.TaskGroup() as group:
            for worker in range(1, self._config.workers + 1):
                group.create_task(self._keep(worker, started))
        if self._failure is not None:
            raise self._failure

    async def _keep(self, number: int, started: Started) -> None:
        """Run one worker after the other under a number."""
        restarts = self._restarts()
        while not self._stopping.is_set():
            listened, how = await self._live(number, started)
            if self._stopping.is_set():
                return
            delay = restarts.delay(listened)
            if delay is None:
                often = f"worker {number} ended {restarts.in_a_row} times in a row soon after its start"
                self._give_up(WorkersFailed(f"{often}, at last by {how}"))
                return
            logger.error("worker %d ended by %s, a new one starts in %.1f s", number, how, delay)
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._stopping.wait()

    async def _live(self, number: int, started: Started) -> tuple[float, str]:
        """Run one worker to its end; return how long it listened, in seconds, and how it ended."""
        clock = asyncio.get_running_loop().time
        process = await self._spawn(number)
        self._running[number] = process
        begun: float | None = None
        try:
            if self._stopping.is_set():
                _tell(process, signal.SIGTERM)
            if await self._listens(number, process):
                begun = clock()
                self._note_listening(number, process, started)
            code = await process.wait()
        finally:
            _tell(process, signal.SIGKILL)  # if we are cancelled
            del self._running[number]
            forget_the_living(self._counts, number)
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return 0.0 if begun is None else clock() - begun, how

    async def _spawn(self, number: int) -> Process:
        job = Job(number=number, config=self._config, counts=self._counts, log_prefix=self._log_prefix)
        process = await asyncio.create_subprocess_exec(
            *self._program,
            stdin=PIPE,
            stdout=PIPE,
            start_new_session=True,
            # Our own path, -P without the current directory: it must find the code that we run.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
        )
        assert process.stdin is not None  # noqa: S101 - for the type checker
        process.stdin.write(pickle.dumps(job))  # left open: its end tells the worker of ours
        return process

    async def _listens(self, number: int, process: Process) -> bool:
        """Wait for a worker's answer, or for its end without one."""
        assert process.stdout is not None  # noqa: S101 - for the type checker
        line = await process.stdout.readline()
        if not line:
            return False
        answer = Answer.unpack(line)
        if answer.outcome is Outcome.LISTENING:
            return True
        if number in self._listened:  # it worked once: it may again
            logger.error("worker %d: %s", number, answer.text)
        else:
            wrong = answer.outcome is Outcome.WRONG_SETTING
            self._give_up(ConfigError(answer.text) if wrong else OSError(answer.text))
        return False

    def _note_listening(self, number: int, process: Process, started: Started) -> None:
        logger.info("worker %d listens", number, extra={"facts": {"pid": process.pid}})
        if number in self._listened:
            return
        self._listened.add(number)
        if len(self._listened) == self._config.workers:
            started(self._config.http_port, self._config.grpc_port)

    def _on_signal(self) -> None:
        if self._stopping.is_set():
            asyncio.get_running_loop().call_later(self._patience, self._kill_all)
        else:
            logger.info("stopping")
            self._stopping.set()
        self._tell_all(signal.SIGTERM)

    def _give_up(self, failure: Exception) -> None:
        self._failure = self._failure or failure
        self._stopping.set()
        self._tell_all(signal.SIGTERM)

    def _tell_all(self, number: signal.Signals) -> None:
        for process in self._running.values():
            _tell(process, number)

    def _kill_all(self) -> None:
        self._tell_all(signal.SIGKILL)


def _tell(process: Process, number: signal.Signals) -> None:
    """Send a worker a signal: SIGTERM is to drain, the second time to end; SIGHUP to read files again.

    `Process.send_signal` looks itself whether the process has ended, and takes how from whoever waits for it
    (Python 3.11; cpython's issue 127049).
    """
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)
