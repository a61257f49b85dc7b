"""Shapes that the descriptors cannot tell: strings for lists, unions without a tag, renamed bodies.

Each is a reader of one JSON shape, listed under its field or its message at the end of the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from openai_bridge.v1 import chat_pb2

from bridge.protocol.openai_json.containers import array, integers, string_or_strings, strings
from bridge.protocol.openai_json.objects import Rule, checked_before, fields, variants
from bridge.protocol.openai_json.place import At, Key, wrong_type
from bridge.protocol.openai_json.scalars import (
    MAX_INT32,
    MAX_INT64,
    Reader,
    int32,
    json_text,
    string,
    uint64,
    word,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import Descriptor

Compile: TypeAlias = "Callable[[Descriptor], Reader]"
"""Gives the reader of a message; the compiler hands itself in."""

_TYPE: Final[Rule] = (None, checked_before)
_MODE: Final = word(chat_pb2.DESCRIPTOR.enum_types_by_name["ToolChoiceMode"])
_NAMED: Final = fields({"name": ("name", string)}, [("name", "name")])
token_ids: Final = integers(int32, -MAX_INT32 - 1, MAX_INT32)
"""Reads an array of token ids."""


def parts(compile_message: Compile) -> Reader:
    """Return the reader of message content: a string is one text part."""
    several = array(compile_message(chat_pb2.ContentPart.DESCRIPTOR), "a string or an array of objects")

    def read(value: Any, at: At, key: Key) -> list[Any]:
        if type(value) is str:
            return [{"text": value}]
        found: list[Any] = several(value, at, key)
        return found

    return read


def prompts(value: Any, at: At, key: Key) -> list[dict[str, Any]]:
    """Read a string, strings, token ids or arrays of them; the first element decides."""
    if type(value) is str:
        return [{"text": value}]
    if type(value) is not list:
        raise wrong_type(value, "a string or an array", at, key)
    if not value:
        return []
    here = (at, key)
    first = type(value[0])
    if first is str:
        return [{"text": text} for text in strings(value, at, key)]
    if first is int or first is float:
        return [{"token_ids": {"ids": token_ids(value, at, key)}}]
    if first is list:
        return [{"token_ids": {"ids": token_ids(ids, here, i)}} for i, ids in enumerate(value)]
    raise wrong_type(value[0], "a string, an integer or an array of integers", here, 0)


def voice(value: Any, at: At, key: Key) -> str:
    """Read the name of a voice, or the object that holds its id."""
    if type(value) is str:
        return value
    if type(value) is dict:
        return str(_VOICE(value, at, key)["id"])
    raise wrong_type(value, "a string or an object", at, key)


_VOICE: Final = fields({"id": ("id", string)}, [("id", "id")])


def triton_parameter(value: Any, at: At, key: Key) -> dict[str, Any]:
    """Read a request parameter of Triton; its JSON type chooses the member."""
    if type(value) is bool:
        return {"bool_param": value}
    if type(value) is str:
        return {"string_param": value}
    if type(value) is float:
        return {"double_param": value}
    if type(value) is int:
        if -MAX_INT64 - 1 <= value <= MAX_INT64:
            return {"int64_param": value}
        return {"uint64_param": uint64(value, at, key)}
    raise wrong_type(value, "a string, a number or a boolean", at, key)


def _named(kind: str, keep: str) -> Reader:
    """Return the reader of `{"type": kind, kind: {"name": ..}}`; it yields {keep: name}."""
    whole = fields({"type": _TYPE, kind: (kind, _NAMED)}, [(kind, kind)])

    def read(value: Any, at: At, key: Key) -> dict[str, str]:
        return {keep: whole(value, at, key)[kind]["name"]}

    return read


_NAMED_TOOL: Final = variants(
    {"function": _named("function", "function_name"), "custom": _named("custom", "custom_name")}
)
_SUBSET: Final = fields(
    {"mode": ("mode", _MODE), "tools": ("tools", array(_NAMED_TOOL))},
    [("mode", "mode"), ("tools", "tools")],
)
_ALLOWED: Final = fields(
    {"type": _TYPE, "allowed_tools": ("allowed_tools", _SUBSET)}, [("allowed_tools", "allowed_tools")]
)


def _allowed_tools(value: Any, at: At, key: Key) -> dict[str, Any]:
    subset = _ALLOWED(value, at, key)["allowed_tools"]
    names: dict[str, list[str]] = {"function_names": [], "custom_names": []}
    for tool in subset["tools"]:
        for kind, name in tool.items():
            names[kind + "s"].append(name)
    return {"allowed_tools": {"mode": subset["mode"], **names}}


_TOOL_CHOICE: Final = variants(
    {
        "function": _named("function", "function_name"),
        "custom": _named("custom", "custom_name"),
        "allowed_tools": _allowed_tools,
    }
)


def _mode_or(other: Reader) -> Reader:
    """Return the reader of a choice: a word is its mode, `other` reads an object."""

    def read(value: Any, at: At, key: Key) -> dict[str, Any]:
        if type(value) is str:
            return {"mode": _MODE(value, at, key)}
        if type(value) is dict:
            found: dict[str, Any] = other(value, at, key)
            return found
        raise wrong_type(value, "a string or an object", at, key)

    return read


def documents(value: Any, at: At, key: Key) -> str:
    """Read an array of objects as JSON text."""
    for i, item in enumerate(value if type(value) is list else ()):
        if type(item) is not dict:
            raise wrong_type(item, "an object", (at, key), i)
    return str(_ARRAY_TEXT(value, at, key))


_ARRAY_TEXT: Final = json_text(list)
object_text: Final = json_text(dict)
"""Reads an object as JSON text."""

FIELDS: Final[dict[str, Reader]] = {
    "CreateChatCompletionRequest.stop": string_or_strings,
    "CreateCompletionRequest.stop": string_or_strings,
    "CreateCompletionRequest.prompt": prompts,
    "CreateEmbeddingRequest.input": prompts,
    "AudioOptions.voice": voice,
    "CreateChatCompletionRequest.chat_template_kwargs_json": object_text,
    "CreateChatCompletionRequest.documents_json": documents,
    "FunctionDefinition.parameters_json": object_text,
    "CustomTool.format_json": object_text,
    "ResponseFormatJsonSchema.schema_json": object_text,
    "ModerationOptions.policy_json": object_text,
}
"""Readers of single fields, by message and field."""

CONTENT: Final = frozenset({"ChatMessage.content", "Prediction.content"})
"""Fields that `parts` reads."""

MESSAGES: Final[dict[str, Reader]] = {
    "ToolChoice": _mode_or(_TOOL_CHOICE),
    "FunctionCallChoice": _mode_or(_NAMED),
    "TritonParameter": triton_parameter,
}
"""Readers of whole messages."""
