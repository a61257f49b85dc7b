"""Records as files of a folder that workers and frontends share: `<folder>/<bucket>/<name>`, / being %2F."""

from __future__ import annotations

import asyncio
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.protocol.dynamo.records import Key


def prepare(folder: Path) -> None:
    """Make the folder if it is not there.

    Raises:
        OSError: nothing can be written to it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


class FileStore:
    """See `presence.Store`. A file that nobody touches is removed by whoever sees it."""

    def __init__(self, folder: Path) -> None:
        """Take a folder; see `prepare`."""
        self._folder = folder
        self._files: dict[Path, None] = {}

    async def beat(self) -> bool:
        """See `Store.beat`."""
        gone = await asyncio.to_thread(_touch, tuple(self._files))
        for path in gone:
            del self._files[path]
        return not gone

    async def write(self, key: Key, value: bytes) -> None:
        """See `Store.write`."""
        path = self._path(key)
        await asyncio.to_thread(_write, self._folder, path, value)
        self._files[path] = None

    async def remove(self, key: Key) -> None:
        """See `Store.remove`."""
        path = self._path(key)
        await asyncio.to_thread(path.unlink, missing_ok=True)
        self._files.pop(path, None)

    async def close(self) -> None:
        """See `Store.close`."""

    def _path(self, key: Key) -> Path:
        return self._folder / key.bucket / quote(key.name, safe="")


def _touch(paths: Iterable[Path]) -> list[Path]:
    """Note that the files are alive; return those that are gone."""
    gone = []
    for path in paths:
        try:
            os.utime(path)
        except FileNotFoundError:
            gone.append(path)
    return gone


def _write(folder: Path, path: Path, value: bytes) -> None:
    """Write a file in one step: frontends read whatever appears beside it, so that it is begun elsewhere."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".openai-bridge-", delete=False) as out:
        temporary = Path(out.name)
        try:
            out.write(value)
            out.flush()
            temporary.chmod(0o644)
            temporary.rename(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
