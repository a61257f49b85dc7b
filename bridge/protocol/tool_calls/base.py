"""The interface of a parser of tool calls; one file in this package is one spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bridge.protocol.events import Event


class ToolCallParser(Protocol):
    """Reads the text of one choice as it comes; the events do not depend on how the text was split.

    Nothing is lost: what is no part of a call, or turns out to be none, comes out as `Text`. Nothing that
    may still change comes out. The work is linear in the text.
    """

    special_tokens: ClassVar[bool]
    """Whether its markers are special tokens of the vocabulary, which engines leave out of their text
    unless they are asked not to."""

    def __init__(self, functions: Mapping[str, Mapping[str, Any]]) -> None:
        """Take the functions that were offered: name -> JSON Schema of the parameters."""

    def feed(self, text: str) -> Iterable[Event]:
        """Return what new text amounts to. Read it to its end before the next call."""

    def finish(self) -> Iterable[Event]:
        """Return what was held back: the text has ended, perhaps inside a call."""
