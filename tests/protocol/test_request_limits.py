"""What one request may hold, where the operator says so; nothing is refused at a limit, one more is."""

from __future__ import annotations

from typing import Any

import pytest
from openai_bridge.v1.chat_pb2 import ChatMessage, CreateChatCompletionRequest, Tool
from openai_bridge.v1.completions_pb2 import CreateCompletionRequest, Prompt
from openai_bridge.v1.embeddings_pb2 import CreateEmbeddingRequest, EmbeddingInput

from bridge.config import Limits
from bridge.errors import BridgeError, Reason
from bridge.protocol.request_limits import check_chat, check_completion, check_embedding

NONE = Limits(max_messages=0, max_tools=0)


def message(text: str = "", **fields: Any) -> ChatMessage:
    return ChatMessage(content=[{"text": text}], **fields)


def chat(**fields: Any) -> CreateChatCompletionRequest:
    return CreateChatCompletionRequest(**fields)


def completion(*prompts: str, **fields: Any) -> CreateCompletionRequest:
    return CreateCompletionRequest(prompt=[Prompt(text=text) for text in prompts], **fields)


def embedding(*inputs: str) -> CreateEmbeddingRequest:
    return CreateEmbeddingRequest(input=[EmbeddingInput(text=text) for text in inputs])


CHECKS: dict[type[Any], Any] = {
    CreateChatCompletionRequest: check_chat,
    CreateCompletionRequest: check_completion,
    CreateEmbeddingRequest: check_embedding,
}
CASES = [
    pytest.param(chat(messages=[message()] * 3), "max_messages", 3, "messages", id="messages"),
    pytest.param(chat(tools=[Tool()] * 2), "max_tools", 2, "tools", id="tools"),
    pytest.param(chat(n=3), "max_n", 3, "n", id="choices of a chat"),
    pytest.param(completion("a", n=3), "max_n", 3, "n", id="choices of a completion"),
    pytest.param(chat(stop=["a", "b"]), "max_stops", 2, "stop", id="stop strings of a chat"),
    pytest.param(completion("a", stop=["a", "b"]), "max_stops", 2, "stop", id="of a completion"),
    pytest.param(
        chat(messages=[message("äöü"), message("日本")]),
        "max_prompt_characters",
        5,
        "messages",
        id="characters, not bytes, of all messages",
    ),
    pytest.param(
        chat(
            messages=[
                message("1", refusal="22", reasoning_content="333"),
                ChatMessage(tool_calls=[{"function": {"name": "f", "arguments": "4444"}}]),
                ChatMessage(function_call={"name": "f", "arguments": "55555"}),
                ChatMessage(content=[{"refusal": "666666"}, {"text": "7"}]),
            ]
        ),
        "max_prompt_characters",
        22,
        "messages",
        id="all that a template may put into a prompt",
    ),
    pytest.param(completion("abcd"), "max_prompt_characters", 4, "prompt", id="a prompt"),
    pytest.param(completion("abc", "abcd"), "max_prompt_characters", 4, "prompt[1]", id="each prompt"),
    pytest.param(embedding("abcd"), "max_prompt_characters", 4, "input", id="an input"),
    pytest.param(embedding("abcd", "a"), "max_prompt_characters", 4, "input[0]", id="each input"),
]


@pytest.mark.parametrize(("request_", "limit", "holds", "param"), CASES)
def test_one_more_than_the_limit_is_refused_by_its_field(
    request_: Any, limit: str, holds: int, param: str
) -> None:
    check = CHECKS[type(request_)]
    check(request_, Limits(**{limit: holds}))
    with pytest.raises(BridgeError) as caught:
        check(request_, Limits(**{limit: holds - 1}))
    error = caught.value
    reason = Reason.INTEGER_ABOVE_MAX_VALUE if param == "n" else Reason.INVALID_VALUE
    assert (error.reason, error.param) == (reason, param)
    assert f"'{param}'" in error.message
    assert str(holds) in error.message
    assert str(holds - 1) in error.message


@pytest.mark.parametrize(("request_", "limit", "holds", "param"), CASES)
def test_without_limits_nothing_is_refused(request_: Any, limit: str, holds: int, param: str) -> None:
    CHECKS[type(request_)](request_, NONE)


def test_the_sentences_are_not_those_of_a_context_that_is_too_small() -> None:
    with pytest.raises(BridgeError) as caught:
        check_completion(completion("x" * 9), Limits(max_prompt_characters=8))
    assert "context length" not in caught.value.message
    assert "string too long" not in caught.value.message
