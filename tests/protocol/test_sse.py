"""Frames, and that the fast path of the renderers says what the compiled writer says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai_bridge.v1.chat_pb2 import ROLE_ASSISTANT, CreateChatCompletionStreamResponse
from openai_bridge.v1.common_pb2 import FINISH_REASON_LENGTH, FINISH_REASON_STOP
from openai_bridge.v1.completions_pb2 import CreateCompletionStreamResponse

from bridge.protocol import sse
from bridge.protocol.openai_json import dump_chat_chunk, dump_completion_chunk

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD: dict[str, Any] = {"id": 'chatcmpl-"content":""', "created": 1_700_000_000, "model": '","text":""'}
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def chat(*choices: Any, **fields: Any) -> CreateChatCompletionStreamResponse:
    return CreateChatCompletionStreamResponse(**{**HEAD, **fields}, choices=choices)


def text(content: str, index: int = 0, **choice: Any) -> CreateChatCompletionStreamResponse:
    return chat({"index": index, "delta": {"content": content}, **choice})


def completion(*choices: Any, **fields: Any) -> CreateCompletionStreamResponse:
    return CreateCompletionStreamResponse(**{**HEAD, **fields}, choices=choices)


def thought(content: str) -> CreateChatCompletionStreamResponse:
    return chat({"delta": {"reasoning_content": content}})


def argued(arguments: str, call: int = 0, **delta: Any) -> CreateChatCompletionStreamResponse:
    calls = [{"index": call, "function": {"arguments": arguments}}]
    return chat({"delta": {"tool_calls": calls, **delta}})


LOGPROBS = {"content": [{"token": "a", "logprob": -1.0}]}
# Each of these comes after plain text of the same choice and differs from it in one way.
CHATS = {
    "text": text("b"),
    "empty text": text(""),
    "text to escape": text('"\\\n\u2028é😀\x00'),
    "another choice": text("b", 1),
    "finish": chat({"delta": {}, "finish_reason": FINISH_REASON_STOP}),
    "text and finish": text("b", finish_reason=FINISH_REASON_LENGTH),
    "text and logprobs": text("b", logprobs=LOGPROBS),
    "text and empty logprobs": text("b", logprobs={}),
    "text and token ids": text("b", token_ids=[1]),
    "text and stop reason": text("b", stop_reason={"text": "x"}),
    "text and role": chat({"delta": {"role": ROLE_ASSISTANT, "content": "b"}}),
    "text and reasoning": chat({"delta": {"content": "b", "reasoning_content": "c"}}),
    "reasoning": thought("c"),
    "empty reasoning": thought(""),
    "refusal": chat({"delta": {"refusal": "no"}}),
    "tool call": chat({"delta": {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f"}}]}}),
    "arguments": argued('{"arguments":""'),
    "empty arguments": argued(""),
    "arguments of another call": argued("b", 1),
    "arguments and text": argued("b", content="c"),
    "arguments and reasoning": argued("b", reasoning_content="c"),
    "arguments and an id": chat({"delta": {"tool_calls": [{"id": "c", "function": {"arguments": "b"}}]}}),
    "two calls": chat(
        {
            "delta": {
                "tool_calls": [{"function": {"arguments": "b"}}, {"index": 1, "function": {"arguments": "c"}}]
            }
        }
    ),
    "text and usage": chat({"delta": {"content": "b"}}, usage=USAGE),
    "text and obfuscation": chat({"delta": {"content": "b"}}, obfuscation="xx"),
    "text and prompt ids": chat({"delta": {"content": "b"}}, prompt_token_ids=[1]),
    "text and prompt text": chat({"delta": {"content": "b"}}, prompt_text="p"),
    "another id": chat({"delta": {"content": "b"}}, id="other"),
    "another fingerprint": chat({"delta": {"content": "b"}}, system_fingerprint="fp"),
    "no delta": chat({"index": 0}),
    "no choice": chat(usage=USAGE),
    "two choices": chat({"delta": {"content": "b"}}, {"index": 1, "delta": {"content": "c"}}),
}
COMPLETIONS = {
    "text": completion({"text": "b"}),
    "empty text": completion({"text": ""}),
    "text to escape": completion({"text": '"\\\n\u2028é😀\x00'}),
    "another choice": completion({"index": 1, "text": "b"}),
    "finish": completion({"text": "", "finish_reason": FINISH_REASON_STOP}),
    "text and finish": completion({"text": "b", "finish_reason": FINISH_REASON_STOP}),
    "text and logprobs": completion({"text": "b", "logprobs": {"tokens": ["b"]}}),
    "text and prompt text": completion({"text": "b", "prompt_text": "p"}),
    "text and usage": completion({"text": "b"}, usage=USAGE),
    "no choice": completion(usage=USAGE),
    "two choices": completion({"text": "b"}, {"index": 1, "text": "c"}),
}


def test_an_event_is_one_line() -> None:
    assert sse.frame(b"{}") == b"data: {}\n\n"
    assert sse.DONE == b"data: [DONE]\n\n"
    assert sse.PING == b": ping\n\n"


@pytest.mark.parametrize("include_usage", [True, False])
@pytest.mark.parametrize("name", CHATS)
def test_a_chat_message_renders_the_same_on_both_paths(name: str, include_usage: bool) -> None:
    renderer = sse.ChatRenderer(include_usage)
    batch = [text("a"), text("a", 1), thought("t"), argued("{"), CHATS[name], text("z"), CHATS[name]]
    whole = b"".join(sse.frame(dump_chat_chunk(message, include_usage)) for message in batch)
    assert renderer.render(batch) == whole


@pytest.mark.parametrize("name", CHATS)
def test_a_chat_message_may_be_the_first(name: str) -> None:
    batch = [CHATS[name], CHATS[name], text("z"), CHATS[name]]
    whole = b"".join(sse.frame(dump_chat_chunk(message, False)) for message in batch)
    assert sse.ChatRenderer(False).render(batch) == whole


@pytest.mark.parametrize("include_usage", [True, False])
@pytest.mark.parametrize("name", COMPLETIONS)
def test_a_completion_message_renders_the_same_on_both_paths(name: str, include_usage: bool) -> None:
    renderer = sse.CompletionRenderer(include_usage)
    batch = [COMPLETIONS[name], completion({"text": "a"}), COMPLETIONS[name], COMPLETIONS[name]]
    whole = b"".join(sse.frame(dump_completion_chunk(message, include_usage)) for message in batch)
    assert renderer.render(batch) == whole


@given(st.lists(st.text(max_size=8), max_size=6))
def test_a_reused_message_renders_each_of_its_texts(texts: list[str]) -> None:
    def reuse() -> Any:
        message = text("")
        for content in texts:
            message.choices[0].delta.content = content
            yield message

    whole = b"".join(sse.frame(dump_chat_chunk(text(content), True)) for content in texts)
    assert sse.ChatRenderer(True).render(reuse()) == whole


class SlowPath:
    """Records what a renderer hands to the compiled writer."""

    def __init__(self, *form: Any) -> None:
        super().__init__(*form)
        self.seen: list[Any] = []

    def _whole(self, message: Any) -> bytes:
        self.seen.append(message)
        whole: bytes = super()._whole(message)
        return whole


class WatchedChat(SlowPath, sse.ChatRenderer):
    pass


class WatchedCompletion(SlowPath, sse.CompletionRenderer):
    pass


@pytest.mark.parametrize("kind", ["reasoning", "text and reasoning", "text"])
def test_reasoning_has_the_name_that_is_configured(kind: str) -> None:
    renderer = sse.ChatRenderer(False, "reasoning")
    batch = [thought("a"), thought("b"), CHATS[kind], thought('"reasoning":""')]
    expected = [dump_chat_chunk(message, False, "reasoning") for message in batch]
    assert renderer.render(batch) == b"".join(map(sse.frame, expected))
    assert b'"delta":{"reasoning":"b"}' in expected[1]
    assert not any(b"reasoning_content" in data for data in expected)


@pytest.mark.parametrize(
    ("renderer", "plain", "odd"),
    [
        pytest.param(WatchedChat(False), text, CHATS["text and finish"], id="chat content"),
        pytest.param(
            WatchedChat(False),
            lambda content: text(content, 1),
            text("b", 1, finish_reason=FINISH_REASON_STOP),
            id="second choice",
        ),
        pytest.param(WatchedChat(False), thought, CHATS["text and reasoning"], id="chat reasoning"),
        pytest.param(WatchedChat(False), argued, CHATS["arguments and text"], id="chat arguments"),
        pytest.param(
            WatchedChat(False), lambda text: argued(text, 3), CHATS["arguments and an id"], id="a later call"
        ),
        pytest.param(
            WatchedChat(False, "reasoning"), thought, CHATS["text and reasoning"], id="reasoning renamed"
        ),
        pytest.param(
            WatchedCompletion(False),
            lambda content: completion({"text": content}),
            COMPLETIONS["text and finish"],
            id="completion",
        ),
    ],
)
def test_plain_text_skips_the_compiled_writer(renderer: Any, plain: Callable[[str], Any], odd: Any) -> None:
    renderer.render([odd, plain("a")])
    renderer.seen.clear()
    renderer.render([plain("b"), odd, plain("c")])
    assert renderer.seen == [odd]


def test_nothing_to_say_is_no_bytes() -> None:
    assert sse.ChatRenderer(True).render([]) == b""
    assert sse.CompletionRenderer(True).render([]) == b""
