"""Where an expression ends that is no string, list, tuple or dictionary: `3`, `None`, `date(2024, 1, 1)`.

Told by the brackets that are open, and inside of them by quotes; the expression itself is not checked.
"""

from __future__ import annotations

import re
from typing import Final

OPENERS: Final = "([{"
CLOSERS: Final = ")]}"
QUOTES: Final = "\"'"

_PLAIN: Final = re.compile(r"""[^,()\[\]{}'"\\=:]*+""")


class PythonExpression:
    """Text of one expression, told from what follows it.

    Attributes:
        done: the end was found.
    """

    __slots__ = ("_depth", "_ends", "_escaped", "_quote", "done")

    def __init__(self, ends: str) -> None:
        """Take the characters that end it outside of its brackets; those that close one are among them."""
        self._ends = ends
        self._depth = 0
        self._quote = ""
        self._escaped = False
        self.done = False

    def scan(self, text: str, at: int) -> int:
        """Return up to where the text from `at` on belongs to the expression."""
        while at < len(text) and not self.done:
            if self._escaped:
                self._escaped = False
                at += 1
                continue
            at = _PLAIN.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing too
            if at < len(text):
                at += self._take(text[at])
        return at

    def _take(self, character: str) -> int:
        """Take a character that may say something; return 0 if it is no part of the expression."""
        if self._quote:
            self._escaped = character == "\\"
            if character == self._quote:
                self._quote = ""
        elif character in QUOTES:
            # Outside of brackets it may be an apostrophe in text that was not quoted.
            self._quote = character if self._depth else ""
        elif character in OPENERS:
            self._depth += 1
        elif self._depth == 0 and character in self._ends:
            self.done = True
            return 0
        elif character in CLOSERS:
            self._depth -= 1
        return 1
