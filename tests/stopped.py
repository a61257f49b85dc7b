"""A process that stands still: it is there and says nothing."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Stop a process that we have started; it goes on where it was when the block ends."""
    os.kill(pid, signal.SIGSTOP)
    # A signal takes its time: until it has come to all threads they go on answering.
    os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
