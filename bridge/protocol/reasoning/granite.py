"""IBM Granite: sentences that announce reasoning and answer (3.2), or tags around both (3.3).

    Here is my thought process: ... Here is my response: ...
    <think> ... </think><response> ... </response>

Quantized models were seen to write "Here's" for "Here is".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from bridge.protocol.events import Text
from bridge.protocol.markers import Markers
from bridge.protocol.reasoning.tags import TaggedParser
from bridge.protocol.source import WHITE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.protocol.events import Reasoning

OPEN: Final = Markers("<response>")
CLOSE: Final = Markers("</response>")
RESPONSE: Final = ("Here is my response:", "Here's my response:")


class GraniteParser(TaggedParser):
    """Reads Granite's reasoning; the tags around its answer are left out too.

    `</response>` closes the answer only where nothing but white space follows it.
    """

    tags: ClassVar = {
        "Here is my thought process:": RESPONSE,
        "Here's my thought process:": RESPONSE,
        "<think>": ("</think>",),
    }
    _closed = False
    """Whether the white space held has `</response>` in it."""

    def finish(self) -> Iterable[Reasoning | Text]:
        """Return what was held back."""
        return () if self._closed and not self._rest else super().finish()

    def _leave(self, text: str) -> Iterator[Reasoning | Text]:
        """Skip white space and `<response>`."""
        body = text.lstrip(WHITE)
        opening = OPEN.match(body)
        if opening is None:
            self._rest = body
        elif opening:
            yield from self._to(Text, self._open, body[len(opening) :])
        else:
            yield from self._to(Text, self._answer, body)

    def _open(self, text: str) -> Iterator[Reasoning | Text]:
        """Skip the white space after `<response>`."""
        if body := text.lstrip(WHITE):
            yield from self._to(Text, self._response, body)

    def _response(self, text: str) -> Iterator[Reasoning | Text]:
        """Read the answer; hold `</response>`, which is prose if more comes."""
        while True:
            end, closing = CLOSE.search(text)
            if text[:end].strip(WHITE):
                self._closed = False
            yield from self._say(text[:end])
            if not closing:
                self._rest = text[end:]
                return
            self._space.append(closing)
            self._closed = True
            text = text[end + len(closing) :]
