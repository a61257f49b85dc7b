"""The API key that this bridge shows to another one, kept in a file and never on a command line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bridge.config import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

_KEY: Final = re.compile(r"[!-~]+")


class ShownKey:
    """See the module. Replaced in place by `reload`, so that a key may be changed while the bridge runs."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            ConfigError: it cannot be read, or holds more or less than one key.
        """
        self._path = path
        self.metadata: tuple[tuple[str, str], ...] = ()
        """What goes with each call."""
        self.reload()

    def reload(self) -> None:
        """Read the file again.

        Raises:
            ConfigError: see above; then nothing changes.
        """
        try:
            text = self._path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as exc:
            why = exc.strerror if isinstance(exc, OSError) else "not ASCII"
            raise ConfigError(f"upstream_key_file: {self._path} cannot be read: {why}") from exc
        if not _KEY.fullmatch(text):
            raise ConfigError(f"upstream_key_file: {self._path} must hold one key, without spaces")
        self.metadata = (("authorization", f"Bearer {text}"),)
