"""Texts that match a regular expression, the shortest first.

Rule: candidates only, for whoever checks them; look-around is not looked after. The expression is taken apart
by Python's own parser, which is no public interface but has kept its form since Python 2.
"""

from __future__ import annotations

import re
import string
from functools import lru_cache
from itertools import chain, cycle, islice
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Items: TypeAlias = "tuple[tuple[Any, Any], ...]"
"""A class of characters, as the parser has it."""
ALPHABET: Final = string.ascii_letters + string.digits + " _-.,:;/@#" + string.punctuation + "\n\täéßжλ日"
"""What is tried for a character, in this order."""
EXTRA: Final = (0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144)
"""How many more repetitions than the fewest are tried."""
LOOKS: Final = 12
"""How many different texts of one length are tried."""
TRIES: Final = 500
"""Texts that are tried where the whole must match."""
LONGEST: Final = 10_000
"""Characters of the longest text."""
CATEGORIES: Final[dict[Any, Callable[[str], bool]]] = {
    codes.CATEGORY_DIGIT: str.isdecimal,
    codes.CATEGORY_SPACE: str.isspace,
    codes.CATEGORY_WORD: lambda each: each.isalnum() or each == "_",
    codes.CATEGORY_NOT_DIGIT: lambda each: not each.isdecimal(),
    codes.CATEGORY_NOT_SPACE: lambda each: not each.isspace(),
    codes.CATEGORY_NOT_WORD: lambda each: not (each.isalnum() or each == "_"),
}


def matching(pattern: str, wanted: Iterable[str]) -> str:
    """Return a text that a pattern matches as a whole, one of those wanted if there is one.

    Raises:
        ValueError: none was found, or the pattern is no regular expression as Python has it.
    """
    tried = islice(texts(pattern), TRIES)  # first of all: it knows what is no pattern
    first = next(tried, "")
    for text in chain(wanted, [first], tried):
        if re.fullmatch(pattern, text):
            return text
    raise ValueError(f"this model finds no text for the regular expression {pattern!r}")


def texts(pattern: str, least: int = 0, most: int | None = None) -> Iterator[str]:
    """Yield texts that match a pattern and have `least` to `most` characters, perhaps none.

    Raises:
        ValueError: the pattern is no regular expression as Python has it, or its texts are too long.
    """
    try:
        tree = parser.parse(pattern)
    except (re.error, OverflowError) as error:
        raise ValueError(f"{pattern!r} is no regular expression as Python has it: {error}") from error
    missing = max(0, least - len(Text(0, 0).of(tree)))
    seen = set()
    for extra in dict.fromkeys((missing, *EXTRA, *range(missing + 1, missing + 9))):
        for look in range(LOOKS):
            text = Text(extra, look).of(tree)
            if text not in seen and len(text) >= least and (most is None or len(text) <= most):
                seen.add(text)
                yield text


def containing(pattern: str, least: int = 0, most: int | None = None) -> Iterator[str]:
    """Yield texts of `least` to `most` characters in which a pattern may be found, then ever longer ones.

    Raises:
        ValueError: as `texts`.
    """
    yield from islice(texts(pattern, least, most), TRIES)
    first = next(texts(pattern), "")
    for length in range(max(1, least - len(first)), least + TRIES if most is None else most + 1):
        filler = "".join(islice(cycle(string.ascii_lowercase), length))
        yield from (first + filler, filler + first)


class Text:
    """One text: `extra` repetitions are spent where they may be, `look` tells it from others."""

    def __init__(self, extra: int, look: int) -> None:
        self._extra = extra
        self._look = look
        self._written = 0
        self._groups: dict[int, str] = {}

    def of(self, tree: Any) -> str:
        """Return the text for a parsed pattern, or a part of one."""
        return "".join(self._part(code, argument) for code, argument in tree)

    def _part(self, code: Any, argument: Any) -> str:
        if code is codes.LITERAL:
            return self._character([(code, argument)])
        if code in (codes.NOT_LITERAL, codes.ANY):
            return self._character([(codes.NEGATE, None), (codes.LITERAL, argument or ord("\n"))])
        if code is codes.IN:
            return self._character(argument)
        if code is codes.BRANCH:
            return self.of(argument[1][self._look % len(argument[1])])
        if code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            return self._repeated(*argument)
        if code is codes.ATOMIC_GROUP:
            return self.of(argument)
        if code is codes.SUBPATTERN:
            number, _, _, inner = argument
            self._groups[number] = text = self.of(inner)
            return text
        return self._groups.get(argument, "") if code is codes.GROUPREF else ""

    def _repeated(self, fewest: int, most: int, inner: Any) -> str:
        more = min(self._extra, most - fewest)
        self._extra -= more
        if fewest + more > LONGEST:
            raise ValueError(f"a regular expression demands more than {LONGEST} repetitions")
        return "".join(self.of(inner) for _ in range(fewest + more))

    def _character(self, items: list[tuple[Any, Any]]) -> str:
        """Return a character of a class; later ones of a text, and other looks, differ where they can."""
        if self._written > LONGEST:
            raise ValueError(f"a regular expression demands more than {LONGEST} characters")
        fitting = _fitting(tuple(items))
        stride = 1 if self._look < LOOKS // 2 else len(string.ascii_lowercase) + 1  # the second mixes kinds
        number = self._look + self._written * stride
        self._written += 1
        return fitting[number % len(fitting)] if fitting else ""


@lru_cache
def _fitting(items: Items) -> list[str]:
    """Return the characters of a class, those of the alphabet first."""
    return [character for character in _tried(items) if _is_in(items, character)]


def _tried(items: Items) -> Iterator[str]:
    yield from ALPHABET
    for code, argument in items:
        if code in (codes.LITERAL, codes.RANGE):
            yield chr(argument if code is codes.LITERAL else argument[0])


def _is_in(items: Items, character: str) -> bool:
    negated = items[0][0] is codes.NEGATE
    return negated != any(_is(code, argument, character) for code, argument in items)


def _is(code: Any, argument: Any, character: str) -> bool:
    if code is codes.RANGE:
        first, last = argument
        return first <= ord(character) <= last
    if code is codes.CATEGORY:
        return CATEGORIES[argument](character)
    return code is codes.LITERAL and ord(character) == argument
