"""Text to token ids and back, without loss for any text.

A token is a word or a punctuation mark with the space before it, a run of newlines or spaces, a single byte,
or a special token. The vocabulary is what the corpus holds; all else falls to known pieces, then to bytes.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

START: Final = "<|im_start|>"
END: Final = "<|im_end|>"
SPECIAL_TOKENS: Final = (START, END)
BYTES: Final = range(len(SPECIAL_TOKENS), len(SPECIAL_TOKENS) + 256)
"""The ids of the 256 byte tokens."""
PIECE: Final = re.compile(r" ?\w+|\n+| +(?= [\w])| ?[^\w\s]| +|\s")
SPECIAL: Final = re.compile("(" + "|".join(map(re.escape, SPECIAL_TOKENS)) + ")")


class Tokenizer:
    """Ids 0 and 1 are the special tokens, then come the bytes, then the corpus's own tokens by frequency."""

    def __init__(self, texts: Iterable[str]) -> None:
        counts = Counter(piece for text in texts for piece in PIECE.findall(text))
        words = sorted(counts, key=lambda word: (-counts[word], word))
        self._texts = [
            *(token.encode() for token in SPECIAL_TOKENS),
            *(bytes([value]) for value in range(256)),
            *(word.encode() for word in words),
        ]
        self._ids = {word: number for number, word in enumerate(words, start=BYTES.stop)}
        self._longest = max(map(len, words), default=0)
        self.end_id = SPECIAL_TOKENS.index(END)

    def __len__(self) -> int:
        return len(self._texts)

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, whose special tokens count as such."""
        ids: list[int] = []
        for part in SPECIAL.split(text):
            if part in SPECIAL_TOKENS:
                ids.append(SPECIAL_TOKENS.index(part))
            else:
                for piece in PIECE.findall(part):
                    known = self._ids.get(piece)
                    ids.extend(self._pieces(piece) if known is None else (known,))
        return ids

    def bytes_of(self, token: int) -> bytes:
        """Return the UTF-8 of a token; of a byte token, one byte."""
        return self._texts[token]

    def decode(self, tokens: Iterable[int]) -> str:
        """Return the text of tokens, special ones included; bytes that are no UTF-8 become U+FFFD."""
        return b"".join(map(self.bytes_of, tokens)).decode(errors="replace")

    def is_special(self, token: int) -> bool:
        """Whether a token is no text."""
        return token < len(SPECIAL_TOKENS)

    def _pieces(self, word: str) -> Iterator[int]:
        """Yield the longest known beginnings of what is left of a word, bytes where there is none."""
        start = 0
        while start < len(word):
            for stop in range(min(len(word), start + self._longest), start, -1):
                known = self._ids.get(word[start:stop])
                if known is not None:
                    yield known
                    start = stop
                    break
            else:
                yield from (BYTES.start + value for value in word[start].encode(errors="surrogatepass"))
                start += 1
