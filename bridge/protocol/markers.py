"""One of several markers, searched for in text that comes in pieces.

It keeps no text: callers hold what may still become a marker and search again from there with what follows,
so the work is linear in the text.
"""

from __future__ import annotations

import re
from typing import Final


class Markers:
    """A set of markers, perhaps empty. None may stand within another, unless at its end."""

    def __init__(self, *markers: str) -> None:
        whole = "|".join(map(re.escape, markers)) or "(?!)"
        begun = "|".join(_beginning(marker) for marker in markers) or "(?!)"
        self._pattern = re.compile(rf"({whole})|(?:{begun})\Z")
        self.first: Final = "".join({marker[0]: None for marker in markers})
        """The characters that markers begin with."""

    def search(self, text: str, at: int = 0) -> tuple[int, str]:
        """Return where the first marker at or after `at` begins, and the marker.

        Without one the marker is "" and the place is where the text may still become one, its end if nowhere.
        """
        found = self._pattern.search(text, at)
        return (found.start(), found[1] or "") if found else (len(text), "")

    def match(self, text: str, at: int = 0) -> str | None:
        """Return the marker that stands at `at`, "" if there is none, None if it may still become one."""
        if at == len(text):
            return None
        found = self._pattern.match(text, at)
        return found[1] if found else ""


def _beginning(marker: str) -> str:
    """Return a pattern of all that `marker` begins with: `a(?:b(?:c)?)?`."""
    head, *rest = map(re.escape, marker)
    return head + "(?:".join(["", *rest]) + ")?" * len(rest)
