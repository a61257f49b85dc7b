"""/tokenize and /detokenize: what is understood, what is answered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from bridge.errors import BridgeError, Reason
from bridge.protocol.tokenize import (
    DetokenizeRequest,
    detokenized,
    read_detokenize,
    read_tokenize,
    text_of,
    tokenized,
    tokenizer_of,
)
from bridge.protocol.tokenizer import Tokenizer
from tests.protocol.models import served
from tests.tokenizers import small

BYTES = Tokenizer(small.source(small.byte_level()))
NOW = datetime(2026, 8, 17, tzinfo=UTC)
HI = [{"role": "user", "content": "hi"}]
TEMPLATE = "{{ messages[0].content }}{{ tools }}{{ '!' if add_generation_prompt }}{{ x }}"


@pytest.mark.parametrize(
    ("body", "adds", "expected"),
    [
        pytest.param({"prompt": "hi"}, True, ("hi", True), id="prompt"),
        pytest.param({"prompt": ""}, True, ("", True), id="empty prompt"),
        pytest.param({"prompt": "hi", "add_special_tokens": False}, True, ("hi", False), id="prompt, bare"),
        pytest.param({"prompt": "hi", "add_special_tokens": True}, True, ("hi", True), id="prompt, explicit"),
        pytest.param({"prompt": "hi", "messages": None}, True, ("hi", True), id="null is absent"),
        pytest.param({"messages": HI}, True, ("hiNone!", True), id="messages, as the engine sees them"),
        pytest.param({"messages": HI}, False, ("hiNone!", False), id="messages, engine adds nothing"),
        pytest.param(
            {"messages": HI, "add_special_tokens": True}, False, ("hiNone!", True), id="messages, explicit"
        ),
        pytest.param(
            {"messages": HI, "add_generation_prompt": False, "chat_template_kwargs": {"x": 1}},
            False,
            ("hiNone1", False),
            id="variables of the template",
        ),
    ],
)
def test_text_of_a_request(body: dict[str, Any], adds: bool, expected: tuple[str, bool]) -> None:
    model = served("echo_vllm", TEMPLATE, tokenizer=BYTES, adds_special_tokens=adds)
    assert text_of(read_tokenize(body), model, NOW) == expected


def test_names_and_switches_are_read() -> None:
    read = read_tokenize({"model": "m", "prompt": "hi", "return_token_strs": True, "color": 1})
    assert (read.source.model, read.return_token_strs, read.ignored) == ("m", True, ("color",))
    read = read_tokenize({"messages": HI, "return_token_strs": None, "color": 1})
    assert (read.source.model, read.return_token_strs, read.ignored) == ("", False, ("color",))


def test_a_body_meant_for_chat_is_understood_whole() -> None:
    body = {"model": "m", "messages": HI, "temperature": 0.5, "stream": True, "max_tokens": 5}
    assert read_tokenize(body).ignored == ()


@pytest.mark.parametrize(
    ("body", "reason", "param"),
    [
        pytest.param({}, Reason.MISSING_REQUIRED_PARAMETER, "prompt", id="neither"),
        pytest.param({"prompt": "x", "messages": HI}, Reason.INVALID_VALUE, "messages", id="both"),
        pytest.param({"prompt": ["x"]}, Reason.INVALID_TYPE, "prompt", id="many prompts"),
        pytest.param({"prompt": 1}, Reason.INVALID_TYPE, "prompt", id="number"),
        pytest.param({"prompt": "x", "model": 1}, Reason.INVALID_TYPE, "model", id="model"),
        pytest.param(
            {"prompt": "x", "return_token_strs": 1}, Reason.INVALID_TYPE, "return_token_strs", id="switch"
        ),
        pytest.param({"messages": [{}]}, Reason.MISSING_REQUIRED_PARAMETER, "messages[0].role", id="message"),
        pytest.param(
            {"messages": HI, "chat_template": "x"},
            Reason.UNSUPPORTED_PARAMETER,
            "chat_template",
            id="template",
        ),
    ],
)
def test_a_wrong_tokenize_request_names_its_field(body: dict[str, Any], reason: Reason, param: str) -> None:
    with pytest.raises(BridgeError) as error:
        read_tokenize(body)
    assert (error.value.reason, error.value.param) == (reason, param)


@pytest.mark.parametrize(
    ("body", "reason", "param"),
    [
        pytest.param({}, Reason.MISSING_REQUIRED_PARAMETER, "tokens", id="none"),
        pytest.param({"tokens": "1"}, Reason.INVALID_TYPE, "tokens", id="text"),
        pytest.param({"tokens": [1, "2"]}, Reason.INVALID_TYPE, "tokens[1]", id="text among them"),
        pytest.param({"tokens": [1, True]}, Reason.INVALID_TYPE, "tokens[1]", id="boolean among them"),
        pytest.param({"tokens": [2**31]}, Reason.INTEGER_ABOVE_MAX_VALUE, "tokens[0]", id="too great"),
        pytest.param({"tokens": [1], "model": []}, Reason.INVALID_TYPE, "model", id="model"),
    ],
)
def test_a_wrong_detokenize_request_names_its_field(body: dict[str, Any], reason: Reason, param: str) -> None:
    with pytest.raises(BridgeError) as error:
        read_detokenize(body)
    assert (error.value.reason, error.value.param) == (reason, param)


def test_a_detokenize_request_is_read() -> None:
    read = read_detokenize({"model": "m", "tokens": [1, 2.0], "color": 1})
    assert read == DetokenizeRequest(model="m", tokens=[1, 2], ignored=("color",))
    assert read_detokenize({"tokens": []}) == DetokenizeRequest(model="", tokens=[])


@pytest.mark.parametrize(
    ("strings", "length", "expected"),
    [
        pytest.param(
            True,
            4096,
            {"count": 2, "max_model_len": 4096, "tokens": [0, 1], "token_strs": ["<s>", "</s>"]},
            id="all",
        ),
        pytest.param(
            False, None, {"count": 2, "max_model_len": None, "tokens": [0, 1], "token_strs": None}, id="least"
        ),
    ],
)
def test_the_answer_to_tokenize(strings: bool, length: int | None, expected: dict[str, Any]) -> None:
    body = tokenized("</s>", BYTES, add_special_tokens=True, strings=strings, max_model_len=length)
    assert orjson.loads(body) == expected


@pytest.mark.parametrize("text", ["hi", "<|turn|>user\n🙂</s>", ""])
def test_detokenizing_undoes_tokenizing(text: str) -> None:
    tokens = orjson.loads(
        tokenized(text, BYTES, add_special_tokens=False, strings=False, max_model_len=None)
    )["tokens"]
    assert orjson.loads(detokenized(DetokenizeRequest(model="", tokens=tokens), BYTES)) == {"prompt": text}


def test_special_tokens_are_spelled_out() -> None:
    assert orjson.loads(detokenized(DetokenizeRequest(model="", tokens=[0, 1]), BYTES)) == {
        "prompt": "<s></s>"
    }


def test_an_id_that_is_no_token_is_refused() -> None:
    with pytest.raises(BridgeError) as error:
        detokenized(DetokenizeRequest(model="", tokens=[0, BYTES.vocab_size]), BYTES)
    assert (error.value.reason, error.value.param) == (Reason.INTEGER_ABOVE_MAX_VALUE, "tokens[1]")


def test_a_model_without_a_tokenizer_is_named() -> None:
    with pytest.raises(BridgeError) as error:
        tokenizer_of(served("echo_vllm"))
    assert (error.value.reason, error.value.param) == (Reason.MODEL_NOT_COMPATIBLE, "model")
    assert "'echo_vllm'" in error.value.message
    assert tokenizer_of(served("echo_vllm", tokenizer=BYTES)) is BYTES
