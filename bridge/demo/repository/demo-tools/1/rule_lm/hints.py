"""What the user said that may be the value at a place, by the place's name and what is demanded there.

Rule: candidates only. Whether one is valid is the schema's, so a number may be offered for a text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from rule_lm.json_schema.formats import FORMATS
from rule_lm.message import compared, word_set

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rule_lm.message import Message
    from rule_lm.place import Place

PLACES: Final = word_set("city country destination location origin place region town where")
ORIGINS: Final = frozenset({"departure", "from", "origin", "source", "start"})
DESTINATIONS: Final = frozenset({"arrival", "destination", "target", "to"})
PEOPLE: Final = word_set(
    "attendee author customer guest member name participant person player recipient sender to user who"
)
MATHS: Final = frozenset({"calculation", "equation", "expression", "formula"})
QUESTIONS: Final = word_set(
    "body content input keyword message prompt q query question request search term text"
)
ANSWERS: Final = word_set(
    "answer conclusion explanation output reasoning reply report response result summary"
)
ADDRESSES: Final = frozenset({"address", "email", "link", "mail", "recipient", "to", "uri", "url", "website"})
STRUCTURE: Final = frozenset({"additionalProperties", "items", "prefixItems", "properties", "required"})
NUMBERS: Final = ("integer", "number")
YES: Final = frozenset({"false", "no", "true", "yes"})


def hinted(place: Place, schemas: Sequence[dict[str, Any]]) -> Iterator[Any]:
    """Yield what the user said for a place, the best first; `schemas` are those in force there."""
    message, words = place.message, set(compared(place.name))
    yield from message.facts.get(" ".join(compared(place.name)), ())
    if any("type" not in schema and STRUCTURE & schema.keys() for schema in schemas):
        return  # an object or array, though nothing says so
    members = [member for schema in schemas for member in schema.get("enum", ())]
    yield from _mentioned(members, message)
    if any(_is_precise(schema) for schema in schemas):
        yield from (*message.quoted, *message.chunks)
    elif not members:
        yield from _texts(place, words)
    yield from _numbers(place, words)
    if words and message.mentions(place.name):
        said = {word for word in message.words if word in YES}
        yield not said & {"false", "no"}


def kind(name: str, schemas: Sequence[dict[str, Any]]) -> str:
    """Return what a value is counted with: numbers with numbers, places with places, names with names."""
    types = [each for schema in schemas for each in listed(schema.get("type", ()))]
    if any(each in NUMBERS for each in types):
        return "number"
    words = set(compared(name))
    return "place" if words & PLACES else "person" if words & PEOPLE else "text"


def is_about_places(names: Sequence[str]) -> bool:
    """Whether just one of an object's properties is a place, so that several places make several objects."""
    return sum(bool(PLACES & set(compared(name))) for name in names) == 1


def listed(types: str | list[str]) -> list[str]:
    """Return the types that a `type` names."""
    return [types] if isinstance(types, str) else list(types)


def _is_precise(schema: dict[str, Any]) -> bool:
    """Whether a text is told from others by its form, so that any word may be tried."""
    return "pattern" in schema or schema.get("format") in FORMATS


def _mentioned(members: list[Any], message: Message) -> list[str]:
    """Return the members of an enumeration that the message mentions, those of more words first."""
    found = [member for member in members if isinstance(member, str) and message.mentions(member)]
    return sorted(found, key=lambda member: -len(compared(member)))


def _texts(place: Place, words: set[str]) -> Iterator[str]:
    """Yield texts by what the words of the name mean."""
    message = place.message
    if words & ADDRESSES:
        yield from (chunk for chunk in message.chunks if re.search(r"\w@\w|://", chunk))
    if words & MATHS:
        yield from message.maths
    if words & ANSWERS and message.reply:
        yield message.reply
    if words & (PLACES | ORIGINS | DESTINATIONS):
        yield from _places(place, words)
    if words & PEOPLE:
        yield from message.names[place.ordinal :]
    if words & {"date", "day", "when"}:
        yield from message.days
    yield from message.quoted[place.ordinal :]
    if words & QUESTIONS and message.text.strip():
        yield message.text.strip()


def _places(place: Place, words: set[str]) -> list[str]:
    """Return the places, first the one after "from" or "to" where it belongs."""
    found = place.message.places
    for names, preposition in ((ORIGINS, "from"), (DESTINATIONS, "to")):
        if words & names:
            found = [(before, name) for before, name in found if before == preposition] or found
            return [name for _, name in found]
    return [name for _, name in found][place.ordinal :] or place.message.names


def _numbers(place: Place, words: set[str]) -> list[float]:
    """Return the numbers, first those beside a word of the place's name."""
    numbers = place.message.numbers
    near = [number.value for number in numbers if words & number.near]
    return [*near, *(number.value for number in numbers[place.ordinal :])]
