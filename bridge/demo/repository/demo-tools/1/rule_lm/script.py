"""An answer known beforehand, as a language model that is certain of every token.

Rule: tokens only. Sampling, stopping and counting then are those of any model, by `ngram_lm.generation`; what
forbids a token of the answer is refused there, for no other can come.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ngram_lm.tokenizer import Tokenizer
    from numpy.typing import NDArray

AFTER_THE_END: Final = 1e-300
"""The probability of a space after the answer: only `min_tokens` make it come, and it harms no JSON."""
SPECIAL_BEGINS: Final = re.compile(r"(?<=<)")
"""Where text is cut so that nothing in it becomes a special token."""


class Script:
    """A `LanguageModel` that says one text."""

    def __init__(self, tokenizer: Tokenizer, text: str) -> None:
        self.tokenizer = tokenizer
        self._tokens = [token for part in SPECIAL_BEGINS.split(text) for token in tokenizer.encode(part)]
        (self._space,) = tokenizer.encode(" ")

    def focus(self, _prompt: str) -> None:
        """Keep nothing in mind: the rules have read the prompt."""

    def beginning(self, _prompt: str) -> list[int]:
        """Return no tokens: the text is the whole answer."""
        return []

    def distribution(self, context: Sequence[int], _focus: None) -> NDArray[np.float64]:
        """Return 1 for the token whose turn it is, the end after the last."""
        probabilities = np.zeros(len(self.tokenizer))
        if len(context) < len(self._tokens):
            probabilities[self._tokens[len(context)]] = 1
        else:
            probabilities[self._space] = AFTER_THE_END
            probabilities[self.tokenizer.end_id] = 1
        return probabilities
