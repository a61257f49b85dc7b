"""The messages of a completion stream: four parallel arrays whose offsets run on, and their fold."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from openai_bridge.v1.common_pb2 import FINISH_REASON_LENGTH, FINISH_REASON_STOP, CompletionUsage

from bridge.protocol.completion_chunks import CompletionChunks, CompletionFold, PromptShown
from bridge.protocol.generation import Alternative, Piece, Token
from tests.protocol.models import CREATED

STOP, LENGTH = Piece(finish_reason=FINISH_REASON_STOP), Piece(finish_reason=FINISH_REASON_LENGTH)
USAGE = CompletionUsage(prompt_tokens=1, completion_tokens=2, total_tokens=3)


def chunks(choices: int = 1, **options: Any) -> CompletionChunks:
    return CompletionChunks("cmpl-0", CREATED, "m", choices=choices, **options)


def piece(*texts: str) -> Piece:
    return Piece(text="".join(texts), tokens=tuple(Token(text, -1.0) for text in texts))


def test_completions_begin_without_a_message() -> None:
    assert list(chunks(2).start()) == []


def test_each_choice_begins_with_its_prompt_if_it_was_asked_for() -> None:
    messages = chunks(2, prompts=[PromptShown(text="one"), PromptShown(text="two")]).start()
    steps = [message.choices[0] for message in messages]
    assert [(step.index, step.prompt_text, step.text) for step in steps] == [(0, "one", ""), (1, "two", "")]


def test_plain_text_reuses_the_message_of_its_choice() -> None:
    made = chunks(2)
    first = made.text(0, Piece(text="a"))
    assert first.choices[0].text == "a"
    assert made.text(0, Piece(text="b")) is first
    assert made.text(1, Piece(text="c")).choices[0].text == "c"
    assert first.choices[0].text == "b"


def test_the_finish_has_no_text() -> None:
    step = chunks(2).finish(1, LENGTH).choices[0]
    assert (step.index, step.text, step.finish_reason) == (1, "", FINISH_REASON_LENGTH)


def test_offsets_run_on_across_messages_and_choices_have_their_own() -> None:
    made = chunks(2)
    first = made.text(0, piece("Hé", "llo")).choices[0].logprobs
    other = made.text(1, piece("x")).choices[0].logprobs
    second = made.text(0, piece(" you")).choices[0].logprobs
    assert [list(item.text_offset) for item in (first, other, second)] == [[0, 2], [0], [5]]


def test_the_chosen_token_is_always_among_the_alternatives() -> None:
    token = Token("c", -3.0, 3, (Alternative("a", -1.0), Alternative("b", -2.0)))
    found = chunks().text(0, Piece(text="c", tokens=(token, Token("d", -4.0)))).choices[0].logprobs
    assert [dict(item.logprobs) for item in found.top_logprobs] == [
        {"a": -1.0, "b": -2.0, "c": -3.0},
        {"d": -4.0},
    ]


def test_of_alternatives_with_one_text_the_likeliest_counts_and_the_chosen_for_its_own() -> None:
    top = (Alternative("\ufffd", -1.0), Alternative("\ufffd", -2.0), Alternative("c", -2.5))
    found = chunks().text(0, Piece(text="c", tokens=(Token("c", -3.0, 3, top),))).choices[0].logprobs
    assert dict(found.top_logprobs[0].logprobs) == {"\ufffd": -1.0, "c": -3.0}


@given(st.lists(st.lists(st.text(max_size=3), max_size=4), max_size=5))
def test_the_arrays_have_one_length_and_the_offsets_add_up(pieces: list[list[str]]) -> None:
    made, fold = chunks(), CompletionFold()
    for texts in pieces:
        if texts:
            fold.add([made.text(0, piece(*texts))])
    fold.add([made.finish(0, STOP)])
    choice = fold.result().choices[0]
    lists = choice.logprobs
    tokens = [text for texts in pieces for text in texts]
    assert list(lists.tokens) == tokens
    assert len(lists.token_logprobs) == len(lists.top_logprobs) == len(lists.text_offset) == len(tokens)
    for token, offset in zip(lists.tokens, lists.text_offset, strict=True):
        assert choice.text[offset : offset + len(token)] == token


def test_the_fold_is_the_whole_answer() -> None:
    made, fold = chunks(2, prompts=[PromptShown(text="one"), PromptShown(text="two")]), CompletionFold()
    fold.add(made.start())
    for index, text in ((1, "b"), (0, "a"), (1, "c")):
        fold.add([made.text(index, Piece(text=text))])
    fold.add([made.finish(1, STOP), made.finish(0, LENGTH), made.usage(USAGE)])
    answer = fold.result()
    assert (answer.id, answer.created, answer.model, answer.usage) == ("cmpl-0", CREATED, "m", USAGE)
    assert [
        (choice.index, choice.text, choice.finish_reason, choice.prompt_text) for choice in answer.choices
    ] == [(0, "a", FINISH_REASON_LENGTH, "one"), (1, "bc", FINISH_REASON_STOP, "two")]
    assert not answer.choices[0].HasField("logprobs")
