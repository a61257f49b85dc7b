"""Compiles the writer of a protobuf message from its descriptor; the way out to OpenAI's JSON.

A writer starts from a copy of the message's template, which holds what is written even when absent, and
lays over it what is set. Required keys, constants and nulls are therefore data: `TEMPLATES`.
"""

from __future__ import annotations

import base64
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from google.protobuf.descriptor import FieldDescriptor

from bridge.protocol.openai_json.scalars import enum_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

Writer: TypeAlias = "Callable[[Message], Any]"
"""Returns the JSON value of a message."""

_MESSAGE: Final = {"role": "assistant", "content": None, "refusal": None}
_USAGE: Final = {"prompt_tokens": 0, "total_tokens": 0}

TEMPLATES: Final[dict[str, dict[str, Any]]] = {
    "CreateChatCompletionResponse": {
        "id": "", "object": "chat.completion", "created": 0, "model": "", "choices": [],
    },
    "ChatChoice": {"index": 0, "message": _MESSAGE, "logprobs": None, "finish_reason": None},
    "ChatCompletionMessage": _MESSAGE,
    "ToolCall": {"id": "", "type": None},
    "Annotation": {"type": None},
    "ChatLogprobs": {"content": None, "refusal": None},
    "TokenLogprob": {"token": "", "logprob": 0.0, "bytes": None, "top_logprobs": []},
    "TopLogprob": {"token": "", "logprob": 0.0, "bytes": None},
    "CreateChatCompletionStreamResponse": {
        "id": "", "object": "chat.completion.chunk", "created": 0, "model": "", "choices": [],
    },
    "ChatStreamChoice": {"index": 0, "delta": {}, "logprobs": None, "finish_reason": None},
    "CreateCompletionResponse": {
        "id": "", "object": "text_completion", "created": 0, "model": "", "choices": [],
    },
    "CreateCompletionStreamResponse": {
        "id": "", "object": "text_completion", "created": 0, "model": "", "choices": [],
    },
    "CompletionChoice": {"index": 0, "text": "", "logprobs": None, "finish_reason": None},
    "CompletionLogprobs": {"tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": []},
    "CreateEmbeddingResponse": {"object": "list", "data": [], "model": "", "usage": _USAGE},
    "Embedding": {"object": "embedding", "index": 0, "embedding": []},
    "ListModelsResponse": {"object": "list", "data": []},
    "Model": {"id": "", "object": "model", "created": 0, "owned_by": ""},
}  # fmt: skip
"""What is written even when absent, in OpenAI's order. Never changed: writers copy the outer dict."""

KEYS: Final = {"Embedding.floats": "embedding", "Embedding.base64": "embedding"}
"""JSON keys that are not the name of their field."""
ZEROS: Final[dict[int, Any]] = {
    FieldDescriptor.CPPTYPE_STRING: "",
    FieldDescriptor.CPPTYPE_BOOL: False,
    FieldDescriptor.CPPTYPE_DOUBLE: 0.0,
    FieldDescriptor.CPPTYPE_FLOAT: 0.0,
    FieldDescriptor.CPPTYPE_INT32: 0,
    FieldDescriptor.CPPTYPE_INT64: 0,
}
"""What is written for an absent scalar that has no presence."""


@cache
def compile_writer(message: Descriptor) -> Writer:
    """Return the writer of a message; it yields what orjson can dump."""
    if message.name in STANDS_FOR_CONTENT:
        return STANDS_FOR_CONTENT[message.name]
    write = _plain(message)
    if message.name == "ToolCallDelta":
        return _typed_delta(write)
    unions = [oneof.name for oneof in message.oneofs if not oneof.name.startswith("_")]
    if unions and "type" in TEMPLATES.get(message.name, {}):
        return _typed(write, unions[0])
    return write


def _plain(message: Descriptor) -> Writer:
    template = dict(TEMPLATES.get(message.name, {}))
    for field in message.fields:
        if not (field.has_presence or field.is_repeated) and field.cpp_type in ZEROS:
            template.setdefault(field.name, ZEROS[field.cpp_type])
    plan = {
        field: (KEYS.get(f"{message.name}.{field.name}", field.name), _value_writer(field))
        for field in message.fields
    }

    def write(found: Message) -> dict[str, Any]:
        out = template.copy()
        for field, value in found.ListFields():
            key, writer = plan[field]
            out[key] = value if writer is None else writer(value)
        return out

    return write


def _value_writer(field: FieldDescriptor) -> Callable[[Any], Any] | None:
    """Return what turns a field's value into JSON; None if it already is."""
    if field.message_type is not None:
        if field.message_type.GetOptions().map_entry:
            return dict
        writer = compile_writer(field.message_type)
        return _each(writer) if field.is_repeated else writer
    if field.enum_type is not None:
        return enum_words(field.enum_type).get
    if field.type == FieldDescriptor.TYPE_BYTES:
        # `bytes` of a token is an array of integers; other bytes are data.
        return list if field.name == "bytes" else _base64
    return list if field.is_repeated else None


def _each(writer: Writer) -> Callable[[Any], list[Any]]:
    def write(found: Any) -> list[Any]:
        return [writer(item) for item in found]

    return write


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _typed(write: Writer, union: str) -> Writer:
    """Return the writer of a message whose oneof member is named by `type`."""

    def typed(found: Message) -> dict[str, Any]:
        out: dict[str, Any] = write(found)
        out["type"] = found.WhichOneof(union)
        return out

    return typed


def _typed_delta(write: Writer) -> Writer:
    """Return the writer of a piece of a tool call: `type` comes with the id, in the first one only."""

    def typed(found: Message) -> dict[str, Any]:
        out: dict[str, Any] = write(found)
        if "id" in out:
            function = out.pop("function", {})
            out |= {"type": "function", "function": function}
        return out

    return typed


def _floats(found: Any) -> list[float]:
    return list(found.values)


def _alternatives(found: Any) -> dict[str, float] | None:
    return dict(found.logprobs) or None


def _stop_reason(found: Any) -> str | int | None:
    member = found.WhichOneof("reason")
    return getattr(found, member) if member else None


def _model(found: Any) -> Any:
    return compile_writer(found.model.DESCRIPTOR)(found.model)


STANDS_FOR_CONTENT: Final[dict[str, Writer]] = {
    "FloatVector": _floats,
    "TopLogprobs": _alternatives,
    "StopReason": _stop_reason,
    "RetrieveModelResponse": _model,
}
"""Messages that JSON replaces by what they hold."""
