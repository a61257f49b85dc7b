"""The tokenizer of the TensorRT-LLM stand-ins: a token is a byte, so any model of the chain can read it.

Word lists have TensorRT-LLM's form: a row of all ids and a row of where each word ends, padded with -1.
"""

from __future__ import annotations

from itertools import accumulate, zip_longest


def encode(text: str) -> list[int]:
    """Return the ids of a text."""
    return list(text.encode())


def word_list(words: list[str]) -> list[list[int]]:
    """Return the two rows of a word list; no words are one row of padding each."""
    ids = [number for word in words for number in encode(word)]
    ends = list(accumulate(len(encode(word)) for word in words))
    pairs = list(zip_longest(ids, ends, fillvalue=-1)) or [(0, -1)]
    return [[row[at] for row in pairs] for at in (0, 1)]


def words(rows: list[int]) -> list[bytes]:
    """Return the words of a flattened word list."""
    ids, ends = rows[: len(rows) // 2], [end for end in rows[len(rows) // 2 :] if end >= 0]
    return [bytes(ids[start:end]) for start, end in zip([0, *ends], ends, strict=False)]
