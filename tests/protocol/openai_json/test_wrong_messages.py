"""What is wrong with a chat message, and the path that says where."""

from __future__ import annotations

from typing import Any

import pytest
from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest

from bridge.errors import BridgeError, Reason
from bridge.protocol.openai_json import read

HI = [{"role": "user", "content": "hi"}]
TYPE = Reason.INVALID_TYPE
VALUE = Reason.INVALID_VALUE
MISSING = Reason.MISSING_REQUIRED_PARAMETER
REFUSED = Reason.UNSUPPORTED_VALUE


def row(name: str, reason: Reason, param: str, messages: Any) -> Any:
    """Return a row: the messages of a chat request, and their fault."""
    return pytest.param({"messages": messages}, reason, param, id=name)


def one(**fields: Any) -> list[dict[str, Any]]:
    return [{"role": "user", **fields}]


def part(**fields: Any) -> list[dict[str, Any]]:
    return one(content=[{"type": "text", "text": "a"}, fields])


@pytest.mark.parametrize(
    ("json", "reason", "param"),
    [
        pytest.param({}, MISSING, "messages", id="no messages"),
        pytest.param({"messages": None}, MISSING, "messages", id="null messages"),
        row("messages are a string", TYPE, "messages", messages="hi"),
        row("a message is a string", TYPE, "messages[1]", messages=[*HI, "hi"]),
        row("a message is null", TYPE, "messages[0]", messages=[None]),
        row("no role", MISSING, "messages[0].role", messages=[{"content": "a"}]),
        row("unknown role", VALUE, "messages[0].role", messages=[{"role": "king"}]),
        row("role in capitals", VALUE, "messages[0].role", messages=[{"role": "USER"}]),
        row("role unspecified", VALUE, "messages[0].role", messages=[{"role": "unspecified"}]),
        row("role is a number", TYPE, "messages[0].role", messages=[{"role": 3}]),
        row("role is an array", TYPE, "messages[0].role", messages=[{"role": []}]),
        row("content is a number", TYPE, "messages[0].content", messages=one(content=5)),
        row("content is an object", TYPE, "messages[0].content", messages=one(content={"type": "text"})),
        row("part is a string", TYPE, "messages[0].content[0]", messages=one(content=["a"])),
        row("part without type", MISSING, "messages[0].content[1].type", messages=part(text="a")),
        row("part of unknown type", VALUE, "messages[0].content[1].type", messages=part(type="poem")),
        row("part type is a number", TYPE, "messages[0].content[1].type", messages=part(type=1)),
        row(
            "video part",
            REFUSED,
            "messages[0].content[1].type",
            messages=part(type="video_url", video_url={}),
        ),
        row("audio_url part", REFUSED, "messages[0].content[1].type", messages=part(type="audio_url")),
        row("text part without text", MISSING, "messages[0].content[1].text", messages=part(type="text")),
        row("text is a number", TYPE, "messages[0].content[1].text", messages=part(type="text", text=1)),
        row(
            "part with two bodies",
            VALUE,
            "messages[0].content[1].image_url",
            messages=part(type="text", text="a", image_url={"url": "u"}),
        ),
        row(
            "image without url",
            MISSING,
            "messages[0].content[1].image_url.url",
            messages=part(type="image_url", image_url={}),
        ),
        row(
            "audio is not base64",
            VALUE,
            "messages[0].content[1].input_audio.data",
            messages=part(type="input_audio", input_audio={"data": "?", "format": "wav"}),
        ),
        row(
            "arguments are an object",
            TYPE,
            "messages[0].tool_calls[0].function.arguments",
            messages=one(tool_calls=[{"id": "c", "function": {"name": "f", "arguments": {}}}]),
        ),
        row(
            "tool call without id",
            MISSING,
            "messages[0].tool_calls[0].id",
            messages=one(tool_calls=[{"function": {"name": "f", "arguments": ""}}]),
        ),
        row(
            "two reasonings",
            VALUE,
            "messages[0].reasoning",
            messages=one(reasoning="a", reasoning_content="b"),
        ),
        row("annotations are a string", TYPE, "messages[0].annotations", messages=one(annotations="a")),
    ],
)
def test_a_wrong_message_names_its_path(json: dict[str, Any], reason: Reason, param: str) -> None:
    with pytest.raises(BridgeError) as caught:
        read(CreateChatCompletionRequest, json)
    assert (caught.value.reason, caught.value.param) == (reason, param)
    assert param in caught.value.message


def test_messages_never_hold_the_value() -> None:
    secret = "the patient's name"
    for json in (
        {"role": secret},
        {"role": "user", "content": [{"type": secret}]},
        {"role": "user", "name": [secret]},
    ):
        with pytest.raises(BridgeError) as caught:
            read(CreateChatCompletionRequest, {"messages": [json]})
        assert secret not in caught.value.message
