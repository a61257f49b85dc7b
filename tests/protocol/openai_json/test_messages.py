"""Chat messages as they come in, shape by shape, against the message each stands for."""

from __future__ import annotations

from typing import Any

import pytest
from openai_bridge.v1 import chat_pb2

from bridge.protocol.openai_json import read

Chat = chat_pb2.CreateChatCompletionRequest


def message(**fields: Any) -> dict[str, Any]:
    """Return the JSON of a chat request with one message."""
    return {"messages": [{"role": "user", **fields}]}


def message_proto(**fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": chat_pb2.ROLE_USER, **fields}]}


CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{not json"}}
CALL_PROTO = {"id": "c", "function": {"name": "f", "arguments": "{not json"}}


@pytest.mark.parametrize(
    ("json", "fields"),
    [
        pytest.param(message(content="hi"), message_proto(content=[{"text": "hi"}]), id="content string"),
        pytest.param(
            message(content=[{"type": "text", "text": "hi", "prompt_cache_breakpoint": {"mode": "x"}}]),
            message_proto(content=[{"text": "hi", "prompt_cache_breakpoint": {"mode": "x"}}]),
            id="text part",
        ),
        pytest.param(
            message(content=[{"type": "image_url", "image_url": {"url": "u", "detail": "low"}}]),
            message_proto(content=[{"image_url": {"url": "u", "detail": "low"}}]),
            id="image part",
        ),
        pytest.param(
            message(content=[{"type": "input_audio", "input_audio": {"data": "w6k=", "format": "wav"}}]),
            message_proto(content=[{"input_audio": {"data": b"\xc3\xa9", "format": "wav"}}]),
            id="audio part",
        ),
        pytest.param(
            message(content=[{"type": "file", "file": {"file_id": "x"}}]),
            message_proto(content=[{"file": {"file_id": "x"}}]),
            id="file part",
        ),
        pytest.param(
            message(content=[{"type": "refusal", "refusal": "no"}]),
            message_proto(content=[{"refusal": "no"}]),
            id="refusal part",
        ),
        pytest.param(message(content=None), message_proto(), id="content null"),
        pytest.param(message(content=[]), message_proto(), id="content empty"),
        pytest.param(
            message(refusal=None, audio=None, function_call=None, tool_calls=None),
            message_proto(),
            id="nulls of an answer sent back",
        ),
        pytest.param(
            message(tool_calls=[CALL]),
            message_proto(tool_calls=[CALL_PROTO]),
            id="tool call with broken arguments",
        ),
        pytest.param(
            message(tool_calls=[{k: v for k, v in CALL.items() if k != "type"}]),
            message_proto(tool_calls=[CALL_PROTO]),
            id="tool call without a type",
        ),
        pytest.param(
            message(tool_calls=[{"id": "c", "type": "custom", "custom": {"name": "f", "input": "x"}}]),
            message_proto(tool_calls=[{"id": "c", "custom": {"name": "f", "input": "x"}}]),
            id="custom tool call",
        ),
        pytest.param(
            message(reasoning="why"), message_proto(reasoning_content="why"), id="reasoning is an alias"
        ),
        pytest.param(
            message(reasoning="why", reasoning_content="why"),
            message_proto(reasoning_content="why"),
            id="both names of reasoning",
        ),
        pytest.param(message(annotations=[{}]), message_proto(), id="annotations sent back"),
    ],
)
def test_message_json_is_the_message(json: dict[str, Any], fields: dict[str, Any]) -> None:
    got = read(Chat, json)
    assert got.message == Chat(**fields)
    assert got.ignored == ()


@pytest.mark.parametrize(
    ("role", "number"),
    [
        pytest.param(name.removeprefix("ROLE_").lower(), number, id=name)
        for name, number in chat_pb2.Role.items()
        if number
    ],
)
def test_every_role_has_its_word(role: str, number: int) -> None:
    assert read(Chat, {"messages": [{"role": role}]}).message.messages[0].role == number
