"""The file of keys: read by the bridge, changed by `openai-bridge keys`.

It is replaced as a whole, by one process at a time, so that a reader never meets half of it.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bridge.access.keys import Key, read
from bridge.config.checks import DERIVED, ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.access.keys import KeyRing

HEADER: Final = (
    "# Keys of openai-bridge, changed by `openai-bridge keys`. Only the keys' SHA-256 stand here.\n"
)
PRIVATE: Final = 0o600


def load(path: Path) -> KeyRing:
    """Return the keys of a file.

    Raises:
        ConfigError: it cannot be read, or is none.
    """
    try:
        return read(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "not UTF-8"
        raise ConfigError(f"key_file: {path} cannot be read: {why}") from exc
    except ConfigError as exc:
        raise ConfigError(f"key_file: {path}: {exc}") from exc


@contextmanager
def changed(path: Path) -> Iterator[dict[str, Key]]:
    """Yield the keys by their names, to be changed; what is left of them at the end is written.

    Raises:
        OSError: the file cannot be written.
        ConfigError: it is none.
    """
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        keys = {key.name: key for key in load(path).keys} if path.exists() else {}
        yield keys
        _write(path, keys)
    finally:
        os.close(directory)


def _write(path: Path, keys: dict[str, Key]) -> None:
    text = HEADER + "".join(f"\n[keys.{key.name}]\n{_table(key)}" for key in keys.values())
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    made = Path(name)
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(number)
        _belong_as(path, made)
        made.replace(path)
    except BaseException:
        made.unlink(missing_ok=True)
        raise


def _belong_as(old: Path, new: Path) -> None:
    """Give a new file the owner and mode of the one before: the bridge may run as somebody else."""
    new.chmod(PRIVATE)
    if old.exists():
        was = old.stat()
        with suppress(PermissionError):
            os.chown(new, was.st_uid, was.st_gid)
        new.chmod(was.st_mode & 0o7777)


def _table(key: Key) -> str:
    """Return what is not the default, a line each."""
    lines = []
    for item in fields(Key):
        value = getattr(key, item.name)
        if not item.metadata.get(DERIVED) and value != item.default:
            lines.append(f"{item.name} = {_toml(value)}\n")
    return "".join(lines)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, int) else _string(str(value))


def _string(text: str) -> str:
    escaped = "".join(f"\\u{ord(char):04x}" if char < " " or char in '"\\\x7f' else char for char in text)
    return f'"{escaped}"'
