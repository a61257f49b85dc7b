"""JSON Schemas of answers: what the writers compiled from the descriptors write.

It walks the descriptors as `openai_json.writer` does, with the same tables: what a template holds is always
there, and may be null where the template says null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf.descriptor import FieldDescriptor
from openai_bridge.v1 import models_pb2
from openai_bridge.v1.comments import COMMENTS

from bridge.protocol.openai_json import REASONING, reader, writer
from bridge.protocol.openapi import accepted
from bridge.protocol.openapi.shapes import (
    BASE64,
    BOOLEAN,
    NUMBER,
    STRING,
    Schema,
    array,
    constant,
    integer,
    nullable,
    record,
    reference,
    told,
    words,
)

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

_SCALARS: Final[dict[int, Schema]] = {
    FieldDescriptor.CPPTYPE_STRING: STRING,
    FieldDescriptor.CPPTYPE_BOOL: BOOLEAN,
    FieldDescriptor.CPPTYPE_DOUBLE: NUMBER,
    FieldDescriptor.CPPTYPE_FLOAT: NUMBER,
    FieldDescriptor.CPPTYPE_INT32: {"type": "integer"},
    FieldDescriptor.CPPTYPE_INT64: {"type": "integer"},
}
_BYTE: Final = integer(0, 255)
_NULL_ELEMENTS: Final = frozenset({"CompletionLogprobs.token_logprobs"})
"""Numbers among which NaN stands for null."""
_NULL_USAGE: Final = frozenset(
    {"CreateChatCompletionStreamResponse.usage", "CreateCompletionStreamResponse.usage"}
)
"""What a stream with `include_usage` writes as null until the end."""


class ResponseSchemas:
    """Schemas of messages by the names of their components."""

    def __init__(self, reasoning_field: str = REASONING) -> None:
        """Begin without any; `reasoning_field` is the name that clients know reasoning by."""
        self.components: dict[str, Schema] = {}
        self._reasoning_field = reasoning_field

    def ref(self, message: Descriptor) -> Schema:
        """Return the reference to a message's schema, or the schema of what stands for the message."""
        if message.name in writer.STANDS_FOR_CONTENT:
            return self._content(message)
        if message.name not in self.components:
            self.components[message.name] = {}
            self.components[message.name] = told(self._message(message), COMMENTS[message.name])
        return reference(message.name)

    def _content(self, message: Descriptor) -> Schema:
        """Return the schema of a message that JSON replaces by what it holds."""
        if message.name == "RetrieveModelResponse":
            return self.ref(models_pb2.Model.DESCRIPTOR)
        return {
            "FloatVector": array(NUMBER),
            "TopLogprobs": {"type": ["object", "null"], "additionalProperties": NUMBER},
            "StopReason": {"type": ["string", "integer"]},
        }[message.name]

    def _message(self, message: Descriptor) -> Schema:
        template = writer.TEMPLATES.get(message.name, {})
        properties = {key: self._constant(message, key, value) for key, value in template.items()}
        required = list(template)
        for field in message.fields:
            key = writer.KEYS.get(reader.full_name(field), field.name)
            schema = told(self._value(field), COMMENTS[reader.full_name(field)])
            if key in template and template[key] is None:
                schema = nullable(schema)
            if key != field.name and properties.get(key):
                schema = {"anyOf": [properties[key], schema]}  # one key for all members of a oneof
            properties[self._shown(key)] = schema
            if not (field.has_presence or field.is_repeated or key in template):
                required += [key] * (field.cpp_type in writer.ZEROS)
        if message.name == "ToolCallDelta":
            properties["type"] = constant("function")
        return record(properties, required)

    def _constant(self, message: Descriptor, key: str, value: Any) -> Schema:
        """Return the schema of a template's key that no field fills; nothing for one that a field does."""
        union = reader.union_of(message)
        if key == "type" and union is not None:
            return words(field.name for field in union.fields)
        return constant(value) if isinstance(value, str) and value else {}

    def _shown(self, key: str) -> str:
        return self._reasoning_field if key == REASONING else key

    def _value(self, field: FieldDescriptor) -> Schema:
        name = reader.full_name(field)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            return {
                "type": "object",
                "additionalProperties": self._one(field.message_type.fields_by_name["value"]),
            }
        one = self._one(field)
        if name in _NULL_ELEMENTS:
            one = nullable(one)
        if name in _NULL_USAGE:
            one = nullable(one)
        return array(one) if field.is_repeated else one

    def _one(self, field: FieldDescriptor) -> Schema:
        """Return the schema of one value of a field."""
        if field.message_type is not None:
            return self.ref(field.message_type)
        if field.enum_type is not None:
            return accepted.enum_words(field.enum_type)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return array(_BYTE) if field.name == "bytes" else BASE64
        return _SCALARS[field.cpp_type]
