"""The messages of a chat stream."""

from __future__ import annotations

from copy import deepcopy
from itertools import count

import pytest
from openai_bridge.v1.chat_pb2 import ROLE_ASSISTANT
from openai_bridge.v1.common_pb2 import FINISH_REASON_LENGTH, FINISH_REASON_STOP, CompletionUsage

from bridge.protocol.chat_chunks import ChatChunks, token_logprob
from bridge.protocol.events import CallArguments, CallEnd, CallStart, Reasoning
from bridge.protocol.generation import Alternative, Piece, Token
from tests.protocol.models import CREATED

STOP, LENGTH = Piece(finish_reason=FINISH_REASON_STOP), Piece(finish_reason=FINISH_REASON_LENGTH)
USAGE = CompletionUsage(prompt_tokens=1, completion_tokens=2, total_tokens=3)
TOKEN = Token("Hi", -0.5, 7, (Alternative("Hi", -0.5), Alternative("\ufffd", -2.0)))


def chunks(choices: int = 1, **options: object) -> ChatChunks:
    return ChatChunks("chatcmpl-0", CREATED, "m", choices=choices, **options)  # type: ignore[arg-type]


def test_the_role_messages_ascend_and_have_empty_content() -> None:
    steps = [message.choices[0] for message in chunks(3).start()]
    assert [(step.index, step.delta.role, step.delta.content) for step in steps] == [
        (index, ROLE_ASSISTANT, "") for index in range(3)
    ]


def test_plain_text_reuses_the_message_of_its_choice() -> None:
    made = chunks(2)
    first = made.text(0, Piece(text="a"))
    other = made.text(1, Piece(text="b"))
    assert (first.choices[0].delta.content, other.choices[0].delta.content) == ("a", "b")
    assert made.text(0, Piece(text="c")) is first
    assert first.choices[0].delta.content == "c"
    assert other.choices[0].delta.content == "b"


def test_text_has_no_role_and_no_reason() -> None:
    step = chunks().text(0, Piece(text="a")).choices[0]
    assert (step.delta.role, step.finish_reason, step.HasField("logprobs")) == (0, 0, False)


def test_tokens_come_with_their_text() -> None:
    made = chunks()
    step = made.text(0, Piece(text="Hi", tokens=(TOKEN,))).choices[0]
    assert step.delta.content == "Hi"
    assert list(step.logprobs.content) == [token_logprob(TOKEN)]
    assert not made.text(0, Piece(text="next")).choices[0].HasField("logprobs")


def test_a_token_has_its_bytes_unless_a_character_was_cut() -> None:
    found = token_logprob(TOKEN)
    assert (found.token, found.logprob, found.bytes) == ("Hi", -0.5, b"Hi")
    assert [item.HasField("bytes") for item in found.top_logprobs] == [True, False]


def test_the_finish_has_an_empty_delta() -> None:
    step = chunks(2).finish(1, LENGTH).choices[0]
    assert (step.index, step.finish_reason) == (1, FINISH_REASON_LENGTH)
    assert step.HasField("delta")
    assert step.delta.ByteSize() == 0


def test_the_usage_message_has_no_choices() -> None:
    message = chunks().usage(USAGE)
    assert (message.id, list(message.choices), message.usage) == ("chatcmpl-0", [], USAGE)


def test_the_prompt_is_in_the_first_message_only() -> None:
    made = chunks(2, prompt_text="<prompt>")
    messages = [deepcopy(message) for message in made.start()] + [made.finish(0, STOP)]
    assert [message.HasField("prompt_text") for message in messages] == [True, False, False]


def test_each_message_has_padding_of_its_own_if_it_was_asked_for() -> None:
    numbers = count()
    made = chunks(obfuscate=lambda: f"x{next(numbers)}")
    found = [message.obfuscation for message in made.start()]
    found += [made.text(0, Piece(text="a")).obfuscation, made.text(0, Piece(text="b")).obfuscation]
    found += [made.finish(0, STOP).obfuscation, made.usage(USAGE).obfuscation]
    assert found == ["x0", "x1", "x2", "x3", "x4"]
    assert not chunks().finish(0, STOP).HasField("obfuscation")


CALL_MESSAGES = [Reasoning("a"), CallStart("f"), CallArguments("{"), CallStart("g"), CallArguments("}")]


def test_calls_are_numbered_and_named_once() -> None:
    ids = count()
    made = chunks(2, call_id=lambda: f"call_{next(ids)}")
    said = [deepcopy(made.event(index, event)) for index in range(2) for event in CALL_MESSAGES]
    steps = [message.choices[0] for message in said if message is not None]
    found = [(step.index, call.index, call) for step in steps for call in step.delta.tool_calls]
    assert [(choice, number) for choice, number, _ in found] == [(c, n) for c in (0, 1) for n in (0, 0, 1, 1)]
    calls = [call for _, _, call in found]
    assert [(call.id, call.function.name, call.function.arguments) for call in calls[::2]] == [
        ("call_0", "f", ""), ("call_1", "g", ""), ("call_2", "f", ""), ("call_3", "g", "")
    ]  # fmt: skip
    assert all(call.function.HasField("arguments") for call in calls)
    assert not any(call.HasField("id") or call.function.HasField("name") for call in calls[1::2])


@pytest.mark.parametrize("kind", [Reasoning, CallArguments])
def test_text_of_one_kind_reuses_the_message_of_its_choice(kind: type[Reasoning | CallArguments]) -> None:
    made = chunks(2)
    made.event(0, CallStart("f"))
    first, other = made.event(0, kind("a")), made.event(1, kind("b"))
    assert made.event(0, kind("c")) is first
    assert first is not other


def test_tokens_come_with_what_was_read() -> None:
    made = chunks()
    for event in CALL_MESSAGES:
        message = made.event(0, event, (TOKEN,))
        assert message is not None
        assert list(message.choices[0].logprobs.content) == [token_logprob(TOKEN)]
        assert not made.event(0, Reasoning("next")).choices[0].HasField("logprobs")  # type: ignore[union-attr]


def test_the_end_of_a_call_says_nothing() -> None:
    assert chunks().event(0, CallEnd()) is None
