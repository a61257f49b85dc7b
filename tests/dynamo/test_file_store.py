"""Records as files: whole from their first moment, kept alive, removed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bridge.dynamo.file_store import FileStore
from bridge.protocol.dynamo.records import CARDS, INSTANCES, Key

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY = Key(INSTANCES, "ns/comp/generate/1f")
OTHER = Key(CARDS, "ns/comp/generate/1f")
PATH = Path("v1/instances/ns%2Fcomp%2Fgenerate%2F1f")


def files(folder: Path) -> set[Path]:
    """Return all files below a folder."""
    return {path.relative_to(folder) for path in _all(folder)}


def _all(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


async def test_a_record_is_a_file_of_its_bucket(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "made")
    await store.write(KEY, b"one")
    await store.write(KEY, b"two")
    assert files(tmp_path / "made") == {PATH}
    assert (tmp_path / "made" / PATH).read_bytes() == b"two"
    assert (tmp_path / "made" / PATH).stat().st_mode & 0o777 == 0o644


async def test_a_file_is_begun_where_nobody_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[Path]] = []
    rename = Path.rename

    def looking(self: Path, target: Path) -> Path:
        seen.append(files(tmp_path))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", looking)
    await FileStore(tmp_path).write(KEY, b"one")
    ((begun,),) = seen
    assert begun.parent == Path()


async def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / PATH).mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        await FileStore(tmp_path).write(KEY, b"one")
    assert files(tmp_path) == set()


async def test_a_sign_of_life_touches_all_files(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    for key in (KEY, OTHER):
        await store.write(key, b"x")
    for path in _all(tmp_path):
        os.utime(path, (1, 1))
    assert await store.beat()
    assert all(path.stat().st_mtime > 1 for path in _all(tmp_path))


async def test_a_file_that_somebody_has_removed_is_told_once(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    await store.write(KEY, b"x")
    (tmp_path / PATH).unlink()
    assert not await store.beat()
    assert await store.beat()


async def test_a_record_is_removed_also_if_it_is_gone(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    await store.write(KEY, b"x")
    await store.remove(KEY)
    await store.remove(KEY)
    assert files(tmp_path) == set()
    assert await store.beat()
    await store.close()
