"""Environments of their own for other people's servers: made once under .cache/peers, from PyPI."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.processes import StartError

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER: Final = Path(__file__).parents[2] / ".cache" / "peers"


def environment(name: str, *installs: Sequence[str]) -> Path:
    """Return the folder of an environment's commands.

    Args:
        name: of its folder.
        installs: arguments of `pip install`, one call after the other; a change makes it anew.

    Raises:
        StartError: pip failed.
    """
    folder = FOLDER / name
    stamp, wanted = folder / ".installed", repr(installs)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the processes of a test run share it
        if not stamp.exists() or stamp.read_text() != wanted:
            sys.stderr.write(f"installing {name} into {folder} (once, some minutes)...\n")
            _run([sys.executable, "-m", "venv", "--clear", str(folder)])
            pip = [str(folder / "bin" / "pip"), "install", "-q", "--disable-pip-version-check"]
            for arguments in installs:
                _run([*pip, *arguments])
            stamp.write_text(wanted)
    return folder / "bin"


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own commands
    if done.returncode:
        raise StartError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
