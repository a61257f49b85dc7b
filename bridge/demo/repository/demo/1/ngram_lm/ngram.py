"""The language model: the next token's probability from how often it followed the same tokens before.

Rule: ids and numbers only. Nothing is counted ahead: the corpus is an array, indexed by token, in which the
places of a context are found when needed; so the model of a part of the corpus costs nothing extra.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LONGEST_CONTEXT: Final = 5
"""Tokens that decide about the next one: contexts of 5 tokens down to none are interpolated."""
BACK_OFF: Final = 0.5
"""How much a context's distinct successors speak for the shorter context; 1 would be Witten and Bell's."""
UNSEEN: Final = 0.01
"""What every token of the vocabulary counts on top of its occurrences."""


class NgramModel:
    """Interpolated n-grams over one array of token ids."""

    def __init__(self, tokens: Sequence[int], vocabulary: int) -> None:
        """Index `tokens`; ids are below `vocabulary`."""
        self._tokens = np.asarray(tokens, dtype=np.int64)
        self._vocabulary = vocabulary
        self._places = np.argsort(self._tokens, kind="stable")
        self._first_place = np.searchsorted(self._tokens[self._places], np.arange(vocabulary + 1))
        counts = np.bincount(self._tokens, minlength=vocabulary) + UNSEEN
        self._unigram = counts / counts.sum()

    def distribution(self, context: Sequence[int], focus: slice | None = None) -> NDArray[np.float64]:
        """Return P(token | context) for the whole vocabulary: float64, all positive, sum 1.

        What the part `focus` of the corpus says comes first, as far as it knows the context.
        """
        everything = slice(0, len(self._tokens))
        probabilities = self._sharpened(self._unigram, context, everything)
        return probabilities if focus is None else self._sharpened(probabilities, context, focus)

    def _sharpened(
        self, base: NDArray[np.float64], context: Sequence[int], part: slice
    ) -> NDArray[np.float64]:
        """Interpolate `base` with longer and longer contexts seen in a part of the corpus."""
        probabilities = base
        ends: NDArray[np.int64] | None = None
        for length in range(1, min(LONGEST_CONTEXT, len(context)) + 1):
            ends = self._ends(context, length, part, ends)
            if not len(ends):
                break
            counts = np.bincount(self._tokens[ends + 1], minlength=self._vocabulary)
            doubt = BACK_OFF * np.count_nonzero(counts)
            probabilities = (counts + doubt * probabilities) / (len(ends) + doubt)
        return probabilities

    def _ends(
        self, context: Sequence[int], length: int, part: slice, shorter: NDArray[np.int64] | None
    ) -> NDArray[np.int64]:
        """Return where the last `length` tokens of the context end and are followed, from where fewer do."""
        token = context[-length]
        if shorter is None:
            places = self._places[self._first_place[token] : self._first_place[token + 1]]
            first, last = np.searchsorted(places, (part.start, part.stop - 1))
            return places[first:last]
        inside = shorter[shorter - (length - 1) >= part.start]
        return inside[self._tokens[inside - (length - 1)] == token]
