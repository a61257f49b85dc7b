"""The numbers of several processes, each in files of its own, summed by whoever is asked.

Counters outlive the process that counted: its successor, of the same number, goes on where it was killed.
"""

from __future__ import annotations

from operator import add
from typing import TYPE_CHECKING

from bridge.observability.row_file import RowFile, read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bridge.observability.counts import Key, Row


class SharedCounts:
    """The counts of one process among those that share a directory."""

    def __init__(self, directory: Path, number: int) -> None:
        """Open or create the files of a process.

        Args:
            directory: the same for all; made for them alone.
            number: differs among the processes that run.

        Raises:
            OSError: the files cannot be written.
        """
        self._directory = directory
        self._lasting = RowFile(directory / f"lasting-{number}")
        self._living = RowFile(_living(directory, number))

    def row(self, key: Key, size: int, *, lasting: bool = True) -> Row:
        """Return this process's row.

        Raises:
            OSError: there is no room for it.
        """
        return (self._lasting if lasting else self._living).row(key, size)

    def totals(self) -> Mapping[Key, Sequence[float]]:
        """Return the sums over all processes; those that have ended add what lasts."""
        sums: dict[Key, list[float]] = {}
        for path in sorted(self._directory.glob("[!.]*")):
            try:
                for key, numbers in read(path):
                    sums[key] = list(map(add, sums[key], numbers)) if key in sums else list(numbers)
            except FileNotFoundError:  # its process has just ended
                continue
        return sums


def forget_the_living(directory: Path, number: int) -> None:
    """Drop what counts only while a process lives; to be called when it has ended."""
    _living(directory, number).unlink(missing_ok=True)


def _living(directory: Path, number: int) -> Path:
    return directory / f"living-{number}"
