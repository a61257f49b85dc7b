"""The tokens of an answer whose model tells only its text: their number, their ids, their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.protocol.tokenizer import Tokenizer


class AnswerTokens:
    """Collects the text of one choice and tokenizes it once, at the end.

    The ids are those that the tokenizer makes of the text: special tokens that the engine left out of it,
    such as the one that ended it, are not among them.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._texts: list[str] = []
        self._ids: list[int] | None = None

    def add(self, text: str) -> None:
        """Take the text of a piece."""
        self._texts.append(text)
        self._ids = None

    def ids(self) -> list[int]:
        """Return the tokens of all text so far. Each call after an `add` tokenizes all of it again."""
        if self._ids is None:
            self._ids = self._tokenizer.encode("".join(self._texts), add_special_tokens=False)
        return self._ids

    def count(self) -> int:
        """Return the number of tokens of all text so far; costs what `ids` costs."""
        return len(self.ids())


def token_name(number: int) -> str:
    """Return what `return_tokens_as_token_ids` puts in place of a token's text."""
    return f"token_id:{number}"
