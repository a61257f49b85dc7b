"""Going on with an answer whose server was lost: what was said becomes part of the prompt.

Only where the rest is the same whoever says it, as far as a model can promise that: `resumable`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.protocol.generation import Generation, Piece
    from bridge.protocol.tokenizer import Tokenizer

COUNTS_ON_ANSWER: Final[Mapping[str, float]] = {
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "repetition_penalty": 1,
    "min_tokens": 0,
}
"""Fields for which it matters whether text is of the prompt or of the answer, and the values at which not."""


MOST: Final = 3
"""Times that one answer goes on elsewhere: it may be what ends the servers."""


def resumable(generation: Generation) -> bool:
    """Tell whether the rest of an answer can be asked for when its beginning is known.

    The sampling must choose the likeliest token and look at nothing but the text; a form that the whole
    text must have cannot be told of its rest.
    """
    sampling = generation.sampling
    return (
        (sampling.get("temperature") == 0 or sampling.get("top_k") == 1)
        and all(sampling.get(name, neutral) == neutral for name, neutral in COUNTS_ON_ANSWER.items())
        and generation.logprobs is None
        and not generation.cumulative_logprob
        and generation.constraint is None
    )


class Resumption:
    """What one generation was asked, and what it has said so far."""

    def __init__(self, generation: Generation, tokenizer: Tokenizer | None) -> None:
        """Begin with nothing said.

        Args:
            generation: what was asked.
            tokenizer: counts what was said where the model does not.
        """
        self._asked = generation
        self._tokenizer = tokenizer
        self._texts: list[str] = []
        self._counted: int | None = None
        self._with_text: int | None = None
        self._times = 0
        self.limit = generation.max_tokens
        """Tokens that were asked for at first."""

    def add(self, piece: Piece) -> None:
        """Note what a response added, whatever is shown of it."""
        if piece.completion_tokens is not None:
            self._counted = (self._counted or 0) + piece.completion_tokens
        if piece.text:
            self._texts.append(piece.text)
            self._with_text = self._counted

    def tokens(self) -> int | None:
        """Return the tokens of the text so far; None: there is none, nobody can count it, or it is enough.

        Those after the last text made none yet: they are part of a character that is not whole.
        """
        if not self._texts or self._times == MOST:
            return None
        if self._counted is not None:
            return self._with_text
        if self._tokenizer is None:
            return None
        return len(self._tokenizer.encode("".join(self._texts), add_special_tokens=False))

    def rest(self, tokens: int) -> Generation:
        """Return what is left to be asked after so many tokens, fewer than `limit`."""
        asked = self._asked
        self._times += 1
        self._counted = self._with_text = None if self._counted is None else tokens
        return replace(
            asked,
            request_id=f"{asked.request_id}+{self._times}",
            prompt=asked.prompt + "".join(self._texts),
            max_tokens=asked.max_tokens - tokens,
        )
