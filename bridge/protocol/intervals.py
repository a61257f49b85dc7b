"""Pieces put together: `stream_interval` asks for so many tokens in a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.protocol.generation import Piece

if TYPE_CHECKING:
    from bridge.protocol.generation import Token


class Intervals:
    """Holds the pieces of one choice until they have enough tokens. The first goes out at once."""

    def __init__(self, tokens: int) -> None:
        """Take the number of tokens of a message, at least 1."""
        self._wanted = tokens
        self._held = tokens - 1
        self._texts: list[str] = []
        self._tokens: list[Token] = []

    def feed(self, piece: Piece) -> Piece | None:
        """Return what may go out now, if anything; a piece without a count is taken for one token."""
        self._texts.append(piece.text)
        self._tokens.extend(piece.tokens)
        self._held += 1 if piece.completion_tokens is None else piece.completion_tokens
        if self._held < self._wanted:
            return None
        self._held = 0
        return self.finish()

    def finish(self) -> Piece:
        """Return what is held."""
        piece = Piece(text="".join(self._texts), tokens=tuple(self._tokens))
        self._texts.clear()
        self._tokens.clear()
        return piece
