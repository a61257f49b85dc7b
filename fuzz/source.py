"""Choices drawn from the bytes that a fuzzer makes up; after their end every choice is the first."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

_DEEPEST = 5
_NUMBERS = (0, 1, -1, 2, 20, 128, 2**31, -(2**31) - 1, 2**53 + 1, 2**63, -(2**63) - 1, 2**64)
_FLOATS = (0.5, -0.0, 1.0, 2.0, 1e18, -1e300, 5e-324)


class Source:
    """Reads bytes as choices."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def below(self, count: int) -> int:
        """Return a number from 0 to `count` - 1."""
        size = (max(count - 1, 1).bit_length() + 7) // 8
        return int.from_bytes(self.take(size), "little") % count

    def pick(self, values: Sequence[T]) -> T:
        """Return one of `values`."""
        return values[self.below(len(values))]

    def flag(self) -> bool:
        """Return a truth value."""
        return bool(self.below(2))

    def take(self, size: int) -> bytes:
        """Return up to `size` bytes."""
        taken = self._data[self._at : self._at + size]
        self._at += len(taken)
        return taken

    def rest(self) -> bytes:
        """Return all bytes that are left."""
        return self.take(len(self._data))

    @property
    def ended(self) -> bool:
        """Whether no byte is left."""
        return self._at >= len(self._data)

    def text(self, words: Sequence[str], longest: int = 200) -> str:
        """Return a text made of `words` and of bytes as they are."""
        pieces: list[str] = []
        while not self.ended and len(pieces) < longest:
            choice = self.below(256)
            if choice == 0:
                break
            if choice < 2 * len(words) and choice % 2:
                pieces.append(words[choice // 2])
            else:
                pieces.append(bytes([choice]).decode("latin-1"))
        return "".join(pieces)

    def cut(self, text: str) -> list[str]:
        """Return a text in pieces."""
        places = sorted(self.below(len(text) + 1) for _ in range(self.below(6)))
        return [text[a:b] for a, b in pairwise([0, *places, len(text)])]

    def json(self, names: Sequence[str], words: Sequence[str], depth: int = _DEEPEST) -> Any:
        """Return a JSON value, whose keys are mostly `names` and whose strings mostly `words`."""
        match self.below(10 if depth else 7):
            case 0 | 1:
                return self.pick(words)
            case 2:
                return self.text(words, 8)
            case 3:
                return self.pick((True, False, None))
            case 4:
                return self.pick(_NUMBERS)
            case 5:
                return self.below(300)
            case 6:
                return self.pick(_FLOATS)
            case 7:
                return [self.json(names, words, depth - 1) for _ in range(self.below(4))]
        return {
            self.pick(names) if self.below(8) else self.text(names, 4): self.json(names, words, depth - 1)
            for _ in range(self.below(6))
        }
