"""Where the numbers behind the metrics are kept: rows of floats by key, in this process or shared by several.

Written by one thread of each process; a row is a plain sequence, so that counting is one addition in place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Row = list[float] | memoryview[float]
    """What a key stands for; a number that changes in place is seen by `totals` at once."""

Key = tuple[str, ...]
"""The name of a metric and the values of its labels."""


class Counts(Protocol):
    """Rows by key."""

    def row(self, key: Key, size: int, *, lasting: bool = True) -> Row:
        """Return this process's row of a key that it has not asked for before, made of zeros if it is new.

        Args:
            key: stands for one row, of one size and kind.
            size: how many numbers it has.
            lasting: whether they still count when the process has ended.
        """

    def totals(self) -> Mapping[Key, Sequence[float]]:
        """Return the sums over all processes."""


class LocalCounts:
    """The rows of a process that shares nothing."""

    def __init__(self) -> None:
        self._rows: dict[Key, list[float]] = {}

    def row(self, key: Key, size: int, *, lasting: bool = True) -> Row:  # noqa: ARG002 - all ends with us
        """Return a row of zeros."""
        made = self._rows[key] = [0.0] * size
        return made

    def totals(self) -> Mapping[Key, Sequence[float]]:
        """Return all rows."""
        return self._rows
