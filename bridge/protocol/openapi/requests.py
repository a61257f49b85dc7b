"""JSON Schemas of requests: what the readers compiled from the descriptors accept.

It walks the descriptors as `openai_json.reader` does, with the same tables; ranges and what is refused come
from the tables of validation. Null is absence, so every property that is not required may be null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf.descriptor import FieldDescriptor
from openai_bridge.v1.comments import COMMENTS

from bridge.protocol import embeddings, request_fields
from bridge.protocol.openai_json import json_only, overrides, reader, structured
from bridge.protocol.openapi import accepted
from bridge.protocol.openapi.shapes import (
    NULL,
    STRING,
    Schema,
    array,
    constant,
    nullable,
    record,
    reference,
    told,
)
from bridge.protocol.request_fields import Handling

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from google.protobuf.descriptor import Descriptor, OneofDescriptor

_FIELDS: Final[dict[str, Mapping[str, request_fields.Field]]] = {
    "CreateChatCompletionRequest": request_fields.CHAT,
    "CreateCompletionRequest": request_fields.COMPLETION,
    "CreateEmbeddingRequest": embeddings.FIELDS,
}
_LENGTHS: Final[dict[str, dict[str, int]]] = {"CreateChatCompletionRequest.messages": {"minItems": 1}}
_HANDLING: Final = "x-handling"


class RequestSchemas:
    """Schemas of messages by the names of their components."""

    def __init__(self, taken: Collection[str]) -> None:
        """Begin without any; a message whose name is `taken` gets another one."""
        self.components: dict[str, Schema] = {}
        self._taken = taken

    def ref(self, message: Descriptor) -> Schema:
        """Return the reference to a message's schema, which is made if it is new."""
        name = message.name + "Param" * (message.name in self._taken)
        if name not in self.components:
            self.components[name] = {}  # a message may hold itself
            self.components[name] = told(self._message(message), COMMENTS[message.name])
        return reference(name)

    def _properties(self, message: Descriptor) -> dict[str, Schema]:
        """Return the schemas of a message's JSON keys, but those of a tagged oneof."""
        needed = self._required(message)
        found = {
            field.name.removesuffix("_json"): self._property(field, optional=field.name not in needed)
            for field in message.fields
            if field.containing_oneof is None or field.containing_oneof.name.startswith("_")
        }
        for name, row in json_only.JSON_ONLY.get(message.name, {}).items():
            found[name] = _json_only(row, found)
        if "structured_outputs" in found:
            for name, (field_name, read) in structured.GUIDED.items():
                text = f"Another name of `structured_outputs`: sets its `{field_name}`."
                found[name] = told(nullable(accepted.BY_READER[read]), text)
        return found

    def _message(self, message: Descriptor) -> Schema:
        if message.name in overrides.MESSAGES:
            return accepted.BY_MESSAGE[message.name]
        union = reader.union_of(message)
        if message.name == "StructuredOutputs":
            kinds = {
                name: nullable(accepted.BY_READER[read]) for name, (_, read) in structured.CONSTRAINTS.items()
            }
            return record(kinds | self._properties(message))
        if union is not None:
            return {"oneOf": [self._variant(message, union, field) for field in union.fields]}
        return record(self._properties(message), self._required(message))

    def _required(self, message: Descriptor) -> list[str]:
        """Return the keys that must be there, and not null."""
        return [key for _, key in reader.required(message)]

    def _variant(self, message: Descriptor, union: OneofDescriptor, field: FieldDescriptor) -> Schema:
        """Return the schema of a message whose `type` names `field`; the other members must be absent."""
        tag, own = constant(field.name), self._value(field)
        required = self._required(message)
        if reader.DEFAULT_TAGS.get(message.name) == field.name:
            tag = nullable(tag)
        else:
            required.append("type")
        if field.message_type is not None and not field.message_type.fields:
            own = nullable(own)
        else:
            required.append(field.name)
        own = told(own, COMMENTS[reader.full_name(field)])
        others: dict[str, Schema] = {other.name: NULL for other in union.fields if other is not field}
        return record({"type": tag, field.name: own, **others, **self._properties(message)}, required)

    def _property(self, field: FieldDescriptor, *, optional: bool) -> Schema:
        """Return the schema of a field: its type, range, handling and comment."""
        name = reader.full_name(field)
        row = _FIELDS.get(name.partition(".")[0], {}).get(field.name)
        comment = COMMENTS[name]
        if row is not None and row.handling is Handling.REFUSED:
            schema = _refused(field, row)
        else:
            schema = _within(self._value(field) | _LENGTHS.get(name, {}), row)
            schema = nullable(schema) if optional else schema
        schema = told(schema, comment)
        return schema if row is None else {**schema, _HANDLING: row.handling.name.lower()}

    def _value(self, field: FieldDescriptor) -> Schema:
        name = reader.full_name(field)
        if name in overrides.FIELDS:
            return accepted.BY_READER[overrides.FIELDS[name]]
        if name in overrides.CONTENT and field.message_type is not None:
            return {"anyOf": [STRING, array(self.ref(field.message_type))]}
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            return self._map(field.message_type)
        return array(self._one(field)) if field.is_repeated else self._one(field)

    def _map(self, entry: Descriptor) -> Schema:
        value = nullable(self._one(entry.fields_by_name["value"]))
        schema: Schema = {"type": "object", "additionalProperties": value}
        if entry.fields_by_name["key"].type == FieldDescriptor.TYPE_INT32:
            schema["propertyNames"] = {"pattern": "^-?[0-9]{1,10}$"}
        return schema

    def _one(self, field: FieldDescriptor) -> Schema:
        """Return the schema of one value of a field."""
        if field.message_type is not None:
            return self.ref(field.message_type)
        if field.enum_type is not None:
            return accepted.enum_words(field.enum_type)
        if field.name.endswith("_json"):
            return {}
        return accepted.BY_READER[reader.SCALARS[field.type]]


def _json_only(row: json_only.Row, found: Mapping[str, Schema]) -> Schema:
    """Return the schema of a JSON name that the message lacks."""
    match row:
        case json_only.Ignored(read):
            schema = told(nullable(accepted.BY_READER[read]), "Accepted, no effect.")
            return {**schema, _HANDLING: "ignored"}
        case json_only.Refused(why, neutral):
            text = f"Refused unless it asks for nothing. {why}".rstrip()
            return {"enum": [*neutral, None], "description": text, _HANDLING: "refused"}
        case json_only.Carried(read):
            return {**nullable(accepted.BY_READER[read]), _HANDLING: "bridge"}
        case json_only.Alias(of):
            return told(found[of], f"Another name of `{of}`.")


def _refused(field: FieldDescriptor, row: request_fields.Field) -> Schema:
    """Return the schema of a field that only values which ask for nothing may have."""
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return {"type": ["object", "null"], "additionalProperties": NULL}
    empty: list[Any] = [[]] if field.is_repeated else []
    return {"enum": [*empty, *row.neutral, None]}


def _within(schema: Schema, row: request_fields.Field | None) -> Schema:
    """Return the schema with the range of its row: of the value, each element, or each value of a map."""
    if row is None or (row.minimum is None and row.maximum is None):
        return schema
    for inner in ("items", "additionalProperties"):
        if inner in schema:
            return {**schema, inner: _within(schema[inner], row)}
    limits: Schema = {}
    if row.minimum is not None:
        limits["exclusiveMinimum" if row.above else "minimum"] = row.minimum
    if row.maximum is not None:
        limits["maximum"] = row.maximum
    return {**schema, **limits}
