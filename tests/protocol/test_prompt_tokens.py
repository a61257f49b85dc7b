"""Prompts as tokens: ids to text, special tokens, and what is left for the answer."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.errors import BridgeError, Reason
from bridge.protocol.prompt_tokens import (
    answer_limit,
    check_ids,
    prompt_ids,
    prompt_text,
    required_tokenizer,
    with_special_tokens,
)
from bridge.protocol.tokenizer import Tokenizer
from tests.protocol.models import served
from tests.tokenizers import small

BYTES = Tokenizer(small.source(small.byte_level()))
PLAIN = Tokenizer(small.source(small.byte_level(bos=False)))
WORDS = Tokenizer(small.source(small.wordpiece()))
TEXT = "the quick brown fox"


def model(**fields: Any) -> Any:
    return served("echo_vllm", **fields)


def fault(error: pytest.ExceptionInfo[BridgeError]) -> tuple[Reason, str | None]:
    return error.value.reason, error.value.param


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(TEXT, id="words"),
        pytest.param("<|turn|>user\nWhat? 🙂</s><|turn|>assistant\n", id="special tokens"),
        pytest.param(" \n 日本語", id="beyond ASCII"),
        pytest.param("a \ufffd b", id="a replacement character of the client's own"),
    ],
)
@pytest.mark.parametrize("adds", [True, False])
def test_token_ids_become_their_text(text: str, adds: bool) -> None:
    ids = BYTES.encode(text, add_special_tokens=True)
    back = prompt_text(ids, BYTES, param="prompt", adds_special_tokens=adds)
    assert back == (text if adds else f"<s>{text}")
    assert BYTES.encode(back, add_special_tokens=adds) == ids


def test_token_ids_without_special_tokens_stay_as_they_are() -> None:
    ids = BYTES.encode(TEXT, add_special_tokens=False)
    assert prompt_text(ids, BYTES, param="prompt", adds_special_tokens=True) == TEXT


@pytest.mark.parametrize(
    ("ids", "param", "reason"),
    [
        pytest.param([0, 1, BYTES.vocab_size], "prompt[2]", Reason.INTEGER_ABOVE_MAX_VALUE, id="above"),
        pytest.param([2**31 - 1], "prompt[0]", Reason.INTEGER_ABOVE_MAX_VALUE, id="far above"),
        pytest.param([0, -1], "prompt[1]", Reason.INTEGER_BELOW_MIN_VALUE, id="below"),
        pytest.param([], "prompt", Reason.INVALID_VALUE, id="none"),
        pytest.param([0], "prompt", Reason.INVALID_VALUE, id="none but what the engine adds"),
        pytest.param(
            BYTES.encode("\u2603", add_special_tokens=False)[:-1],
            "prompt",
            Reason.INVALID_VALUE,
            id="cut character",
        ),
    ],
)
def test_ids_that_are_no_prompt_are_refused(ids: list[int], param: str, reason: Reason) -> None:
    with pytest.raises(BridgeError) as error:
        prompt_text(ids, BYTES, param="prompt", adds_special_tokens=True)
    assert fault(error) == (reason, param)


def test_an_id_in_a_gap_is_refused_under_the_path_of_its_array() -> None:
    tokenizer = Tokenizer(small.source(small.wordpiece()).replace(b'"dog":7', b'"dog":9'))
    with pytest.raises(BridgeError) as error:
        check_ids([9, 8], tokenizer, "prompt[3]")
    assert fault(error) == (Reason.INVALID_VALUE, "prompt[3][1]")


@pytest.mark.parametrize(
    ("tokenizer", "adds", "wanted", "expected"),
    [
        pytest.param(BYTES, True, None, "the", id="absent"),
        pytest.param(BYTES, True, True, "the", id="the engine adds them"),
        pytest.param(None, True, True, "the", id="the engine adds them, no tokenizer needed"),
        pytest.param(BYTES, False, True, "<s>the", id="the bridge adds them"),
        pytest.param(WORDS, False, True, "<s>the</s>", id="on both sides"),
        pytest.param(BYTES, False, False, "the", id="nobody adds them"),
        pytest.param(PLAIN, True, False, "the", id="there are none to add"),
    ],
)
def test_special_tokens_are_added_once(
    tokenizer: Tokenizer | None, adds: bool, wanted: bool | None, expected: str
) -> None:
    asked = model(tokenizer=tokenizer, adds_special_tokens=adds)
    assert with_special_tokens("the", wanted, asked) == expected


@pytest.mark.parametrize(
    ("tokenizer", "adds", "wanted"),
    [
        pytest.param(BYTES, True, False, id="the engine adds them all the same"),
        pytest.param(None, True, False, id="it may"),
        pytest.param(None, False, True, id="nobody knows them"),
    ],
)
def test_special_tokens_that_text_cannot_control_are_refused(
    tokenizer: Tokenizer | None, adds: bool, wanted: bool
) -> None:
    with pytest.raises(BridgeError) as error:
        with_special_tokens("the", wanted, model(tokenizer=tokenizer, adds_special_tokens=adds))
    assert fault(error) == (Reason.UNSUPPORTED_PARAMETER, "add_special_tokens")


@pytest.mark.parametrize(
    ("asked", "default", "fallback", "prompt", "length", "expected"),
    [
        pytest.param(7, 5, 16, 10, 100, 7, id="the request"),
        pytest.param(None, 5, 16, 10, 100, 5, id="the operator"),
        pytest.param(None, None, 16, 10, 100, 16, id="the fallback"),
        pytest.param(None, None, None, 10, 100, 90, id="to the end of the context"),
        pytest.param(None, None, None, 10, None, 1024, id="length not known"),
        pytest.param(None, None, None, None, 100, 1024, id="prompt not counted"),
        pytest.param(7, 5, 16, None, None, 7, id="nothing known"),
        pytest.param(None, 50, None, 99, 100, 1, id="the operator's does not fit: what is left"),
        pytest.param(None, None, 16, 90, 100, 10, id="the fallback does not fit: what is left"),
        pytest.param(90, None, None, 10, 100, 90, id="exactly to the end"),
        pytest.param(0, 5, 16, 100, 100, 0, id="none, with echo"),
    ],
)
def test_limit_of_an_answer(
    asked: int | None,
    default: int | None,
    fallback: int | None,
    prompt: int | None,
    length: int | None,
    expected: int,
) -> None:
    found = answer_limit(
        asked,
        default=default,
        fallback=fallback,
        prompt_tokens=prompt,
        model=model(max_model_len=length),
        param="messages",
    )
    assert found == expected


@pytest.mark.parametrize(
    ("asked", "prompt", "more"),
    [
        pytest.param(None, 100, "", id="no room for one token"),
        pytest.param(None, 5000, "", id="prompt alone"),
        pytest.param(20, 5000, "", id="prompt alone, with a limit"),
        pytest.param(91, 10, ", and 91 more are asked for", id="one token too many"),
        pytest.param(0, 101, "", id="prompt alone, with echo"),
    ],
)
def test_what_does_not_fit_is_refused_in_the_known_words(asked: int | None, prompt: int, more: str) -> None:
    with pytest.raises(BridgeError) as error:
        answer_limit(
            asked,
            default=5,
            fallback=16,
            prompt_tokens=prompt,
            model=model(max_model_len=100),
            param="prompt",
        )
    assert fault(error) == (Reason.CONTEXT_LENGTH_EXCEEDED, "prompt")
    assert error.value.message == (
        "This model's maximum context length is 100 tokens. However, your messages resulted in "
        f"{prompt} tokens{more} (context_length_exceeded). Please reduce the length of the messages."
    )


@pytest.mark.parametrize(
    ("adds", "expected"), [pytest.param(True, "<s>the", id="adds"), pytest.param(False, "the", id="adds not")]
)
def test_a_prompt_counts_as_the_engine_sees_it(adds: bool, expected: str) -> None:
    ids = prompt_ids("the", model(tokenizer=BYTES, adds_special_tokens=adds))
    assert ids is not None
    assert BYTES.decode(ids, skip_special_tokens=False) == expected
    assert prompt_ids("the", model()) is None


def test_a_model_without_a_tokenizer_names_the_field() -> None:
    with pytest.raises(BridgeError) as error:
        required_tokenizer(model(), "return_token_ids")
    assert fault(error) == (Reason.UNSUPPORTED_PARAMETER, "return_token_ids")
    assert required_tokenizer(model(tokenizer=BYTES), "return_token_ids") is BYTES
