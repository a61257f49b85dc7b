"""Values for a schema, the best first: what the user said, then what the schema offers, then made-up ones.

Rule: the order of the attempts, and that only valid values come out. How a value of one type is made up is
the business of `scalars.py`, `objects.py` and `arrays.py`.
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from rule_lm.hints import hinted, is_about_places, listed
from rule_lm.json_schema.arrays import arrays
from rule_lm.json_schema.objects import objects
from rule_lm.json_schema.parts import Site
from rule_lm.json_schema.scalars import MAKERS
from rule_lm.json_schema.validation import same, valid
from rule_lm.json_schema.variants import variants

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rule_lm.json_schema.document import Document, Schema
    from rule_lm.message import Message
    from rule_lm.place import Place

EFFORT: Final = 20_000
"""Attempts until a schema is given up; a usual one takes some dozens."""
LOOK_AHEAD: Final = 50
"""Ways to satisfy a schema that are looked at for what its value may be."""
TYPES: Final = ("string", "number", "integer", "boolean", "object", "array", "null")
"""All types, in the order in which they are tried where any will do."""
TELLING: Final = {
    "object": {"properties", "required", "additionalProperties", "patternProperties", "minProperties"},
    "array": {"items", "prefixItems", "minItems", "maxItems", "contains", "uniqueItems"},
    "string": {"minLength", "maxLength", "pattern", "format"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "integer": set(),
    "boolean": set(),
    "null": set(),
}
"""Type -> keywords by which to guess it where none is named."""


class TooHard(ValueError):  # noqa: N818 - says what happened
    """The schema demands more attempts than are made."""


class Values:
    """The values for one document."""

    def __init__(self, document: Document, scores: Mapping[str, int] | None = None) -> None:
        """Prepare; `scores` says how well functions fit whose names may stand in the schema."""
        self.document = document
        self._scores = scores or {}
        self._effort = EFFORT

    def best(self, place: Place) -> Any:
        """Return the best value for the whole document.

        Raises:
            ValueError: none was found; the message says so.
        """
        for value in self.of(self.document.root, place):
            return value
        raise ValueError(f"{self.document.name}: this model finds no value that satisfies the schema")

    def of(self, schema: Schema, place: Place) -> Iterator[Any]:
        """Yield values valid under a schema, the best first, perhaps some of them twice.

        Raises:
            TooHard: it took too many attempts.
        """
        if next(self._variants(schema, place), None) is None:  # or a reference would go round without end
            return
        for value in self._candidates(schema, place):
            self._effort -= 1
            if self._effort < 0:
                raise TooHard(f"{self.document.name}: the schema is too complicated for this model")
            if valid(self.document, schema, value):
                yield value

    def is_hinted(self, schema: Schema, place: Place) -> bool:
        """Whether the user said something for a place."""
        return any(valid(self.document, schema, value) for value in self._said(schema, place))

    def plain(self, schema: Schema, place: Place) -> list[dict[str, Any]]:
        """Return the plain schemas in force at a place, of all ways to satisfy its schema."""
        ways = islice(self._variants(schema, place), LOOK_AHEAD)
        return list({id(each): each for schemas, _ in ways for each in schemas}.values())

    def subjects(self, schema: Schema, place: Place) -> list[Message]:
        """Return the message for each place the user named, if the schema is one of objects about a place."""
        schemas, _ = next(self._variants(schema, place), ([], ()))
        inner = [self._resolved(each) for one in schemas for each in one.get("properties", {}).values()]
        names = chain(*(each.get("properties", ()) for each in (*schemas, *inner)))
        members = {text.lower() for each in (*schemas, *inner) for text in _told(each)}
        return place.message.parts(members) if is_about_places(list(names)) else []

    def _said(self, schema: Schema, place: Place) -> Iterator[Any]:
        """Yield what the user said for a place; for an item, what is left after those before it."""
        said = hinted(place, self.plain(schema, place))
        if place.index is None:
            return said
        fitting: list[Any] = []
        for value in said:
            if valid(self.document, schema, value) and not any(same(value, other) for other in fitting):
                fitting.append(value)
        return iter(fitting[place.index :])

    def _candidates(self, schema: Schema, place: Place) -> Iterator[Any]:
        yield from self._said(schema, place)
        if place.is_brief:
            yield None
        for schemas, references in self._variants(schema, place):
            yield from self._offered(schemas, place)
            if any("enum" in each or "const" in each for each in schemas):
                yield from _members(schemas)
            else:
                for name in _types(schemas):
                    yield from self._made_up(name, schemas, place, references)

    def _offered(self, schemas: list[dict[str, Any]], place: Place) -> Iterator[Any]:
        """Yield defaults and examples; empty ones show little, so they come only where brevity is wanted."""
        for schema in schemas:
            examples = schema.get("examples")
            offers = [schema["default"]] if "default" in schema else []
            for offer in chain(offers, examples if isinstance(examples, list) else ()):
                if place.is_brief or offer not in (None, "", [], {}):
                    yield offer

    def _made_up(
        self, name: str, schemas: list[dict[str, Any]], place: Place, references: tuple[str, ...]
    ) -> Iterator[Any]:
        if name in MAKERS:
            return MAKERS[name](schemas, place)
        return (objects if name == "object" else arrays)(Site(self, schemas, place, references))

    def _variants(self, schema: Schema, place: Place) -> Iterator[Any]:
        for variant in variants(
            self.document, schema, place.references, lambda choice: self._ranked(choice, place)
        ):
            self._effort -= 1
            yield variant

    def _ranked(self, choice: Sequence[Schema], place: Place) -> list[Schema]:
        """Return the members of a choice, those first that have most in common with the message."""

        def score(member: Schema) -> int:
            texts = _told(self._resolved(member))
            known = [self._scores[text] for text in texts if text in self._scores]
            return max(known) if known else place.message.shared(" ".join(texts))

        return sorted(choice, key=score, reverse=True)

    def _resolved(self, schema: Schema) -> dict[str, Any]:
        """Return a schema, or what its reference leads to."""
        for _ in range(LOOK_AHEAD):
            if not isinstance(schema, dict) or "$ref" not in schema:
                break
            schema = self.document.target(schema["$ref"])
        return schema if isinstance(schema, dict) else {}


def _told(schema: dict[str, Any]) -> list[str]:
    """Return the texts of a schema that say what it is about."""
    members = schema.get("properties", {})
    inner = [schema, *(each for each in members.values() if isinstance(each, dict))]
    texts = [schema.get("title"), schema.get("description"), *members]
    texts += [text for each in inner for text in (each.get("const"), *each.get("enum", ()))]
    return [text for text in texts if isinstance(text, str)]


def _members(schemas: list[dict[str, Any]]) -> Iterator[Any]:
    """Yield the values that the schemas list."""
    for schema in schemas:
        if "const" in schema:
            yield schema["const"]
        yield from schema.get("enum", ())


def _types(schemas: list[dict[str, Any]]) -> list[str]:
    """Return the types a value may have, the best first, null last unless it is the only one."""
    declared = [listed(schema["type"]) for schema in schemas if "type" in schema]
    keywords = {keyword for schema in schemas for keyword in schema}
    order = declared[0] if declared else sorted(TYPES, key=lambda name: not TELLING[name] & keywords)
    if "number" in order and declared:
        order = [*order, "integer"]
    allowed = [
        name
        for name in dict.fromkeys(order)
        if all(name in types or (name == "integer" and "number" in types) for types in declared)
    ]
    return sorted(allowed, key=lambda name: name == "null")
