"""A file of rows in memory that other processes read, and that outlives the process which writes it.

Eight bytes tell how many are used; then come the rows: the size of the key in bytes and of the row in
numbers, four bytes each, the key as a JSON array, padding to eight bytes, the numbers as doubles. A row is
there once the used bytes include it, and an aligned double is written in one store: a process may be killed
at any moment.

Rule: bytes only. What keys mean, and whose file counts, is `shared_counts`.
"""

from __future__ import annotations

import mmap
import struct
from typing import TYPE_CHECKING, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.observability.counts import Key

STEP: Final = 64 * 1024
"""Bytes that a file grows by. They are written, not skipped: a full disk is then an error, no SIGBUS."""

_USED: Final = struct.Struct("=Q")
_SIZES: Final = struct.Struct("=II")
_DOUBLE: Final = 8


class RowFile:
    """The file as its one writer has it. An existing one is continued."""

    def __init__(self, path: Path) -> None:
        """Open or create it.

        Raises:
            OSError: it cannot be written.
        """
        self._path = path
        if not path.exists():
            unseen = path.with_name(f".{path.name}")  # a reader must not meet half a file
            unseen.write_bytes(_USED.pack(_USED.size).ljust(STEP, b"\0"))
            unseen.rename(path)
        self._data = _mapped(path, mmap.ACCESS_WRITE)
        self._rows = dict(_rows(self._data))

    def row(self, key: Key, size: int) -> memoryview[float]:
        """Return the numbers of a key, to be changed in place.

        Raises:
            OSError: there is no room for the row.
        """
        if key not in self._rows:
            self._rows[key] = self._append(orjson.dumps(key), size)
        return self._rows[key]

    def _append(self, key: bytes, size: int) -> memoryview[float]:
        (at,) = _USED.unpack_from(self._data)
        numbers = at + _SIZES.size + _padded(len(key))
        end = numbers + _DOUBLE * size
        while end > len(self._data):
            with self._path.open("ab") as file:
                file.write(bytes(STEP))
            self._data = _mapped(self._path, mmap.ACCESS_WRITE)  # rows given out are views of the same pages
        _SIZES.pack_into(self._data, at, len(key), size)
        self._data[at + _SIZES.size : at + _SIZES.size + len(key)] = key
        _USED.pack_into(self._data, 0, end)
        return self._data[numbers:end].cast("d")


def read(path: Path) -> Iterator[tuple[Key, memoryview[float]]]:
    """Yield the rows of a file that another process may be writing.

    Raises:
        FileNotFoundError: there is no such file.
    """
    data = _mapped(path, mmap.ACCESS_READ)
    while _USED.unpack_from(data)[0] > len(data):  # it has grown since
        data = _mapped(path, mmap.ACCESS_READ)
    yield from _rows(data)


def _rows(data: memoryview) -> Iterator[tuple[Key, memoryview[float]]]:
    (used,) = _USED.unpack_from(data)
    at = _USED.size
    while at < used:
        length, size = _SIZES.unpack_from(data, at)
        key = at + _SIZES.size
        numbers = key + _padded(length)
        at = numbers + _DOUBLE * size
        yield tuple(orjson.loads(data[key : key + length])), data[numbers:at].cast("d")


def _mapped(path: Path, access: int) -> memoryview:
    with path.open("r+b" if access == mmap.ACCESS_WRITE else "rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=access))


def _padded(size: int) -> int:
    return -size % _DOUBLE + size
