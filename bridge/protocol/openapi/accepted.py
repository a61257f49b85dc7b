"""JSON Schemas of single values that the readers of `openai_json` accept, by the reader itself.

A reader that is listed nowhere has no schema: the document cannot be made, and tests fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from openai_bridge.v1 import chat_pb2

from bridge.protocol.choices import MAX_STOPS
from bridge.protocol.openai_json import containers, json_only, overrides, scalars, structured
from bridge.protocol.openapi.shapes import (
    BASE64,
    BOOLEAN,
    JSON_TEXT,
    NUMBER,
    OBJECT,
    STRING,
    Schema,
    array,
    constant,
    integer,
    record,
    words,
)

if TYPE_CHECKING:
    from google.protobuf.descriptor import EnumDescriptor

    from bridge.protocol.openai_json.scalars import Reader

_MIN_INT32, _MAX_INT32 = -scalars.MAX_INT32 - 1, scalars.MAX_INT32
_MIN_INT64, _MAX_INT64 = -scalars.MAX_INT64 - 1, scalars.MAX_INT64
INT32: Final = integer(_MIN_INT32, _MAX_INT32, "int32")
_TOKEN_IDS: Final = array(INT32, minItems=1)
_STOP: Final[Schema] = {"type": "string", "minLength": 1}

BY_READER: Final[dict[Reader, Schema]] = {
    scalars.string: STRING,
    scalars.boolean: BOOLEAN,
    scalars.number: NUMBER,
    scalars.int32: INT32,
    scalars.int64: integer(_MIN_INT64, _MAX_INT64, "int64"),
    scalars.uint32: integer(0, 2**32 - 1),
    scalars.uint64: integer(0, scalars.MAX_UINT64),
    scalars.base64_bytes: BASE64,
    containers.string_or_strings: {"anyOf": [_STOP, array(_STOP, maxItems=MAX_STOPS)]},
    overrides.prompts: {
        "anyOf": [STRING, array(STRING, minItems=1), _TOKEN_IDS, array(_TOKEN_IDS, minItems=1)]
    },
    overrides.voice: {"anyOf": [STRING, record({"id": STRING}, ["id"])]},
    overrides.object_text: OBJECT,
    overrides.documents: array(OBJECT),
    json_only.array_text: {"type": "array"},
    json_only.content_type: constant("content"),
    structured.object_or_text: {"anyOf": [OBJECT, JSON_TEXT]},
    structured.choice: array(STRING),
}
"""Reader -> schema of what it accepts, without null."""


def enum_words(enum: EnumDescriptor) -> Schema:
    """Return the schema of an enum's words."""
    return words(scalars.enum_words(enum).values())


def _named(kind: str) -> Schema:
    """Return the schema of `{"type": kind, kind: {"name": ..}}`."""
    name = record({"name": STRING}, ["name"])
    return record({"type": constant(kind), kind: name}, ["type", kind])


_MODE: Final = enum_words(chat_pb2.DESCRIPTOR.enum_types_by_name["ToolChoiceMode"])
_NAMED_TOOL: Final[Schema] = {"oneOf": [_named("function"), _named("custom")]}
_SUBSET: Final = record({"mode": _MODE, "tools": array(_NAMED_TOOL)}, ["mode", "tools"])
_ALLOWED_TOOLS: Final = record(
    {"type": constant("allowed_tools"), "allowed_tools": _SUBSET}, ["type", "allowed_tools"]
)

BY_MESSAGE: Final[dict[str, Schema]] = {
    "ToolChoice": {"anyOf": [_MODE, _NAMED_TOOL, _ALLOWED_TOOLS]},
    "FunctionCallChoice": {"anyOf": [_MODE, record({"name": STRING}, ["name"])]},
    "TritonParameter": {
        "anyOf": [STRING, BOOLEAN, NUMBER],
        "description": "An integer must fit 64 bits.",
    },
}
"""Schemas of the messages that `overrides.MESSAGES` reads as a whole."""
