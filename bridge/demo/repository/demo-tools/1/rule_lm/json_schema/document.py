"""A schema as a whole: every keyword in it checked once, and what its references lead to.

Rule: whether a schema can be understood, and where it leads; not what is valid under it.
"""

from __future__ import annotations

import math
import re
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Schema: TypeAlias = "dict[str, Any] | bool"

TYPES: Final = ("string", "integer", "number", "boolean", "object", "array", "null")
MOST: Final = 5000
"""The largest length or number of items that a schema may demand: more than an answer can hold."""
UNSUPPORTED: Final = frozenset({
    "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveAnchor", "$recursiveRef", "unevaluatedItems",
    "unevaluatedProperties",
})  # fmt: skip
"""Keywords that demand something which is not looked after here."""
LISTS: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
"""Keywords with a list of schemas."""
MAPS: Final = ("$defs", "definitions", "dependentSchemas", "patternProperties", "properties")
"""Keywords with schemas by name."""
SINGLE: Final = ("additionalItems", "additionalProperties", "contains", "else", "if", "items", "not")
SINGLE_TOO: Final = ("propertyNames", "then")
"""Keywords with one schema; draft 7's `items` may also be a list."""


class Document:
    """The root schema. `closed` forbids what `properties` does not name, where nothing is said of it."""

    def __init__(self, root: Schema, *, name: str, closed: bool = False) -> None:
        """Check the schema; `name` is what errors call it.

        Raises:
            ValueError: a keyword has a wrong value or is not supported, or a reference leads nowhere.
        """
        self.root = root
        self.name = name
        self.checks_formats = True
        self._additional = not closed
        self._check(root, name)

    @cached_property
    def readings(self) -> tuple[Document, ...]:
        """The document as validators read it: those that check `format`, and those that do not."""
        other = copy(self)
        other.checks_formats = False
        return self, other

    def target(self, reference: str) -> Schema:
        """Return what a `$ref` points to.

        Raises:
            ValueError: it is no JSON pointer into this document, or leads nowhere.
        """
        start, *steps = reference.split("/")
        found: Any = self.root if start == "#" else None
        for step in steps:
            key = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(found, list):
                found = dict(enumerate(found)).get(int(key)) if key.isdecimal() else None
            else:
                found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, (bool, dict)):
            return found
        raise ValueError(f"{self.name}: $ref {reference!r} leads to no schema in this document")

    def property_schemas(self, schema: dict[str, Any], name: str) -> list[Schema]:
        """Return what an object's schema by itself demands of a property of this name."""
        found = [schema["properties"][name]] if name in schema.get("properties", ()) else []
        patterns = schema.get("patternProperties", {})
        found += [inner for pattern, inner in patterns.items() if re.search(pattern, name)]
        return found or [schema.get("additionalProperties", self._additional or "properties" not in schema)]

    def item_schemas(self, schema: dict[str, Any], index: int) -> list[Schema]:
        """Return what an array's schema by itself demands of the item with this index."""
        items = schema.get("items", True)
        first = items if isinstance(items, list) else schema.get("prefixItems", [])
        if index < len(first):
            return [first[index]]
        return [schema.get("additionalItems", True) if isinstance(items, list) else items]

    def _check(self, schema: object, path: str) -> None:
        if isinstance(schema, bool):
            return
        if not isinstance(schema, dict):
            raise ValueError(f"{path} is no schema")  # noqa: TRY004 - the request's fault, not a bug
        if "$id" in schema and schema is not self.root:
            raise ValueError(f"{path}.$id is not supported by this model")
        for keyword, value in schema.items():
            if keyword in UNSUPPORTED:
                raise ValueError(f"{path}.{keyword} is not supported by this model")
            if keyword in CHECKS and not _passes(CHECKS[keyword], value):
                raise ValueError(f"{path}.{keyword} is malformed, or more than this model can do")
        if "$ref" in schema:
            self.target(schema["$ref"])
        for step, inner in _inner(schema):
            self._check(inner, f"{path}.{step}")


def _inner(schema: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """Yield the schemas directly inside of one, each with the way to it."""
    for keyword in (*SINGLE, *SINGLE_TOO):
        if keyword in schema and not isinstance(schema[keyword], list):
            yield keyword, schema[keyword]
    for keyword in (*LISTS, "items"):
        if isinstance(schema.get(keyword), list):
            yield from ((f"{keyword}[{n}]", inner) for n, inner in enumerate(schema[keyword]))
    for keyword in (*MAPS, "dependencies"):
        for name, inner in schema.get(keyword, {}).items():
            if keyword != "dependencies" or not isinstance(inner, list):
                yield f"{keyword}.{name}", inner


def _passes(check: Callable[[Any], object], value: object) -> bool:
    try:
        return bool(check(value))
    except (TypeError, AttributeError, re.error):
        return False


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _least(value: object) -> bool:
    return _size(value) and value <= MOST


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


CHECKS: Final[dict[str, Callable[[Any], object]]] = {
    "$ref": lambda value: isinstance(value, str),
    "type": lambda value: value in TYPES or (value and all(name in TYPES for name in value)),
    "enum": lambda value: isinstance(value, list) and value,
    "required": _texts,
    "pattern": re.compile,
    "format": lambda value: isinstance(value, str),
    "uniqueItems": lambda value: isinstance(value, bool),
    "multipleOf": lambda value: _number(value) and value > 0,
    "dependentRequired": lambda value: all(map(_texts, value.values())),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _number),
    **dict.fromkeys(("maxContains", "maxItems", "maxLength", "maxProperties"), _size),
    **dict.fromkeys(("minContains", "minItems", "minLength", "minProperties"), _least),
    **dict.fromkeys(("allOf", "anyOf", "oneOf"), lambda value: isinstance(value, list) and value),
    "prefixItems": lambda value: isinstance(value, list),
    **dict.fromkeys((*MAPS, "dependencies"), lambda value: isinstance(value, dict)),
    "patternProperties": lambda value: all(map(re.compile, value)),
}
"""Keyword -> whether its value is as it must be. Values that are schemas are checked for themselves."""
