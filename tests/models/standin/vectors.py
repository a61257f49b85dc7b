"""The vectors that the embedding stand-ins give: a function of the input, so that a test knows them too."""

from __future__ import annotations

import json
import zlib

LENGTH = 8


def vector(given: str | list[int], length: int = LENGTH) -> list[float]:
    """Return a vector that is exact in half precision: multiples of 1/8 between -16 and 16."""
    digest = zlib.crc32((given if isinstance(given, str) else json.dumps(given)).encode())
    return [((digest >> (3 * place)) & 0xFF) / 8 - 16 for place in range(length)]


def token_count(given: str | list[int]) -> int:
    """Return what a stand-in counts: token ids, or the words of a text."""
    return len(given.split()) if isinstance(given, str) else len(given)
