"""What the model knows, put together once: corpus, tokenizer, n-grams and the index of topics.

Rule: read only after the start, so that all requests share it without a lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ngram_lm import corpus
from ngram_lm.ngram import LONGEST_CONTEXT, NgramModel
from ngram_lm.subject import Subjects
from ngram_lm.tokenizer import END, START, Tokenizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


class Language:
    """The trained model."""

    def __init__(self, topics: Sequence[corpus.Topic]) -> None:
        """Learn from `topics`; half a second for those of CPython."""
        self.tokenizer = Tokenizer(passage for topic in topics for passage in topic.passages)
        self._subjects = Subjects(topics)
        tokens = [self.tokenizer.end_id]
        self._parts = []
        for topic in topics:
            start = len(tokens) - 1  # the end of the text before is the context of a beginning
            for passage in topic.passages:
                tokens += [*self.tokenizer.encode(passage), self.tokenizer.end_id]
            self._parts.append(slice(start, len(tokens)))
        self._ngrams = NgramModel(tokens, len(self.tokenizer))

    @classmethod
    def load(cls) -> Language:
        """Return the model of CPython's help topics."""
        return cls(corpus.load())

    def focus(self, prompt: str) -> slice | None:
        """Return the part of the corpus a prompt is about, None if it is about nothing known."""
        best = self._subjects.best(prompt)
        return None if best is None else self._parts[best]

    def beginning(self, prompt: str) -> list[int]:
        """Return the tokens an answer follows: those of the prompt, or a text's beginning for a chat turn."""
        _, is_chat, turn = prompt.rpartition(START)
        own = turn.partition("\n")[2] if is_chat else prompt
        return [self.tokenizer.end_id, *self.tokenizer.encode(own.rpartition(END)[2])]

    def distribution(self, context: Sequence[int], focus: slice | None) -> NDArray[np.float64]:
        """Return the probability of every token after a context."""
        return self._ngrams.distribution(context[-LONGEST_CONTEXT:], focus)
