"""One program that runs: started with its log, told to end, killed with all that it has started.

It is in a session of its own, so that Ctrl-C in a terminal reaches us alone, and gets SIGTERM when we end,
however that may be. Start it in a thread that lives as long as we do. Linux only.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.demo import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class Process:
    """See the module."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        """Start it.

        Args:
            command: the first is the path of a program.
            environment: all of it.
            log: what it prints is put at the end of this file.

        Raises:
            OSError: the log cannot be written to, or no process be made.
        """
        trampoline = (sys.executable, "-I", "-S", die_with_parent.__file__, str(os.getpid()))
        with log.open("ab") as out:
            self.since = out.tell()
            """Bytes of the log that are not its own."""
            self._popen = subprocess.Popen(  # noqa: S603 - what the deployment file asks for
                [*trampoline, *command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        self.pid = self._popen.pid
        self.ended = asyncio.Event()
        # Readable at the end of the process, which stays unreaped till we look: its pid is still its own.
        self._pidfd = os.pidfd_open(self.pid)
        asyncio.get_running_loop().add_reader(self._pidfd, self._on_end)

    @property
    def how(self) -> str:
        """How it ended."""
        code = self._popen.returncode
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def terminate(self) -> None:
        """Tell it to end."""
        if not self.ended.is_set():
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it and all that it has started, at once."""
        if self.ended.is_set():
            return
        os.kill(self.pid, signal.SIGSTOP)  # it starts nothing while we look
        for pid in [*_descendants(self.pid), self.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _on_end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)  # the model processes of a Triton that was killed
        self._popen.wait()
        self.ended.set()


def _descendants(pid: int) -> Iterator[int]:
    """Yield the processes that a process has started, and those these have started."""
    with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                yield child
                yield from _descendants(child)
