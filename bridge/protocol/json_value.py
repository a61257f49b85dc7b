"""Where a JSON value ends, found as its text comes, by depth; strings and their escapes are honoured.

The value is not checked: what a model wrote is passed on as it is. Of wrong JSON this knows only where the
format says that a call is over although its brackets are not closed.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from bridge.protocol.source import WHITE

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.protocol.markers import Markers
    from bridge.protocol.source import Source, Steps

IN_STRING: Final = re.compile(r'(?:[^"\\]++|\\.)*+', re.DOTALL)
OUTSIDE: Final = re.compile(r'[^"{}\[\]<;`]*+')
"""What neither opens nor closes anything nor begins a marker that ends a call."""


class Until(Enum):
    """Where text that belongs to a call ends, other than at a marker outside of strings."""

    CLOSED = auto()
    """After the bracket or quote that closes the first one: an object, an array or a string."""

    BRACKET = auto()
    """Before a closing bracket that was not opened in it."""

    MARKER = auto()
    """At a marker only."""


class JsonValue:
    """Text of one value, told from what follows it.

    Attributes:
        done: the end was found.
    """

    __slots__ = ("_depth", "_escaped", "_in_string", "_stops", "_until", "done")

    def __init__(self, stops: Markers, until: Until = Until.CLOSED) -> None:
        self._stops = stops
        self._until = until
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self.done = False

    def scan(self, text: str, at: int) -> int:
        """Return up to where the text from `at` on belongs to the value.

        If that is not all and the value is not `done`, the rest may still become a marker: scan again from
        there when more has come.
        """
        while at < len(text) and not self.done:
            if self._in_string:
                at = self._string(text, at)
                continue
            at = OUTSIDE.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing too
            if at == len(text):
                break
            if text[at] in self._stops.first and (marker := self._stops.match(text, at)) != "":
                self.done = marker is not None
                break
            at += self._outside(text[at])
        return at

    def _string(self, text: str, at: int) -> int:
        if self._escaped:
            self._escaped = False
            at += 1
        at = IN_STRING.match(text, at).end()  # type: ignore[union-attr]
        if at == len(text):
            return at
        if text[at] == '"':
            self._in_string = False
            self.done = self._depth == 0 and self._until is Until.CLOSED
        else:
            self._escaped = True
        return at + 1

    def _outside(self, character: str) -> int:
        """Take a character outside of strings; return 0 if it is no part of the value."""
        if character == '"':
            self._in_string = True
        elif character in "{[":
            self._depth += 1
        elif character in "}]":
            if self._depth == 0 and self._until is Until.BRACKET:
                self.done = True
                return 0
            self._depth -= 1
            self.done = self._depth == 0 and self._until is Until.CLOSED
        return 1


def pass_on(source: Source, value: JsonValue, say: Callable[[str], None], before: str = "") -> Steps[None]:
    """Read a value and say it piece by piece; with the first piece, or at its end, what came before it.

    White space before it that nothing follows is not said, nor is what the end of the text cut off.
    """
    while True:
        end = value.scan(source.text, source.at)
        if end > source.at:
            say(before + source.take(end))
            before = ""
        if value.done or source.ended:
            break
        yield
    if value.done and before.strip(WHITE):
        say(before)
