"""The stages of a deployment: started one after the other, watched, stopped in reverse order."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from bridge.deploy.keeper import Keeper

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bridge.deploy.entries import Timeouts
    from bridge.deploy.plan import Planned, Stage


class DeploymentFailed(Exception):  # noqa: N818 - says what happened
    """A process could not start; the text names it and ends with the end of its log."""


class Stages:
    """See the module; `run` it once."""

    def __init__(
        self, stages: Sequence[Stage], *, log_dir: Path, timeouts: Timeouts, say: Callable[[str], None]
    ) -> None:
        """Prepare, start nothing.

        Args:
            stages: what to run.
            log_dir: where the logs are; it exists.
            timeouts: for starts and stops.
            say: tells people what happens.
        """
        self._timeouts, self._say, self._log_dir = timeouts, say, log_dir
        self._stages = [
            (stage.title, [self._keeper(planned) for planned in stage.processes]) for stage in stages
        ]
        self._stopping = False
        self._failure: str | None = None
        self._news = asyncio.Event()

    async def run(self, started: Callable[[], None]) -> None:
        """Run until SIGINT or SIGTERM has stopped all; a second signal kills all.

        Args:
            started: called when everything is ready.

        Raises:
            DeploymentFailed: a process could not start; all others have been stopped.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal)
        async with asyncio.TaskGroup() as group:
            try:
                for title, keepers in self._stages:
                    if not self._stopping:
                        self._say(f"Starting {title}: {_names(keepers)}")
                        await self._start(keepers, group)
                if not self._stopping:
                    started()
                await self._until(lambda: self._stopping)
            finally:
                await self._stop()
        if self._failure is not None:
            raise DeploymentFailed(self._failure)

    def _keeper(self, planned: Planned) -> Keeper:
        timeout = self._timeouts.start_timeout
        return Keeper(planned, self._log_dir, start_timeout=timeout, say=self._say, changed=self._changed)

    async def _start(self, keepers: list[Keeper], group: asyncio.TaskGroup) -> None:
        """Start processes; return when all are ready, or it is time to stop."""
        for keeper in keepers:
            group.create_task(keeper.run())
        await self._until(lambda: self._stopping or all(keeper.ready for keeper in keepers))

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._news.clear()
            await self._news.wait()

    async def _stop(self) -> None:
        for title, keepers in reversed(self._stages):
            running = [keeper for keeper in keepers if keeper.running]
            if running:
                self._say(f"Stopping {title}: {_names(running)}")
            await asyncio.gather(*(keeper.stop(self._timeouts.stop_timeout) for keeper in keepers))

    def _changed(self) -> None:
        """Hear of a keeper."""
        for _, keepers in self._stages:
            for keeper in keepers:
                self._failure = self._failure or keeper.failure
        self._stopping = self._stopping or self._failure is not None
        self._news.set()

    def _on_signal(self) -> None:
        if self._stopping:
            self._say("Killing all")
            for _, keepers in self._stages:
                for keeper in keepers:
                    keeper.kill()
        self._stopping = True
        self._news.set()


def _names(keepers: list[Keeper]) -> str:
    return ", ".join(keeper.planned.name for keeper in keepers)
