"""`echo`: the prompt goes before the answer, streamed or not, and alone where no tokens are asked for."""

from __future__ import annotations

from typing import Any

import pytest
from openai_bridge.v1.common_pb2 import FINISH_REASON_LENGTH

from bridge.errors import Reason
from bridge.protocol.tokenizer import Tokenizer
from tests.protocol.completion_requests import answer, ask, fault, prompts
from tests.protocol.models import declared, says, served, tensor
from tests.tokenizers import small

TOKENIZER = Tokenizer(small.source(small.byte_level()))


def test_the_prompt_goes_before_the_text() -> None:
    whole = answer(ask(streaming=False, echo=True), [says(" there"), says("!")])
    assert [choice.text for choice in whole.choices] == ["Hi there!"]


def test_every_choice_has_the_prompt_that_it_answers() -> None:
    exchange = ask(streaming=False, echo=True, prompt=["a", "b"], n=2)
    whole = answer(exchange, *([says(str(index))] for index in range(4)))
    assert [choice.text for choice in whole.choices] == ["a0", "a1", "b2", "b3"]


def test_a_stream_begins_with_the_prompts() -> None:
    exchange = ask(echo=True, prompt=["a", "b"])
    steps = [message.choices[0] for message in exchange.feed(1, [says("x")])]
    assert [(step.index, step.text) for step in steps[:2]] == [(0, "a"), (1, "b")]
    assert (steps[-1].index, steps[-1].text) == (1, "x")
    later = [message.choices[0].text for message in exchange.feed(0, [says("y")])]
    assert later == ["y"]


def test_the_model_gets_the_prompt_as_ever() -> None:
    assert prompts(ask(echo=True)) == ["Hi"]


def test_the_text_of_token_ids_is_what_comes_back() -> None:
    ids = TOKENIZER.encode("the fox", add_special_tokens=True)
    model = served("echo_vllm", tokenizer=TOKENIZER)
    whole = answer(ask(model, streaming=False, echo=True, prompt=ids), [says("!")])
    assert whole.choices[0].text == "the fox!"


def test_log_probabilities_of_the_prompt_are_refused() -> None:
    error = fault(echo=True, logprobs=1)
    assert (error.reason, error.param) == (Reason.UNSUPPORTED_PARAMETER, "logprobs")
    assert "echo" in error.message


@pytest.mark.parametrize("streaming", [True, False])
def test_without_tokens_the_prompts_come_back_and_no_model_is_asked(streaming: bool) -> None:
    exchange = ask(streaming=streaming, echo=True, max_tokens=0, prompt=["a", "b"], n=2)
    assert exchange.requests == []
    whole = answer(exchange)
    assert [(choice.index, choice.text) for choice in whole.choices] == [
        (0, "a"),
        (1, "a"),
        (2, "b"),
        (3, "b"),
    ]
    assert {choice.finish_reason for choice in whole.choices} == {FINISH_REASON_LENGTH}
    assert not whole.HasField("usage")


@pytest.mark.parametrize(
    ("fields", "usage"),
    [
        pytest.param({"streaming": False}, True, id="a whole answer"),
        pytest.param({"stream_options": {"include_usage": True}}, True, id="a stream that asks for it"),
        pytest.param({}, False, id="a stream"),
    ],
)
def test_the_tokens_of_prompts_that_come_back_are_counted(fields: dict[str, Any], usage: bool) -> None:
    model = served("echo_vllm", tokenizer=TOKENIZER)
    exchange = ask(model, echo=True, max_tokens=0, prompt=["the fox", "dog"], n=2, **fields)
    whole = answer(exchange)
    wanted = sum(TOKENIZER.count(text, add_special_tokens=True) for text in ("the fox", "dog"))
    assert whole.HasField("usage") is usage
    if usage:
        assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (wanted, 0)
        assert whole.usage.total_tokens == wanted


def test_of_prompts_alone_there_is_no_best() -> None:
    whole = answer(ask(streaming=False, echo=True, max_tokens=0, n=2, best_of=5))
    assert [(choice.index, choice.text) for choice in whole.choices] == [(0, "Hi"), (1, "Hi")]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        pytest.param({"top_k": 5}, "top_k", id="a field"),
        pytest.param({"priority": 1}, "priority", id="a priority"),
        pytest.param({"triton_parameters": {"a": 1}}, "triton_parameters.a", id="a parameter"),
    ],
)
def test_what_the_model_cannot_carry_is_refused_although_it_is_not_asked(
    fields: dict[str, Any], param: str
) -> None:
    model = served(declared(tensor("text_input", optional=False), tensor("max_tokens", "INT32")))
    error = fault(model, echo=True, max_tokens=0, **fields)
    assert (error.reason, error.param) == (Reason.UNSUPPORTED_PARAMETER, param)
