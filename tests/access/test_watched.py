"""Watched files: read again when they look different, or when told to; what is broken is logged."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bridge.access.watched import Watched
from bridge.config import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable


class Reader:
    """Counts how often it reads, and may find the files broken."""

    def __init__(self) -> None:
        self.count = 0
        self.broken = False

    def __call__(self) -> None:
        self.count += 1
        if self.broken:
            raise ConfigError("key: broken")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("a", "b"):
        (tmp_path / name).write_text("1")
    return tmp_path / "a", tmp_path / "b"


def replaced(path: Path) -> None:
    other = path.with_name("new")
    other.write_text("1")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda path: path.write_text("22"), id="written"),
        pytest.param(lambda path: os.utime(path, ns=(1, 1)), id="touched"),
        pytest.param(replaced, id="replaced by one of the same size and time"),
        pytest.param(Path.unlink, id="gone"),
    ],
)
@pytest.mark.parametrize("which", [0, 1])
def test_a_change_of_any_file_is_seen_once(
    files: tuple[Path, Path], change: Callable[[Path], object], which: int
) -> None:
    reader = Reader()
    watched = Watched("things", files, reader)
    watched.check()
    assert reader.count == 0
    change(files[which])
    watched.check()
    watched.check()
    assert reader.count == 1


def test_a_broken_file_is_logged_and_tried_again_when_it_changes(
    files: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    reader = Reader()
    watched = Watched("things", files, reader)
    reader.broken = True
    files[0].write_text("broken")
    watched.check()
    watched.check()
    assert reader.count == 1
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", "things not read again, what was read before stays: key: broken")
    ]
    reader.broken = False
    files[0].write_text("mended!")
    with caplog.at_level(logging.INFO):
        watched.check()
    assert caplog.messages[-1] == "things read again"


def test_when_told_to_it_reads_what_has_not_changed(files: tuple[Path, Path]) -> None:
    reader = Reader()
    Watched("things", files, reader).check(anyway=True)
    assert reader.count == 1
