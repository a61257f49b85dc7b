"""Prompts cut to a number of tokens, at either end, with each of the spellings that models have."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai_bridge.v1.completions_pb2 import CreateCompletionRequest
from tokenizers import trainers

from bridge.errors import BridgeError, Reason
from bridge.protocol.tokenizer import Tokenizer
from bridge.protocol.truncation import cut, truncated
from tests.protocol.models import served
from tests.tokenizers import small

BYTES = Tokenizer(small.source(small.byte_level()))
PIECES = Tokenizer(small.source(small.sentencepiece()))
WORDS = Tokenizer(small.source(small.wordpiece()))
TEXT = "the quick brown fox jumps over the lazy dog"


def model(**fields: Any) -> Any:
    return served("echo_vllm", **fields)


def fault(error: pytest.ExceptionInfo[BridgeError]) -> tuple[Reason, str | None]:
    return error.value.reason, error.value.param


@pytest.mark.parametrize("tokenizer", [BYTES, PIECES, WORDS])
@pytest.mark.parametrize("side", ["left", "right"])
@settings(max_examples=60, deadline=None)
@given(text=st.text(st.sampled_from("the quick dog, 🙂é日\n<s>"), max_size=60), room=st.integers(1, 20))
def test_a_cut_text_is_an_end_of_it_and_fits(tokenizer: Tokenizer, side: str, text: str, room: int) -> None:
    left = cut(text, room, tokenizer, side=side)
    assert text.endswith(left) if side == "left" else text.startswith(left)
    assert tokenizer.count(left, add_special_tokens=False) <= room
    if tokenizer.count(text, add_special_tokens=False) <= room:
        assert left == text


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, TEXT, id="not asked for"),
        pytest.param({"truncate_prompt_tokens": 3}, " lazy dog", id="left is the default"),
        pytest.param({"truncate_prompt_tokens": 3, "truncation_side": "left"}, " lazy dog", id="left"),
        pytest.param({"truncate_prompt_tokens": 3, "truncation_side": "right"}, "the quick", id="right"),
        pytest.param({"truncate_prompt_tokens": 1000}, TEXT, id="fits"),
        pytest.param({"truncate_prompt_tokens": -1}, TEXT, id="fits the model"),
        pytest.param(
            {"truncate_prompt_tokens": -1, "max_tokens": 97}, " lazy dog", id="leaves room for the answer"
        ),
    ],
)
def test_truncation(fields: dict[str, Any], expected: str) -> None:
    words = Tokenizer(small.source(_of_words()))
    request = CreateCompletionRequest(**fields)
    asked = request.max_tokens if request.HasField("max_tokens") else None
    found = truncated(TEXT, request, model(tokenizer=words, max_model_len=100), max_tokens=asked)
    assert found == expected
    limit = fields.get("truncate_prompt_tokens", 1000)
    assert words.count(found, add_special_tokens=True) <= (limit if limit > 0 else 100)


def _of_words() -> Any:
    """Return a byte-level tokenizer that knows every word of `TEXT`, so that a word is a token."""
    tokenizer = small.byte_level()
    tokenizer.train_from_iterator(
        [TEXT] * 5,
        trainers.BpeTrainer(
            vocab_size=600,
            special_tokens=small.SPECIAL,
            initial_alphabet=[chr(code) for code in range(0x21, 0x7F)],
            show_progress=False,
        ),
    )
    return tokenizer


@pytest.mark.parametrize(
    ("fields", "settings_", "reason", "param"),
    [
        pytest.param(
            {"truncate_prompt_tokens": 5},
            {},
            Reason.UNSUPPORTED_PARAMETER,
            "truncate_prompt_tokens",
            id="no tokenizer",
        ),
        pytest.param(
            {"truncate_prompt_tokens": -1},
            {"tokenizer": BYTES},
            Reason.UNSUPPORTED_PARAMETER,
            "truncate_prompt_tokens",
            id="length not known",
        ),
        pytest.param(
            {"truncate_prompt_tokens": 0},
            {"tokenizer": BYTES},
            Reason.INTEGER_BELOW_MIN_VALUE,
            "truncate_prompt_tokens",
            id="nothing",
        ),
        pytest.param(
            {"truncate_prompt_tokens": 1},
            {"tokenizer": BYTES},
            Reason.INTEGER_BELOW_MIN_VALUE,
            "truncate_prompt_tokens",
            id="nothing but a special token",
        ),
        pytest.param(
            {"truncation_side": "middle"},
            {"tokenizer": BYTES},
            Reason.INVALID_VALUE,
            "truncation_side",
            id="no side",
        ),
    ],
)
def test_truncation_that_cannot_be_done_is_refused(
    fields: dict[str, Any], settings_: dict[str, Any], reason: Reason, param: str
) -> None:
    with pytest.raises(BridgeError) as error:
        truncated(TEXT, CreateCompletionRequest(**fields), model(**settings_), max_tokens=None)
    assert fault(error) == (reason, param)


def test_a_character_of_more_tokens_than_fit_leaves_nothing() -> None:
    request = CreateCompletionRequest(truncate_prompt_tokens=2)
    with pytest.raises(BridgeError) as error:
        truncated("\u2603", request, model(tokenizer=BYTES), max_tokens=None)
    assert fault(error) == (Reason.INTEGER_BELOW_MIN_VALUE, "truncate_prompt_tokens")
