"""Run a program that ends when the process that started it ends, even by SIGKILL.

Used as `python -I -S die_with_parent.py PARENT_PID PROGRAM ARGUMENT...`. It asks the kernel for SIGTERM at
the parent's death and becomes PROGRAM, under the same pid. A program of its own, because
`Popen(preexec_fn=)` runs Python code between fork and exec, which threads and gRPC make unsafe.

Rule: standard library only, and nothing slow to import: it runs before every start.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final, NoReturn

PR_SET_PDEATHSIG: Final = 1


def main(arguments: list[str]) -> NoReturn:
    """Become `arguments[1:]`; `arguments[0]` is the pid whose end is ours.

    Raises:
        OSError: prctl or exec failed.
    """
    parent, program = int(arguments[0]), arguments[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:  # it died before the kernel knew of our wish
        sys.exit(1)
    os.execv(program[0], program)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
