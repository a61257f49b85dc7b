"""A completion request to its Triton calls: prompts, limits, choices, logprobs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai_bridge.v1.completions_pb2 import CreateCompletionRequest, Prompt

from bridge.errors import BridgeError, Reason
from bridge.protocol import openai_json
from tests.protocol.completion_requests import ask, fault, opened, prompts, sampling
from tests.protocol.models import declared, says, served, tensor


@pytest.mark.parametrize(
    ("prompt", "n", "expected"),
    [
        pytest.param("a", 1, ["a"], id="a string"),
        pytest.param(["a", "b"], 1, ["a", "b"], id="two strings"),
        pytest.param(["a", "b"], 2, ["a", "a", "b", "b"], id="index is prompt number times n plus k"),
        pytest.param(" \n", 1, [" \n"], id="white space is a prompt"),
        pytest.param("<s>é\x00", 1, ["<s>é\x00"], id="no template, nothing changed"),
    ],
)
def test_each_prompt_has_n_calls(prompt: Any, n: int, expected: list[str]) -> None:
    assert prompts(ask(prompt=prompt, n=n)) == expected


@pytest.mark.parametrize(
    ("prompt", "reason", "param"),
    [
        pytest.param("", Reason.INVALID_VALUE, "prompt", id="empty"),
        pytest.param(["a", ""], Reason.INVALID_VALUE, "prompt[1]", id="one of two is empty"),
        pytest.param([1, 2], Reason.UNSUPPORTED_PARAMETER, "prompt", id="token ids without a tokenizer"),
        pytest.param(
            [[1], [2]], Reason.UNSUPPORTED_PARAMETER, "prompt[0]", id="lists of token ids without a tokenizer"
        ),
    ],
)
def test_a_prompt_that_cannot_be_sent_is_named(prompt: Any, reason: Reason, param: str) -> None:
    error = fault(prompt=prompt)
    assert (error.reason, error.param) == (reason, param)


def test_no_prompt_is_a_missing_parameter() -> None:
    with pytest.raises(BridgeError) as caught:
        opened(CreateCompletionRequest(), served("plain"))
    assert (caught.value.reason, caught.value.param) == (Reason.MISSING_REQUIRED_PARAMETER, "prompt")


def test_a_prompt_with_nothing_in_it_is_refused() -> None:
    with pytest.raises(BridgeError) as caught:
        opened(CreateCompletionRequest(prompt=[Prompt()]), served("plain"))
    assert caught.value.param == "prompt"


@pytest.mark.parametrize(
    ("fields", "settings", "tokens"),
    [
        pytest.param({}, {}, 16, id="OpenAI's default"),
        pytest.param({}, {"default_max_tokens": 99}, 99, id="the model's default"),
        pytest.param({"max_tokens": 5}, {"default_max_tokens": 99}, 5, id="the request's"),
    ],
)
def test_the_limit_is_always_explicit(fields: dict[str, Any], settings: dict[str, Any], tokens: int) -> None:
    assert sampling(ask(served("echo_vllm", **settings), **fields))["max_tokens"] == tokens


def test_no_tokens_are_refused() -> None:
    error = fault(max_tokens=0)
    assert (error.reason, error.param) == (Reason.INTEGER_BELOW_MIN_VALUE, "max_tokens")


@pytest.mark.parametrize("value", [0, 5])
def test_logprobs_reach_the_model(value: int) -> None:
    assert sampling(ask(logprobs=value))["logprobs"] == value


def test_logprobs_are_off_unless_asked_for() -> None:
    assert "logprobs" not in sampling(ask(logprobs=None))


def test_logprobs_are_refused_where_the_model_has_none() -> None:
    with pytest.raises(BridgeError) as caught:
        ask(served(declared(tensor("text_input", optional=False))), logprobs=0)
    assert (caught.value.reason, caught.value.param) == (Reason.UNSUPPORTED_PARAMETER, "logprobs")


def test_each_prompts_choices_are_seeded_alike() -> None:
    exchange = ask(prompt=["a", "b"], n=2, seed=7)
    assert [sampling(exchange, index)["seed"] for index in range(4)] == [7, 8, 7, 8]


@pytest.mark.parametrize("fields", [{"suffix": "x"}, {"echo": True, "logprobs": 1}, {"prompt": [1]}])
def test_an_error_names_the_default_model_where_the_request_names_none(fields: dict[str, Any]) -> None:
    error = fault(**fields)
    assert "'echo_vllm'" in error.message
    assert error.model == "echo_vllm"


def test_a_stream_says_prompt_text_finish_and_usage() -> None:
    exchange = ask(
        prompt=["a", "b"], return_prompt_text=True, stream_options={"include_usage": True}, max_tokens=3
    )
    response = says("x", num_input_tokens=2, num_output_tokens=1, finish_reason="length")
    lines = []
    for messages in (
        exchange.feed(1, [response]),
        exchange.feed(0, [response]),
        exchange.end(1),
        exchange.end(0),
    ):
        lines += [openai_json.dump_completion_chunk(message, True) for message in messages]
    lines += [openai_json.dump_completion_chunk(message, True) for message in exchange.finish()]
    chunks = [json.loads(line) for line in lines]
    steps = [chunk["choices"][0] for chunk in chunks[:-1]]
    assert [(step["index"], step["text"], step["finish_reason"]) for step in steps] == [
        (0, "", None),
        (1, "", None),
        (1, "x", None),
        (0, "x", None),
        (1, "", "length"),
        (0, "", "length"),
    ]
    assert [step.get("prompt_text") for step in steps[:3]] == ["a", "b", None]
    assert chunks[-1]["usage"] == {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}
    assert {chunk["model"] for chunk in chunks} == {"echo_vllm"}


@pytest.mark.parametrize(("streaming", "messages"), [(True, 0), (False, 1)])
def test_an_answer_in_one_piece_always_has_usage(streaming: bool, messages: int) -> None:
    exchange = ask(streaming=streaming)
    list(exchange.feed(0, [says("a", num_input_tokens=1, num_output_tokens=1)]))
    assert len(list(exchange.finish())) == messages
