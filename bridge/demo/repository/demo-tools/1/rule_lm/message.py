"""What the user's message offers for the values of an answer: numbers, places, names, quoted text, words.

Rule: text in, pieces of it out, in their order; which piece fits where is `hints.py`'s.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

TOKEN: Final = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|\d[\w.:,-]*|[^\w\s]")  # noqa: RUF001
WORD: Final = re.compile(r"[A-Z]?[a-z]+|[^\W\d_]+|\d+")
QUOTED: Final = re.compile(r"\"([^\"]+)\"|“([^”]+)”|`([^`]+)`|(?<!\w)'([^']+)'(?!\w)")
NUMBER: Final = re.compile(r"(?<![\w.])-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
NO_NUMBERS: Final = re.compile(r"\S*[@/]\S*|\d+(?:[-:.]\d+){2,}\S*|\d+:\d+|\S*-\S*-\S*-\S*")
"""Addresses, dates, times and ids: their digits are no numbers of their own."""
MATHS: Final = re.compile(r"[\d(][\d\s.+*/^()×÷%-]*[\d)]")  # noqa: RUF001
PREPOSITIONS: Final = frozenset({"in", "at", "to", "from", "for", "near", "of", "around", "between"})
DAY: Final = re.compile(rf"\b(?:today|tomorrow|{'|'.join(calendar.day_name)})\b", re.IGNORECASE)
NOT_PLACES: Final = frozenset(map(str.lower, [*calendar.month_name[1:], *calendar.day_name]))


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(text.split())


COMMON: Final = word_set(
    "a about am an and any are at be by can could did do does for from get give has have how i in into is "
    "it its let m many me much my now of on one or our out over please s some tell than that the their them "
    "then there these they this those to us use used user using want was we what when where which who whose "
    "why will with would you your"
)
"""Words that say nothing of the subject."""
VERBS: Final = word_set(
    "add ask book buy calculate call check classify compare compute convert create describe draft explain "
    "extract fill find generate hello hey hi i'm list look make multiply open order parse plan put read "
    "remind return schedule search send set show summarize take thank translate update what's where's "
    "who's write"
)
"""Words that are no names where they begin a sentence, though they may say what it is about."""
NO_NAMES: Final = COMMON | VERBS
ALIKE: Final = 5
"""Words that begin with this many equal letters count as the same."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number and the words around it."""

    value: float
    near: frozenset[str]


@dataclass(frozen=True)
class Message:
    """One message, read on demand."""

    text: str
    facts: Mapping[str, list[Any]] = field(default_factory=dict)
    """What the tools have said since: values by the names they had."""
    reply: str = ""
    """A sentence that tells the facts."""
    part: int | None = None
    """Which of several places the answer is about, None for all."""

    @cached_property
    def words(self) -> list[str]:
        """The words as one compares them."""
        return compared(self.text)

    @cached_property
    def chunks(self) -> list[str]:
        """What stands between white space, without the marks around it."""
        return [chunk for each in self.text.split() if (chunk := each.strip(".,;:!?()[]{}<>\"'“”`"))]

    @cached_property
    def quoted(self) -> list[str]:
        """The texts in quotation marks."""
        return ["".join(groups) for groups in QUOTED.findall(self.text)]

    @cached_property
    def maths(self) -> list[str]:
        """The expressions to calculate."""
        return [found.strip() for found in MATHS.findall(self.text) if re.search(r"\d\D+\d", found)]

    @cached_property
    def days(self) -> list[str]:
        """The dates in digits, then days of the week and the like."""
        return [*re.findall(r"\b\d{4}-\d\d-\d\d\b", self.text), *DAY.findall(self.text)]

    @cached_property
    def numbers(self) -> list[Number]:
        """The numbers, whole ones as int."""
        text = NO_NUMBERS.sub(lambda found: " " * len(found[0]), self.text)
        return [_number(text, found) for found in NUMBER.finditer(text)]

    @cached_property
    def places(self) -> list[tuple[str, str]]:
        """The places that prepositions name, as (preposition, place)."""
        found = [] if self.part is None else [replace(self, part=None).places[self.part]]
        return found or _places(TOKEN.findall(self.text))

    @cached_property
    def names(self) -> list[str]:
        """The capitalised phrases, those that are no places first."""
        tokens, found, index = TOKEN.findall(self.text), [], 0
        while index < len(tokens):
            phrase, end = _capitalised(tokens, index)
            found += [phrase] if phrase else []
            index = max(end, index + 1)
        places = {place for _, place in self.places}
        return sorted((name for name in found if name.lower() not in NOT_PLACES), key=places.__contains__)

    def parts(self, no_places: Collection[str]) -> list[Message]:
        """Return the message for each of its places, of which some are none, if it has several."""
        if self.part is not None:
            return []
        found = [
            replace(self, part=number)
            for number, (_, place) in enumerate(self.places)
            if place.lower() not in no_places
        ]
        return found if len(found) > 1 else []

    def shared(self, text: str) -> int:
        """Return how many different words that mean something a text has in common with the message."""
        mine = {word for word in self.words if word not in COMMON}
        return len({word for word in compared(text) if any(_alike(word, own) for own in mine)})

    def mentions(self, text: str) -> bool:
        """Whether all words of a text stand in the message side by side."""
        wanted = " ".join(compared(text))
        return bool(wanted) and f" {wanted} " in f" {' '.join(self.words)} "


def compared(text: str) -> list[str]:
    """Return the words of a text, of `snake_case` and `camelCase` too, without case and plural."""
    return [_stem(word.lower()) for word in WORD.findall(text)]


def _stem(word: str) -> str:
    if word.endswith("ies") and len(word) > ALIKE:
        return f"{word[:-3]}y"
    return word.removesuffix("s") if len(word) > 3 and not word.endswith("ss") else word  # noqa: PLR2004


def _alike(one: str, other: str) -> bool:
    return one == other or (len(one) > ALIKE and one[:ALIKE] == other[:ALIKE])


def _number(text: str, found: re.Match[str]) -> Number:
    digits = found[0].replace(",", "")
    near = [*compared(text[: found.start()])[-2:], *compared(text[found.end() :])[:2]]
    return Number(float(digits) if "." in digits else int(digits), frozenset(near))


def _capitalised(tokens: Sequence[str], start: int) -> tuple[str, int]:
    """Return the capitalised words from `start` on as one phrase, and where they end."""
    end = start
    while end < len(tokens) and tokens[end][0].isupper() and tokens[end].lower() not in NO_NAMES:
        end += 1
    return " ".join(tokens[start:end]).removesuffix("'s").removesuffix("’s"), end  # noqa: RUF001


def _places(tokens: Sequence[str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for index, token in enumerate(tokens):
        if token.lower() in PREPOSITIONS:
            start = index + 1
            while start < len(tokens) and (tokens[start] == "the" or tokens[start][0].isdigit()):
                start += 1
            found += [(token.lower(), place) for place in _series(tokens, start)]
    return [(word, place) for word, place in found if place.lower() not in NOT_PLACES]


def _series(tokens: Sequence[str], start: int) -> list[str]:
    """Return the places of "Rome, Oslo and Bern"; "Rome, Italy" is one."""
    place, end = _capitalised(tokens, start)
    if not place:
        return _last_word(tokens, start) if tokens[start - 1] in ("in", "near", "to") else []
    places, joints = [place], set()
    while end < len(tokens) and tokens[end] in (",", "and", "or", "&"):
        start = end + 1 + (tokens[end] == "," and tokens[end + 1 : end + 2] in (["and"], ["or"]))
        joints.update(tokens[end:start])
        place, end = _capitalised(tokens, start)
        if not place:
            break
        places.append(place)
    return places if joints - {","} else [", ".join(places)]


def _last_word(tokens: Sequence[str], start: int) -> list[str]:
    """Return the word at `start` if the message ends with it: who writes no capitals still names places."""
    first, *others = tokens[start:] or [""]
    is_last = first.isalpha() and not any(token[0].isalnum() for token in others)
    return [first] if is_last and first.lower() not in NO_NAMES else []
