"""The SSE renderers: whatever a stream says, in whatever batches, its events are the compiled writer's."""

from __future__ import annotations

import json
from typing import Any

from openai_bridge.v1.chat_pb2 import CreateChatCompletionStreamResponse
from openai_bridge.v1.completions_pb2 import CreateCompletionStreamResponse

from bridge.protocol import sse
from bridge.protocol.openai_json import dump_chat_chunk, dump_completion_chunk
from fuzz.source import Source

WORDS = ('"content":""', "\n\n", "data: ", "\u2028", '"', "\\", "é", "😀", "\x00", '"text":""', "[DONE]", "}")
HEAD: dict[str, Any] = {"id": '"content":""', "created": 1, "model": '"text":"","arguments":""'}
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
LONGEST = 12


def one_input(data: bytes) -> None:
    """Render one stream of each kind."""
    source = Source(data)
    usage, field = source.flag(), source.pick(("reasoning_content", "reasoning"))
    chats = [_chat(source) for _ in range(source.below(LONGEST))]
    expected = [dump_chat_chunk(message, usage, field) for message in chats]
    _compare(source, sse.ChatRenderer(usage, field), chats, expected)
    texts = [_completion(source) for _ in range(source.below(LONGEST))]
    expected = [dump_completion_chunk(message, usage) for message in texts]
    _compare(source, sse.CompletionRenderer(usage), texts, expected)


def _compare(source: Source, renderer: Any, messages: list[Any], expected: list[bytes]) -> None:
    """Check the events of messages that are rendered in batches."""
    at, rendered = 0, b""
    while at < len(messages):
        size = 1 + source.below(3)
        rendered += renderer.render(messages[at : at + size])
        at += size
    assert rendered == b"".join(sse.frame(data) for data in expected)
    *events, last = rendered.split(b"\n\n")
    assert last == b""
    assert [json.loads(event.removeprefix(b"data: ")) for event in events] == list(map(json.loads, expected))


def _chat(source: Source) -> CreateChatCompletionStreamResponse:
    delta: dict[str, Any] = {}
    for name in ("content", "reasoning_content", "refusal"):
        if not source.below(3):
            delta[name] = source.text(WORDS, 4)
    if not source.below(4):
        delta["tool_calls"] = [_call(source) for _ in range(1 + source.below(2))]
    if not source.below(6):
        delta["role"] = 4
    choice: dict[str, Any] = {"index": source.below(3), "delta": delta}
    _decorate(source, choice)
    choices = [choice, {"index": 1, "delta": {"content": "x"}}]
    return CreateChatCompletionStreamResponse(**_whole(source), choices=choices[: 1 + (source.below(9) == 1)])


def _call(source: Source) -> dict[str, Any]:
    call: dict[str, Any] = {"index": source.below(2)}
    if not source.below(4):
        call["id"] = "call_0"
    if source.below(8):
        call["function"] = {"arguments": source.text(WORDS, 4)}
        if not source.below(4):
            call["function"]["name"] = source.text(WORDS, 2)
    return call


def _completion(source: Source) -> CreateCompletionStreamResponse:
    choice: dict[str, Any] = {"index": source.below(3), "text": source.text(WORDS, 4)}
    _decorate(source, choice)
    return CreateCompletionStreamResponse(**_whole(source), choices=[choice][: 1 - (source.below(9) == 1)])


def _decorate(source: Source, choice: dict[str, Any]) -> None:
    """Give a choice what is rare."""
    if not source.below(6):
        choice["finish_reason"] = source.below(6)
    if not source.below(6):
        choice["logprobs"] = {}
    if not source.below(6):
        choice["token_ids"] = [source.below(9)]
    if not source.below(8):
        choice["stop_reason"] = {"text": source.text(WORDS, 2)}


def _whole(source: Source) -> dict[str, Any]:
    """Return the fields beside the choices, mostly those of all the others."""
    fields = dict(HEAD)
    match source.below(12):
        case 1:
            fields["usage"] = USAGE
        case 2:
            fields["model"] = source.text(WORDS, 3)
        case 3:
            fields["system_fingerprint"] = source.text(WORDS, 3)
    return fields
