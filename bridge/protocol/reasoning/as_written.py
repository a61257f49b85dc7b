"""Reasoning that stays in the text as the model wrote it, markers and all: `separate_reasoning: false`.

Only for answers that are searched for calls, which must not be found in the reasoning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.protocol.events import Reasoning, Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.protocol.reasoning.base import ReasoningParser


class AsWritten:
    """Gives all text up to the answer as `Reasoning`, and the answer as `Text`.

    Parsers do not tell their markers. So this feeds one character at a time until the answer begins, and
    what is neither said of the answer then nor held is what came before it.
    """

    def __init__(self, parser: ReasoningParser) -> None:
        """Take the parser that knows where the answer begins."""
        self._parser = parser
        self._unsaid = ""
        self._answers = False

    def feed(self, text: str) -> Iterator[Reasoning | Text]:
        """See `ReasoningParser.feed`."""
        for at, character in enumerate(text):
            if self._answers:
                yield from self._parser.feed(text[at:])
                return
            self._unsaid += character
            events = list(self._parser.feed(character))
            held = sum(len(event.text) for event in self._parser.finish())
            yield from self._said(events, held)

    def finish(self) -> Iterator[Reasoning | Text]:
        """See `ReasoningParser.finish`."""
        rest = self._parser.finish()
        yield from rest if self._answers else self._said(rest, 0)

    def _said(self, events: Iterable[Reasoning | Text], held: int) -> Iterator[Reasoning | Text]:
        """Say what events amount to; the parser holds back `held` characters more."""
        answer = "".join(event.text for event in events if isinstance(event, Text))
        end = len(self._unsaid) - len(answer) - held
        if end:
            yield Reasoning(self._unsaid[:end])
            self._unsaid = self._unsaid[end:]
        if answer:
            self._answers = True
            yield Text(answer)
