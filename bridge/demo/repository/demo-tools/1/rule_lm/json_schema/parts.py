"""What objects and arrays have in common: schemas in force at once, and parts whose values are varied.

Rule: nothing here knows which of the two it serves.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rule_lm.json_schema.document import Schema
    from rule_lm.json_schema.values import Values
    from rule_lm.place import Place

OTHERS: Final = 40
"""Other values of one part that are tried in a whole that is not valid, or not to be repeated."""

Key: TypeAlias = "str | int"


@dataclass(frozen=True, slots=True)
class Site:
    """Where a whole is made: the plain schemas that all hold for it, and the references that led there."""

    values: Values
    schemas: list[dict[str, Any]]
    place: Place
    references: tuple[str, ...]

    def least(self, keyword: str) -> int:
        """Return what the schemas demand at least by this keyword."""
        return max((schema.get(keyword, 0) for schema in self.schemas), default=0)

    def most(self, keyword: str) -> int | None:
        """Return what the schemas allow at most by this keyword, None for no limit."""
        return min((schema[keyword] for schema in self.schemas if keyword in schema), default=None)


@dataclass(frozen=True, slots=True)
class Part:
    """One property or item."""

    schema: Schema
    place: Place

    def values(self, values: Values) -> Iterator[Any]:
        """Yield its values, the best first."""
        return values.of(self.schema, self.place)


def together(schemas: list[Schema]) -> Schema:
    """Return a schema that demands what all of these do."""
    demands = [schema for schema in schemas if schema is not True]
    if False in demands:
        return False
    return demands[0] if len(demands) == 1 else {"allOf": demands} if demands else True


def others(values: Values, parts: dict[Key, Part]) -> Iterator[tuple[Key, Any]]:
    """Yield single changes of a whole: which part, and what else it may be."""
    for key, part in parts.items():
        for value in islice(part.values(values), 1, OTHERS):
            yield key, value
