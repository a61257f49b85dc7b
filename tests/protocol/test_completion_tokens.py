"""Tokens of a completion request: prompts of token ids, counts, and what is shown of them."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.errors import Reason
from bridge.protocol.tokenizer import Tokenizer
from tests.protocol.completion_requests import answer, ask, fault, prompts, sampling
from tests.protocol.models import says, served
from tests.tokenizers import small

TOKENIZER = Tokenizer(small.source(small.byte_level()))
TEXTS = ["the quick brown fox", "日本語 🙂"]
IDS = [TOKENIZER.encode(text, add_special_tokens=False) for text in TEXTS]
LAST = TOKENIZER.vocab_size - 1


def model(**settings: Any) -> Any:
    return served("echo_vllm", **({"tokenizer": TOKENIZER} | settings))


def counted(text: str) -> int:
    return TOKENIZER.count(text, add_special_tokens=True)


@pytest.mark.parametrize(
    ("prompt", "n", "texts"),
    [
        pytest.param(IDS[0], 1, TEXTS[:1], id="token ids"),
        pytest.param(IDS, 1, TEXTS, id="lists of token ids"),
        pytest.param(IDS, 2, [TEXTS[0], TEXTS[0], TEXTS[1], TEXTS[1]], id="n for each list"),
        pytest.param([0, *IDS[0]], 1, TEXTS[:1], id="with the special token that the engine adds"),
    ],
)
def test_token_ids_reach_the_model_as_their_text(prompt: Any, n: int, texts: list[str]) -> None:
    assert prompts(ask(model(), prompt=prompt, n=n)) == texts


def test_special_tokens_stay_where_the_engine_adds_none() -> None:
    assert prompts(ask(model(adds_special_tokens=False), prompt=[0, *IDS[0]])) == [f"<s>{TEXTS[0]}"]


@pytest.mark.parametrize(
    ("prompt", "reason", "param"),
    [
        pytest.param([5, LAST + 1], Reason.INTEGER_ABOVE_MAX_VALUE, "prompt[1]", id="no such token"),
        pytest.param(
            [[5], [5, LAST + 1]], Reason.INTEGER_ABOVE_MAX_VALUE, "prompt[1][1]", id="in the second"
        ),
        pytest.param(
            TOKENIZER.encode("☃", add_special_tokens=False)[:1],
            Reason.INVALID_VALUE,
            "prompt",
            id="no character",
        ),
    ],
)
def test_token_ids_that_are_no_text_are_named(prompt: Any, reason: Reason, param: str) -> None:
    error = fault(model(), prompt=prompt)
    assert (error.reason, error.param) == (reason, param)


def test_usage_comes_from_the_tokenizer_where_the_model_counts_nothing() -> None:
    exchange = ask(model(), streaming=False, prompt=TEXTS, n=2)
    whole = answer(exchange, *([says(text)] for text in ("a", "the", "dog", "")))
    assert whole.usage.prompt_tokens == sum(map(counted, TEXTS))
    assert whole.usage.completion_tokens == sum(
        TOKENIZER.count(text, add_special_tokens=False) for text in ("a", "the", "dog")
    )


def test_the_longest_prompt_decides_what_is_left() -> None:
    texts = ["the", "the quick brown fox", "the lazy"]
    longest = max(map(counted, texts))
    exchange = ask(model(max_model_len=longest + 3), prompt=texts)
    assert {sampling(exchange, index)["max_tokens"] for index in range(3)} == {3}


@pytest.mark.parametrize("fields", [{"max_tokens": 50}, {"prompt": TEXTS[0] * 20}])
def test_what_does_not_fit_the_context_is_refused(fields: dict[str, Any]) -> None:
    error = fault(model(max_model_len=50), **fields)
    assert (error.reason, error.param) == (Reason.CONTEXT_LENGTH_EXCEEDED, "prompt")


def test_token_ids_of_each_prompt_and_answer_come_where_they_are_asked_for() -> None:
    exchange = ask(model(), streaming=False, prompt=TEXTS, n=2, return_token_ids=True)
    whole = answer(exchange, *([says(text)] for text in ("a", "the", "dog", "fox")))
    framed = [TOKENIZER.encode(text, add_special_tokens=True) for text in TEXTS]
    assert [list(choice.prompt_token_ids) for choice in whole.choices] == [framed[0]] * 2 + [framed[1]] * 2
    assert [list(choice.token_ids) for choice in whole.choices] == [
        TOKENIZER.encode(text, add_special_tokens=False) for text in ("a", "the", "dog", "fox")
    ]


def test_log_probabilities_name_tokens_by_their_ids_where_it_is_asked_for() -> None:
    entry = '[{"17": {"decoded_token": "ab", "logprob": -0.5}, "9": {"decoded_token": "c", "logprob": -0.1}}]'
    exchange = ask(model(), streaming=False, logprobs=1, return_tokens_as_token_ids=True)
    found = answer(exchange, [says("ab", logprobs=entry), says("ab", logprobs=entry)]).choices[0].logprobs
    assert list(found.tokens) == ["token_id:17"] * 2
    assert dict(found.top_logprobs[0].logprobs) == {"token_id:9": -0.1, "token_id:17": -0.5}
    assert list(found.text_offset) == [0, 2]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        pytest.param({"prompt": [5]}, "prompt", id="token ids"),
        pytest.param({"prompt": [[5]]}, "prompt", id="one list of token ids"),
        pytest.param({"prompt": [[5], [6]]}, "prompt[0]", id="lists of token ids"),
        pytest.param({"return_token_ids": True}, "return_token_ids", id="token ids of the answer"),
        pytest.param({"return_tokens_as_token_ids": True}, "return_tokens_as_token_ids", id="names"),
        pytest.param({"truncate_prompt_tokens": 5}, "truncate_prompt_tokens", id="truncation"),
        pytest.param({"add_special_tokens": False}, "add_special_tokens", id="no special tokens"),
    ],
)
def test_what_needs_a_tokenizer_is_refused_without_one(fields: dict[str, Any], param: str) -> None:
    error = fault(model(tokenizer=None), **fields)
    assert (error.reason, error.param) == (Reason.UNSUPPORTED_PARAMETER, param)


@pytest.mark.parametrize(
    ("adds", "wanted", "expected"),
    [
        pytest.param(True, True, "the", id="the engine adds them"),
        pytest.param(False, True, "<s>the", id="the bridge adds them"),
        pytest.param(False, False, "the", id="nobody adds them"),
        pytest.param(True, None, "the", id="absent"),
    ],
)
def test_special_tokens_are_added_once(adds: bool, wanted: bool | None, expected: str) -> None:
    exchange = ask(model(adds_special_tokens=adds), prompt="the", add_special_tokens=wanted)
    assert prompts(exchange) == [expected]


def test_every_prompt_is_cut_by_itself() -> None:
    exchange = ask(model(), prompt=[TEXTS[0], "a"], truncate_prompt_tokens=3, return_prompt_text=True)
    first, second = prompts(exchange)
    assert counted(first) == 3
    assert TEXTS[0].endswith(first)
    assert second == "a"
    shown = [message.choices[0].prompt_text for message in exchange.feed(0, [says("x")])]
    assert shown[:2] == [first, second]
