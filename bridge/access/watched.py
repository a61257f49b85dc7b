"""Files that may change while the bridge runs: read again when they have; what is broken changes nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bridge.config import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

logger = logging.getLogger(__name__)


class Watched:
    """Some files that are read together."""

    def __init__(self, what: str, paths: Sequence[Path], reload: Callable[[], object]) -> None:
        """Remember how the files look now.

        Args:
            what: they hold, for the log.
            paths: where they are.
            reload: reads them; raises ConfigError and changes nothing when they are broken.
        """
        self._what = what
        self._paths = paths
        self._reload = reload
        self._seen = self._looks()

    def check(self, *, anyway: bool = False) -> None:
        """Read the files if they look different from the last time, or `anyway`."""
        looks = self._looks()
        if looks == self._seen and not anyway:
            return
        self._seen = looks
        try:
            self._reload()
        except ConfigError as exc:
            # Without its traceback: it says what is wrong with a file.
            logger.error("%s not read again, what was read before stays: %s", self._what, exc)  # noqa: TRY400
        else:
            logger.info("%s read again", self._what)

    def _looks(self) -> list[object]:
        return [_looks(path) for path in self._paths]


def _looks(path: Path) -> object:
    try:
        found = path.stat()
    except OSError as exc:
        return exc.errno
    return found.st_mtime_ns, found.st_size, found.st_ino
