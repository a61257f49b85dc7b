"""The messages of a chat stream, and that their fold loses nothing."""

from __future__ import annotations

from copy import deepcopy
from itertools import count

from openai_bridge.v1.chat_pb2 import ROLE_ASSISTANT
from openai_bridge.v1.common_pb2 import FINISH_REASON_LENGTH, FINISH_REASON_STOP, CompletionUsage

from bridge.protocol.chat_chunks import ChatChunks, ChatFold, token_logprob
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


def test_the_fold_is_the_whole_answer() -> None:
    made, fold = chunks(2, prompt_text="<prompt>"), ChatFold()
    fold.add(made.start())
    for index, piece in ((1, Piece(text="b")), (0, Piece(text="Hi", tokens=(TOKEN,))), (1, Piece(text="c"))):
        fold.add([made.text(index, piece)])
    fold.add([made.text(0, Piece(text="", tokens=(TOKEN,)))])
    fold.add([made.finish(1, STOP), made.finish(0, LENGTH), made.usage(USAGE)])
    answer = fold.result()
    assert (answer.id, answer.created, answer.model, answer.prompt_text) == (
        "chatcmpl-0",
        CREATED,
        "m",
        "<prompt>",
    )
    assert answer.usage == USAGE
    first, second = answer.choices
    assert (first.index, first.message.content, first.finish_reason) == (0, "Hi", FINISH_REASON_LENGTH)
    assert (second.index, second.message.content, second.finish_reason) == (1, "bc", FINISH_REASON_STOP)
    assert list(first.logprobs.content) == [token_logprob(TOKEN)] * 2
    assert not second.HasField("logprobs")


def test_the_fold_of_no_text_is_empty_content() -> None:
    made, fold = chunks(), ChatFold()
    fold.add(made.start())
    fold.add([made.finish(0, STOP)])
    message = fold.result().choices[0].message
    assert message.HasField("content")
    assert message.content == ""
    assert not fold.result().HasField("usage")
