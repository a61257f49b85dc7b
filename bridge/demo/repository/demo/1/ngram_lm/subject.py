"""Which topic a prompt is about.

Rule: words and scores; what follows from the choice is `language.py`'s.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ngram_lm.corpus import Topic

WORD: Final = re.compile(r"[a-z]+")
LAST_USER_MESSAGE: Final = re.compile(r".*<\|im_start\|>user\n(.*?)(?:<\|im_end\|>|\Z)", re.DOTALL)
HEADING_WEIGHT: Final = 3.0
SATURATION: Final = 1.5
"""BM25's k1: how soon more of the same word adds nothing."""


class Subjects:
    """An index of the topics' words."""

    def __init__(self, topics: Iterable[Topic]) -> None:
        self._headings = [Counter(_words(f"{topic.name} {topic.heading}")) for topic in topics]
        self._texts = [Counter(_words(" ".join(topic.passages))) for topic in topics]
        spread = Counter(word for text in self._texts for word in text)
        self._rarity = {word: math.log(len(self._texts) / count) for word, count in spread.items()}
        self._mean_length = sum(text.total() for text in self._texts) / max(1, len(self._texts))

    def best(self, prompt: str) -> int | None:
        """Return the number of the topic that the last user message, or else the prompt, matches best."""
        message = LAST_USER_MESSAGE.match(prompt)
        words = set(_words(message[1] if message else prompt)) & self._rarity.keys()
        scores = [self._score(number, words) for number in range(len(self._texts))]
        best = max(range(len(scores)), key=scores.__getitem__, default=None)
        return best if best is not None and scores[best] > 0 else None

    def _score(self, number: int, words: set[str]) -> float:
        heading, text = self._headings[number], self._texts[number]
        length = SATURATION * text.total() / self._mean_length
        return sum(
            self._rarity[word] * (HEADING_WEIGHT * (word in heading) + text[word] / (text[word] + length))
            for word in words
        )


def _words(text: str) -> list[str]:
    """Return the words of a text without case and plural."""
    return [word.removesuffix("s") for word in WORD.findall(text.lower())]
