"""JSON Schemas of single values, and how they are put together (2020-12, the dialect of OpenAPI 3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

Schema: TypeAlias = dict[str, Any]
"""A JSON Schema; never changed once it was returned, for it may stand in several places."""

STRING: Final[Schema] = {"type": "string"}
BOOLEAN: Final[Schema] = {"type": "boolean"}
NUMBER: Final[Schema] = {"type": "number"}
OBJECT: Final[Schema] = {"type": "object"}
NULL: Final[Schema] = {"type": "null"}
JSON_TEXT: Final[Schema] = {"type": "string", "contentMediaType": "application/json"}
BASE64: Final[Schema] = {"type": "string", "contentEncoding": "base64"}


def integer(minimum: int, maximum: int, name: str = "") -> Schema:
    """Return the schema of integers in a range; `name` is its format, such as int32."""
    return {"type": "integer", **({"format": name} if name else {}), "minimum": minimum, "maximum": maximum}


def array(items: Schema, **limits: int) -> Schema:
    """Return the schema of an array; `limits` are such as `minItems`."""
    return {"type": "array", "items": items, **limits}


def words(values: Iterable[str]) -> Schema:
    """Return the schema of some strings."""
    return {"type": "string", "enum": list(values)}


def constant(value: str) -> Schema:
    """Return the schema of one string."""
    return {"type": "string", "const": value}


def record(
    properties: dict[str, Schema], required: Iterable[str] = (), *, all_required: bool = False
) -> Schema:
    """Return the schema of an object; other keys are allowed."""
    needed = list(properties if all_required else required)
    return {"type": "object", "properties": properties, **({"required": needed} if needed else {})}


def nullable(schema: Schema) -> Schema:
    """Return the schema of the same values and null."""
    kind = schema.get("type")
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], NULL]}
    if not isinstance(kind, str) or "const" in schema:
        return {"anyOf": [schema, NULL]}
    if "enum" in schema:
        return {**schema, "type": [kind, "null"], "enum": [*schema["enum"], None]}
    return {**schema, "type": [kind, "null"]}


def told(schema: Schema, *sentences: str) -> Schema:
    """Return the schema with a description; one that it has gives way."""
    text = " ".join(filter(None, sentences))
    return {**schema, "description": text} if text else schema


def reference(name: str, kind: str = "schemas") -> Schema:
    """Return the reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}
