"""Cutting a stream of text before the first stop string, wherever its pieces begin and end.

Rule: bytes in, bytes out; text that could be the beginning of a stop string is held back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class StopStrings:
    """The state of one stream."""

    def __init__(self, stops: Iterable[str], *, include: bool = False) -> None:
        """Look for `stops`, none of them empty; `include` leaves the one found in the text."""
        self._stops = [stop.encode() for stop in stops]
        self._include = include
        self._held = b""

    def feed(self, text: bytes) -> tuple[bytes, bool]:
        """Return what may be shown now, and whether a stop string was found: then nothing may follow."""
        text = self._held + text
        found = [(text.find(stop), len(stop)) for stop in self._stops if stop in text]
        if found:
            start, length = min(found)
            self._held = b""
            return text[: start + length if self._include else start], True
        shown = len(text) - self._beginning_at_the_end(text)
        self._held = text[shown:]
        return text[:shown], False

    def flush(self) -> bytes:
        """Return what was held back, at the end of the text."""
        held, self._held = self._held, b""
        return held

    def _beginning_at_the_end(self, text: bytes) -> int:
        """Return the length of the longest end of `text` that begins a stop string."""
        longest = max((len(stop) for stop in self._stops), default=1) - 1
        for length in range(min(longest, len(text)), 0, -1):
            if any(stop.startswith(text[-length:]) for stop in self._stops):
                return length
        return 0
