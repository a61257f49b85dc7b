"""How the text of successive responses adds up: each is new (delta), or all so far (cumulative).

Whatever the model sends, only whole new characters come out. Nothing here knows a family.
"""

from __future__ import annotations

from typing import Final, Literal, Protocol, TypeAlias

from bridge.errors import BridgeError, Reason
from bridge.protocol.tensors import Utf8

TextMode: TypeAlias = Literal["delta", "cumulative"]
"""What the text of one response is."""

CUT: Final = "\ufffd"
"""What a detokenizer writes for a character whose last tokens are still to come."""


class TextDecoder(Protocol):
    """Turns the bytes of successive responses into the text that is new."""

    def feed(self, data: bytes) -> str:
        """Return what a response adds; text that may still change is held back."""

    def finish(self) -> str:
        """Return what was held back."""


class Cumulative:
    """Finds what is new in texts of which each repeats the one before and goes on.

    U+FFFD at the end is held back: with the next token it may have become a character.
    """

    def __init__(self) -> None:
        self._said = ""
        self._held = ""

    def feed(self, text: str) -> str:
        """Return what `text` has that was not said yet.

        A text that is only the beginning of what was said adds nothing: an engine takes back the
        tokens of a stop string in its last response, and what was said cannot be taken back.

        Raises:
            BridgeError: BACKEND_CONTRACT when it neither goes on nor takes back.
        """
        whole = text.rstrip(CUT)
        if not whole.startswith(self._said):
            if self._said.startswith(whole):
                self._held = ""
                return ""
            raise BridgeError(
                Reason.BACKEND_CONTRACT, "the model's text does not go on from what it said before"
            )
        new = whole[len(self._said) :]
        self._said = whole
        self._held = text[len(whole) :]
        return new

    def finish(self) -> str:
        """Return the U+FFFD that were held back: nothing follows that could change them."""
        held, self._held = self._held, ""
        return held


class CumulativeUtf8:
    """`Cumulative` over bytes: a cut character at their end is U+FFFD, wherever it was cut."""

    def __init__(self) -> None:
        self._text = Cumulative()

    def feed(self, data: bytes) -> str:
        """See `TextDecoder.feed`; raises as `Cumulative.feed`."""
        return self._text.feed(data.decode(errors="replace"))

    def finish(self) -> str:
        """See `TextDecoder.finish`."""
        return self._text.finish()


def text_decoder(mode: TextMode) -> TextDecoder:
    """Return a decoder for one generation."""
    return CumulativeUtf8() if mode == "cumulative" else Utf8()
