"""Compiles the reader of a protobuf message from its descriptor.

The rules: JSON names are field names; null is absence; an enum is the lower-case name without its prefix;
a field `x_json` holds the JSON value `x` as text; a message with a oneof is told apart by `type`. What
does not follow them stands in `overrides`, `structured` and `json_only`, so a new field needs no code.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.descriptor import FieldDescriptor

from bridge.protocol.openai_json import json_only, overrides, scalars, structured
from bridge.protocol.openai_json.containers import array, integers, mapping, strings
from bridge.protocol.openai_json.objects import Finish, Rule, checked_before, fields, only_with, variants
from bridge.protocol.openai_json.place import At, invalid

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, OneofDescriptor

    from bridge.protocol.openai_json.scalars import Reader

SCALARS: Final[dict[int, Reader]] = {
    FieldDescriptor.TYPE_STRING: scalars.string,
    FieldDescriptor.TYPE_BOOL: scalars.boolean,
    FieldDescriptor.TYPE_DOUBLE: scalars.number,
    FieldDescriptor.TYPE_FLOAT: scalars.number,
    FieldDescriptor.TYPE_INT32: scalars.int32,
    FieldDescriptor.TYPE_INT64: scalars.int64,
    FieldDescriptor.TYPE_UINT32: scalars.uint32,
    FieldDescriptor.TYPE_UINT64: scalars.uint64,
    FieldDescriptor.TYPE_BYTES: scalars.base64_bytes,
}
"""Readers by the type of the field."""
_REQUIRED_TYPES: Final = (
    FieldDescriptor.TYPE_STRING,
    FieldDescriptor.TYPE_BYTES,
    FieldDescriptor.TYPE_ENUM,
)
_REQUIRED_LISTS: Final = frozenset(
    {
        "CreateChatCompletionRequest.messages",
        "CreateCompletionRequest.prompt",
        "CreateEmbeddingRequest.input",
        "Prediction.content",
    }
)
_DEFAULTED: Final = frozenset(
    {
        # The configuration may name a default model; an absent encoding is float.
        "CreateChatCompletionRequest.model",
        "CreateCompletionRequest.model",
        "CreateEmbeddingRequest.model",
        "CreateEmbeddingRequest.encoding_format",
    }
)
DEFAULT_TAGS: Final = {"ToolCall": "function"}
"""The `type` of an object that names none, by message."""
_REFUSED_TAGS: Final = {
    "ContentPart": ("video_url", "audio_url", "thinking"),
    "ResponseFormat": ("structural_tag",),
}


@cache
def compile_message(message: Descriptor) -> Reader:
    """Return the reader of a message; it yields keyword arguments for the message's constructor."""
    override = overrides.MESSAGES.get(message.name)
    if override is not None:
        return override
    if message.name == "StructuredOutputs":
        return structured.structured_outputs(_field_rules(message))
    union = union_of(message)
    if union is not None:
        return _tagged(message, union)
    return fields(_all_rules(message), required(message), _finish(message))


def union_of(message: Descriptor) -> OneofDescriptor | None:
    """Return the oneof of a message, if it has one; an `optional` field is one too, named with a "_"."""
    return next((oneof for oneof in message.oneofs if not oneof.name.startswith("_")), None)


def _tagged(message: Descriptor, union: OneofDescriptor) -> Reader:
    """Return the reader of a message whose oneof member is named by `type`."""
    members = {field.name: _field_reader(field) for field in union.fields}
    rules = {**_all_rules(message), "type": (None, checked_before)}
    readers: dict[str, Reader] = {}
    for field in union.fields:
        others: dict[str, Rule] = {name: (None, only_with(name)) for name in members if name != field.name}
        own: dict[str, Rule] = {field.name: (field.name, members[field.name])}
        needed = [*required(message), (field.name, field.name)]
        finish: tuple[Finish, ...] = ()
        if field.message_type is not None and not field.message_type.fields:
            # Nothing to say: {"type": "json_object"} stands for itself.
            needed.pop()
            finish = (_default_body(field.name),)
        readers[field.name] = fields({**rules, **others, **own}, needed, finish)
    return variants(
        readers,
        default=DEFAULT_TAGS.get(message.name),
        refused=_REFUSED_TAGS.get(message.name, ()),
    )


def _default_body(name: str) -> Finish:
    def finish(out: dict[str, Any], _: At) -> None:
        out.setdefault(name, {})

    return finish


def _all_rules(message: Descriptor) -> dict[str, Rule]:
    rules = _field_rules(message)
    for name, row in json_only.JSON_ONLY.get(message.name, {}).items():
        match row:
            case json_only.Ignored(reader):
                rules[name] = (None, reader)
            case json_only.Refused():
                rules[name] = (None, row.read)
            case json_only.Carried(reader):
                rules[name] = (name, reader)
            case json_only.Alias(of):
                rules[name] = (name, rules[of][1])
    if "structured_outputs" in rules:
        rules |= structured.guided_rules()
    return rules


def _field_rules(message: Descriptor) -> dict[str, Rule]:
    """Return the rules of a message's fields, but those of a tagged oneof."""
    return {
        field.name.removesuffix("_json"): (field.name, _field_reader(field))
        for field in message.fields
        if field.containing_oneof is None or field.containing_oneof.name.startswith("_")
    }


def required(message: Descriptor) -> list[tuple[str, str]]:
    """Return (name, JSON key) of what the schema requires: its strings and enums without presence."""
    return [
        (field.name, field.name)
        for field in message.fields
        if full_name(field) in _REQUIRED_LISTS
        or (
            not (field.has_presence or field.is_repeated)
            and field.type in _REQUIRED_TYPES
            and full_name(field) not in _DEFAULTED
        )
    ]


def _finish(message: Descriptor) -> tuple[Finish, ...]:
    rows = json_only.JSON_ONLY.get(message.name, {})
    aliases = [(name, row.of) for name, row in rows.items() if isinstance(row, json_only.Alias)]
    steps: tuple[Finish, ...] = (_fold_aliases(aliases),) if aliases else ()
    if "structured_outputs" in message.fields_by_name:
        steps += (structured.fold_guided,)
    return steps


def _fold_aliases(aliases: list[tuple[str, str]]) -> Finish:
    """Return the step that renames aliases; two names of one thing must say the same."""

    def fold(out: dict[str, Any], here: At) -> None:
        for alias, name in aliases:
            if alias in out:
                value = out.pop(alias)
                if out.setdefault(name, value) != value:
                    raise invalid(f"it contradicts '{name}'", here, alias)

    return fold


def _field_reader(field: FieldDescriptor) -> Reader:
    name = full_name(field)
    if name in overrides.FIELDS:
        return overrides.FIELDS[name]
    if name in overrides.CONTENT:
        return overrides.parts(compile_message)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        entry = field.message_type.fields_by_name
        int_key = entry["key"].type == FieldDescriptor.TYPE_INT32
        return mapping(scalars.int32_key if int_key else scalars.string, _value_reader(entry["value"]))
    if not field.is_repeated:
        return _value_reader(field)
    if field.type == FieldDescriptor.TYPE_STRING:
        return strings
    if field.type == FieldDescriptor.TYPE_INT32:
        return integers(scalars.int32, -scalars.MAX_INT32 - 1, scalars.MAX_INT32)
    return array(_value_reader(field))


def _value_reader(field: FieldDescriptor) -> Reader:
    if field.message_type is not None:
        return compile_message(field.message_type)
    if field.enum_type is not None:
        return scalars.word(field.enum_type)
    if field.name.endswith("_json"):
        return scalars.json_text()
    return SCALARS[field.type]


def full_name(field: FieldDescriptor) -> str:
    """Return the name by which tables know a field: `Message.field`."""
    return ".".join(field.full_name.split(".")[-2:])
