"""Files of keys, and the keys that fit them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.access.key_file import changed
from bridge.access.keys import PREFIX, Key, digest

if TYPE_CHECKING:
    from pathlib import Path


def secret(name: str) -> str:
    """Return the key of a name."""
    return f"{PREFIX}secret-of-{name}"


def bearer(name: str) -> dict[str, str]:
    """Return the header that shows the key of a name."""
    return {"Authorization": f"Bearer {secret(name)}"}


def metadata(name: str) -> tuple[tuple[str, str], ...]:
    """Return the metadata that shows the key of a name."""
    return (("authorization", f"Bearer {secret(name)}"),)


def write_keys(path: Path, **keys: dict[str, Any]) -> Path:
    """Make the keys of a file these ones, by their names, and return its path."""
    with changed(path) as held:
        held.clear()
        for name, settings in keys.items():
            held[name] = Key(name=name, sha256=digest(secret(name)), **settings)
    return path
