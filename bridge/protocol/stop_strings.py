"""Stop strings found in text that comes in pieces: nothing of one is ever sent.

For models that do not cut their text themselves: text that could still become a stop string is held
back until it cannot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class StopStrings:
    """Cuts one generation's text at the stop string that is complete first.

    If two are complete at the same character the longer one counts. What comes out does not depend on
    how the text was split.
    """

    def __init__(self, stops: Iterable[str], *, include: bool = False) -> None:
        """Take the stop strings, none of them empty.

        Args:
            stops: any number.
            include: leave the found one in the text.
        """
        self._stops = tuple(dict.fromkeys(stops))
        self._include = include
        self._held = ""
        self.found: str | None = None
        """The stop string that ended the text, if one did."""

    def feed(self, text: str) -> str:
        """Return the text that can no longer change; nothing once a stop string was found."""
        if self.found is not None:
            return ""
        pending = self._held + text
        matches = [(at + len(stop), at, stop) for stop in self._stops if (at := pending.find(stop)) >= 0]
        if matches:
            end, start, self.found = min(matches)
            self._held = ""
            return pending[: end if self._include else start]
        keep = max((_overlap(pending, stop) for stop in self._stops), default=0)
        cut = len(pending) - keep
        self._held = pending[cut:]
        return pending[:cut]

    def finish(self) -> str:
        """Return what was held back: the text ended, so it is no stop string."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """Return how many characters at the end of `text` begin `stop`."""
    for size in range(min(len(text), len(stop) - 1), 0, -1):
        if stop.startswith(text[-size:]):
            return size
    return 0
