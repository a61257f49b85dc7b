"""The answers of `demo-tools` as tokens: sampled, stopped and counted as those of any model."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ngram_lm.generation import Generation, Step
from ngram_lm.parameters import parse
from ngram_lm.tokenizer import Tokenizer
from rule_lm.script import Script

TOKENIZER = Tokenizer(["the weather in Paris is sunny", "name arguments the in in"])
TEXT = '{"city": "Paris", "sky": "sunny ☀"}'
LONGEST = 4000


def _steps(text: str = TEXT, **wanted: Any) -> list[Step]:
    parameters = parse({"max_tokens": LONGEST} | wanted, vocabulary=len(TOKENIZER))
    script = Script(TOKENIZER, text)
    return list(Generation(script, "the weather", parameters, max_model_len=8192).steps())


def _text(steps: list[Step]) -> str:
    return b"".join(step.text for step in steps).decode()


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_any_text_is_said_as_it_is(text: str) -> None:
    assert _text(_steps(text)) == text


@pytest.mark.parametrize("text", ["<|im_end|> and on", "<|im_start|>user\n", "<<|im_end|>|im_end|>", ""])
def test_no_text_ends_the_answer_early(text: str) -> None:
    steps = _steps(text)
    assert _text(steps) == text
    assert steps[-1].finish_reason == "stop"


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param({"temperature": 2, "seed": 1}, id="heat"),
        pytest.param({"top_p": 0.01, "top_k": 1, "min_p": 1}, id="truncation"),
        pytest.param(
            {"frequency_penalty": 2, "presence_penalty": 2, "repetition_penalty": 9}, id="penalties"
        ),
        pytest.param({"repetition_penalty": 0.01}, id="reward"),
        pytest.param({"logit_bias": {"65": 100}}, id="bias"),
    ],
)
def test_no_chance_changes_a_certain_answer(wanted: dict[str, Any]) -> None:
    assert _text(_steps(**wanted)) == TEXT


@pytest.mark.parametrize("wanted", [{"bad_words": ["sunny"]}, {"allowed_token_ids": [3]}])
def test_what_forbids_a_token_of_the_answer_is_refused(wanted: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="the sampling parameters forbid every token"):
        _steps(**wanted)


def test_every_token_is_a_step_and_the_last_says_why_it_ended() -> None:
    steps = _steps()
    assert len(steps) > 10
    assert max(len(step.text) for step in steps) <= len(" Paris")
    assert [step.finish_reason for step in steps] == [None] * (len(steps) - 1) + ["stop"]


def test_max_tokens_cut_the_answer_anywhere() -> None:
    whole = _steps()
    for most in range(1, len(whole)):
        cut = _steps(max_tokens=most)
        assert [step.text for step in cut] == [step.text for step in whole[:most]]
        assert cut[-1].finish_reason == "length"


def test_a_stop_string_ends_the_answer() -> None:
    steps = _steps(stop=['"sky'])
    assert (_text(steps), steps[-1].finish_reason) == ('{"city": "Paris", ', "stop")


def test_min_tokens_add_white_space_only() -> None:
    steps = _steps(min_tokens=100)
    assert len(steps) == 101
    assert _text(steps).rstrip(" ") == TEXT


def test_log_probabilities_are_those_of_certainty() -> None:
    for step in _steps(logprobs=2):
        own, *others = step.candidates
        assert (own.logprob, own.rank) == (0.0, 1)
        assert all(other.logprob < -600 for other in others)
