"""The log of each process: a file named after it, appended to by all that run under its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bridge.demo.tritonserver import TABLE

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

LAST_LINES: Final = 30
"""Of a log, shown when its process cannot start."""
LAST_BYTES: Final = 32 * 1024
"""Within which they are looked for."""


def path_of(directory: Path, process: str) -> Path:
    """Return where a process of this name writes."""
    return directory / f"{process}.log"


def clear(directory: Path, names: Collection[str]) -> int:
    """Delete the logs of processes called `<name>.<i>`, whatever the number; return how many."""
    if not directory.is_dir():
        return 0
    ours = re.compile(rf"(?:{'|'.join(map(re.escape, names))})\.[0-9]+\.log")
    old = [path for path in directory.iterdir() if ours.fullmatch(path.name) and not path.is_dir()]
    for path in old:
        path.unlink()
    return len(old)


def tail(path: Path, since: int) -> str:
    """Return the last lines of a log that were written after `since` bytes, without Triton's tables.

    A log that somebody has deleted has none.
    """
    if not path.exists():
        return ""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(since, size - LAST_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    return "\n".join([line for line in lines if line and line[0] not in TABLE][-LAST_LINES:])
