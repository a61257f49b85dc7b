"""Whether a value is valid under a schema: the last word on everything this model says.

Rule: one row per keyword; `document.py` has made sure that no other keyword demands anything.
"""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

from rule_lm.json_schema.formats import has_format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rule_lm.json_schema.document import Document, Schema


def valid(document: Document, schema: Schema, value: object) -> bool:
    """Whether a value is valid under a schema of a document, in every reading of the document."""
    return all(_valid(reading, schema, value) for reading in document.readings)


def _valid(document: Document, schema: Schema, value: object) -> bool:
    if isinstance(schema, bool):
        return schema
    if not _is_one_of(schema, value):
        return False
    for keyword, demand in schema.items():
        types, rule = PLAIN.get(keyword, ((), None))
        if keyword == "format" and not document.checks_formats:
            continue
        if rule and isinstance(value, types) and not isinstance(value, bool) and not rule(demand, value):
            return False
    rules = dict.fromkeys(NESTED[keyword] for keyword in schema if keyword in NESTED)  # each one once
    return all(rule(document, schema, value) for rule in rules)


def same(one: object, other: object) -> bool:
    """Whether two values are equal as JSON: true is not 1, but 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return one == other


def is_of_type(name: str, value: object) -> bool:
    """Whether a value has a type that JSON Schema knows by this name."""
    if name == "integer":
        return type(value) is int or (isinstance(value, float) and value.is_integer())
    return isinstance(value, PYTHON_TYPES[name]) and (name == "boolean") == isinstance(value, bool)


def _is_one_of(schema: dict[str, Any], value: object) -> bool:
    """Check the keywords that hold for values of every type."""
    types = schema.get("type", ())
    if types and not any(is_of_type(name, value) for name in ([types] if isinstance(types, str) else types)):
        return False
    if "const" in schema and not same(schema["const"], value):
        return False
    return "enum" not in schema or any(same(member, value) for member in schema["enum"])


def _is_multiple(step: float, value: float) -> bool:
    """Check exactly, and as validators do that divide floating-point numbers."""
    if Fraction(str(value)) % Fraction(str(step)) != 0:
        return False
    try:
        return value % step == 0 if isinstance(step, int) else (value / step).is_integer()
    except OverflowError:  # beyond what they divide
        return False


def _properties(document: Document, schema: dict[str, Any], value: object) -> bool:
    if not isinstance(value, dict):
        return True
    return all(
        _valid(document, inner, each)
        for name, each in value.items()
        for inner in document.property_schemas(schema, name)
    )


def _property_names(document: Document, schema: dict[str, Any], value: object) -> bool:
    return not isinstance(value, dict) or all(
        _valid(document, schema["propertyNames"], name) for name in value
    )


def _items(document: Document, schema: dict[str, Any], value: object) -> bool:
    if not isinstance(value, list):
        return True
    return all(
        _valid(document, inner, item)
        for index, item in enumerate(value)
        for inner in document.item_schemas(schema, index)
    )


def _contains(document: Document, schema: dict[str, Any], value: object) -> bool:
    if not isinstance(value, list):
        return True
    found = sum(_valid(document, schema["contains"], item) for item in value)
    return schema.get("minContains", 1) <= found <= schema.get("maxContains", len(value))


def _depend(document: Document, schema: dict[str, Any], value: object) -> bool:
    """Check what the presence of one property demands, as names or as a schema."""
    if not isinstance(value, dict):
        return True
    demands = [
        demand
        for keyword in ("dependencies", "dependentRequired", "dependentSchemas")
        for name, demand in schema.get(keyword, {}).items()
        if name in value
    ]
    return all(
        value.keys() >= set(demand) if isinstance(demand, list) else _valid(document, demand, value)
        for demand in demands
    )


def _matching(document: Document, schemas: Iterable[Schema], value: object) -> int:
    return sum(_valid(document, inner, value) for inner in schemas)


def _if(document: Document, schema: dict[str, Any], value: object) -> bool:
    branch = "then" if _valid(document, schema["if"], value) else "else"
    return _valid(document, schema.get(branch, True), value)


def _are_different(wanted: bool, items: list[Any]) -> bool:
    return not (wanted and any(same(*pair) for pair in combinations(items, 2)))


PYTHON_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}
PLAIN: Final[dict[str, tuple[tuple[type, ...], Callable[[Any, Any], bool]]]] = {
    "minLength": ((str,), lambda least, text: len(text) >= least),
    "maxLength": ((str,), lambda most, text: len(text) <= most),
    "pattern": ((str,), lambda pattern, text: re.search(pattern, text) is not None),
    "format": ((str,), has_format),
    "minimum": ((int, float), lambda least, number: number >= least),
    "maximum": ((int, float), lambda most, number: number <= most),
    "exclusiveMinimum": ((int, float), lambda bound, number: number > bound),
    "exclusiveMaximum": ((int, float), lambda bound, number: number < bound),
    "multipleOf": ((int, float), _is_multiple),
    "minItems": ((list,), lambda least, items: len(items) >= least),
    "maxItems": ((list,), lambda most, items: len(items) <= most),
    "uniqueItems": ((list,), _are_different),
    "minProperties": ((dict,), lambda least, members: len(members) >= least),
    "maxProperties": ((dict,), lambda most, members: len(members) <= most),
    "required": ((dict,), lambda names, members: members.keys() >= set(names)),
}
"""Keyword -> the Python types it is about, and whether (demand, value) is right."""
NESTED: Final[dict[str, Callable[[Document, dict[str, Any], Any], bool]]] = {
    **dict.fromkeys(("properties", "patternProperties", "additionalProperties"), _properties),
    "propertyNames": _property_names,
    **dict.fromkeys(("items", "prefixItems"), _items),
    "contains": _contains,
    **dict.fromkeys(("dependencies", "dependentRequired", "dependentSchemas"), _depend),
    "$ref": lambda document, schema, value: _valid(document, document.target(schema["$ref"]), value),
    "allOf": lambda document, schema, value: all(_valid(document, s, value) for s in schema["allOf"]),
    "anyOf": lambda document, schema, value: any(_valid(document, s, value) for s in schema["anyOf"]),
    "oneOf": lambda document, schema, value: _matching(document, schema["oneOf"], value) == 1,
    "not": lambda document, schema, value: not _valid(document, schema["not"], value),
    "if": _if,
}
"""Keyword -> whether the schemas below it are satisfied."""
