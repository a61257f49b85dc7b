"""The order of a stream: roles, text, one finish per choice, usage once and only if it is true."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from openai_bridge.v1.chat_pb2 import ROLE_ASSISTANT
from openai_bridge.v1.common_pb2 import FINISH_REASON_LENGTH, FINISH_REASON_STOP, CompletionUsage

from bridge.errors import BridgeError, Reason
from bridge.protocol.chat_chunks import ChatChunks
from bridge.protocol.exchange import Exchange
from bridge.protocol.generation import Generation
from bridge.protocol.translators.vllm import VllmTranslator
from tests.protocol.models import CREATED, says, standin

if TYPE_CHECKING:
    from collections.abc import Iterable

TRANSLATOR = VllmTranslator(standin("echo_vllm"))


def generations(count: int) -> list[Generation]:
    return [Generation(request_id=f"r:{at}", prompt="p", max_tokens=5) for at in range(count)]


def chat(
    n: int = 1, *, per_prompt: int | None = None, include_usage: bool = True, continuous_usage: bool = False
) -> Exchange[Any]:
    chunks = ChatChunks("chatcmpl-0", CREATED, "m", choices=n)
    return Exchange(
        TRANSLATOR,
        generations(n),
        chunks,
        per_prompt=per_prompt or n,
        include_usage=include_usage,
        continuous_usage=continuous_usage,
    )


def told(messages: Iterable[Any]) -> list[Any]:
    """Keep copies of messages: one is valid until the next is taken."""
    return [deepcopy(message) for message in messages]


def roles(messages: list[Any]) -> list[int]:
    return [step.index for message in messages for step in message.choices if step.delta.role]


def finishes(messages: list[Any]) -> list[tuple[int, int]]:
    return [
        (step.index, step.finish_reason)
        for message in messages
        for step in message.choices
        if step.finish_reason
    ]


def texts(messages: list[Any], index: int) -> list[str]:
    steps = [step for message in messages for step in message.choices if step.index == index]
    return [step.delta.content for step in steps if step.delta.content]


def counted(text: str, prompt: int, completion: int, reason: str = "None") -> Any:
    return says(text, num_input_tokens=prompt, num_output_tokens=completion, finish_reason=reason)


def test_one_request_per_choice() -> None:
    assert [request.id for request in chat(3).requests] == ["r:0", "r:1", "r:2"]


def test_a_stream_says_role_text_finish_and_usage() -> None:
    exchange = chat()
    messages = told(exchange.feed(0, [counted("Hel", 4, 1)]))
    messages += told(exchange.feed(0, [counted("lo", 4, 1, "length")]))
    messages += told(exchange.end(0)) + told(exchange.finish())
    role, first, second, finish, usage = messages
    assert (role.choices[0].delta.role, role.choices[0].delta.content) == (ROLE_ASSISTANT, "")
    assert role.choices[0].delta.HasField("content")
    assert (first.choices[0].delta.content, second.choices[0].delta.content) == ("Hel", "lo")
    assert finish.choices[0].finish_reason == FINISH_REASON_LENGTH
    assert not finish.choices[0].delta.HasField("content")
    assert (list(usage.choices), usage.usage.total_tokens) == ([], 6)


def test_all_messages_have_one_head() -> None:
    exchange = chat(2)
    messages = told(exchange.feed(0, [counted("a", 1, 1)])) + told(exchange.feed(1, [counted("b", 1, 1)]))
    messages += told(exchange.end(0)) + told(exchange.end(1)) + told(exchange.finish())
    assert {(item.id, item.created, item.model) for item in messages} == {("chatcmpl-0", CREATED, "m")}


def test_three_interleaved_choices_each_are_whole() -> None:
    exchange = chat(3)
    messages = told(exchange.feed(2, [counted("c1", 4, 1)]))
    messages += told(exchange.feed(0, [counted("a1", 4, 1)])) + told(exchange.feed(2, [counted("c2", 4, 1)]))
    messages += told(exchange.end(2)) + told(exchange.feed(1, [counted("b1", 4, 2)]))
    messages += told(exchange.end(1)) + told(exchange.end(0)) + told(exchange.finish())
    assert (
        [step.index for message in messages[:3] for step in message.choices] == roles(messages) == [0, 1, 2]
    )
    assert [texts(messages, index) for index in range(3)] == [["a1"], ["b1"], ["c1", "c2"]]
    assert [index for index, _ in finishes(messages)] == [2, 1, 0]
    assert [item.HasField("usage") for item in messages].count(True) == 1
    assert messages[-1].usage == CompletionUsage(prompt_tokens=4, completion_tokens=5, total_tokens=9)


def test_a_model_that_says_nothing_still_has_a_role_and_a_finish() -> None:
    exchange = chat()
    messages = told(exchange.end(0)) + told(exchange.finish())
    assert roles(messages) == [0]
    assert finishes(messages) == [(0, FINISH_REASON_STOP)]
    assert len(messages) == 2


def test_an_empty_batch_says_nothing() -> None:
    assert told(chat().feed(0, [])) == []


def test_a_response_without_text_gives_no_message() -> None:
    exchange = chat()
    told(exchange.feed(0, [says("a")]))
    assert told(exchange.feed(0, [says("")])) == []


def test_a_first_response_that_cannot_be_read_fails_before_anything_is_said() -> None:
    messages = chat().feed(0, [says("a", num_input_tokens=-1.0)])
    with pytest.raises(BridgeError) as caught:
        next(messages)
    assert caught.value.reason is Reason.BACKEND_CONTRACT


def test_a_cut_character_comes_before_the_finish() -> None:
    exchange = chat()
    messages = told(exchange.feed(0, [says("€".encode()[:2])])) + told(exchange.end(0))
    assert texts(messages, 0) == ["\ufffd"]
    assert messages[-1].choices[0].finish_reason == FINISH_REASON_STOP


@pytest.mark.parametrize(
    ("n", "per_prompt", "usage"),
    [
        pytest.param(1, 1, (4, 2, 6), id="one choice"),
        pytest.param(3, 3, (4, 6, 10), id="three choices of one prompt"),
        pytest.param(4, 2, (8, 8, 16), id="two choices of two prompts"),
    ],
)
def test_each_prompt_is_counted_once(n: int, per_prompt: int, usage: tuple[int, int, int]) -> None:
    exchange = chat(n, per_prompt=per_prompt)
    for index in range(n):
        told(exchange.feed(index, [counted("a", 4, 1), counted("b", 4, 1)]))
    found = exchange.usage()
    assert found is not None
    assert (found.prompt_tokens, found.completion_tokens, found.total_tokens) == usage


@pytest.mark.parametrize(
    "responses",
    [
        pytest.param([says("a")], id="the model counts nothing"),
        pytest.param([says("a", num_input_tokens=4)], id="only the prompt"),
        pytest.param([says("a", num_output_tokens=1)], id="only the answer"),
        pytest.param([], id="nothing said"),
    ],
)
def test_usage_that_is_not_known_is_absent(responses: list[Any]) -> None:
    exchange = chat()
    messages = told(exchange.feed(0, responses)) + told(exchange.end(0)) + told(exchange.finish())
    assert not any(item.HasField("usage") for item in messages)
    assert exchange.usage() is None


def test_usage_is_absent_while_one_choice_has_no_count() -> None:
    exchange = chat(2)
    told(exchange.feed(0, [counted("a", 4, 1)]))
    assert exchange.usage() is None


def test_counts_of_zero_are_counts() -> None:
    exchange = chat()
    told(exchange.feed(0, [counted("", 0, 0)]))
    assert exchange.usage() == CompletionUsage()


def test_usage_is_not_said_unless_asked_for() -> None:
    exchange = chat(include_usage=False)
    told(exchange.feed(0, [counted("a", 4, 1)]))
    assert told(exchange.finish()) == []
    assert exchange.usage() is not None


def test_continuous_usage_is_in_every_message_and_grows() -> None:
    exchange = chat(continuous_usage=True)
    messages = told(exchange.feed(0, [counted("a", 4, 1), counted("b", 4, 2)]))
    messages += told(exchange.end(0)) + told(exchange.finish())
    assert [item.usage.completion_tokens for item in messages] == [1, 1, 3, 3, 3]
    assert all(item.HasField("usage") for item in messages)


def test_continuous_usage_does_without_the_last_message() -> None:
    exchange = chat(include_usage=False, continuous_usage=True)
    messages = told(exchange.feed(0, [counted("a", 4, 1)])) + told(exchange.end(0)) + told(exchange.finish())
    assert [len(item.choices) for item in messages] == [1, 1, 1]
