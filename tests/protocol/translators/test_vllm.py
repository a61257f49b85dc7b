"""The vLLM backend's tensors: every field is carried or refused, and what its responses amount to."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from openai_bridge.v1.common_pb2 import FINISH_REASON_LENGTH, FINISH_REASON_STOP

from bridge.errors import BridgeError, Reason
from bridge.protocol.generation import Alternative, Generation, Piece, Token
from bridge.protocol.translators.vllm import VllmTranslator
from tests.protocol.forward_fields import SAMPLES
from tests.protocol.models import declared, says, sent, standin, tensor

PYTHON = standin("echo_vllm")
REAL = replace(PYTHON, backend="vllm")
ASK = Generation(request_id="r", prompt="hello", max_tokens=5)

CARRIED = {
    *("temperature", "top_p", "top_k", "min_p", "presence_penalty", "frequency_penalty"),
    *("repetition_penalty", "seed", "stop", "stop_token_ids", "bad_words", "ignore_eos", "min_tokens"),
    *("include_stop_str_in_output", "skip_special_tokens", "spaces_between_special_tokens"),
    "allowed_token_ids",
}


def sampling(generation: Generation, signature: Any = PYTHON) -> dict[str, Any]:
    """Return the keys of `sampling_parameters`."""
    inputs = sent(VllmTranslator(signature).request(generation))
    keys: dict[str, Any] = json.loads(inputs["sampling_parameters"][0])
    return keys


def asking(**fields: Any) -> Generation:
    return replace(ASK, sampling=fields)


def refused(generation: Generation, signature: Any = PYTHON) -> BridgeError:
    with pytest.raises(BridgeError) as caught:
        VllmTranslator(signature).request(generation)
    return caught.value


@pytest.mark.parametrize("name", SAMPLES)
def test_a_field_becomes_a_sampling_key_or_is_refused(name: str) -> None:
    asked = asking(**{name: SAMPLES[name]})
    if name in CARRIED:
        assert sampling(asked, REAL) == {"max_tokens": 5, name: SAMPLES[name]}
    else:
        error = refused(asked, REAL)
        assert (error.reason, error.param) == (Reason.UNSUPPORTED_PARAMETER, name)


def test_a_python_model_gets_logit_bias_with_token_ids_as_text() -> None:
    assert sampling(asking(logit_bias={50256: -100.0}))["logit_bias"] == {"50256": -100.0}


def test_the_real_backend_refuses_logit_bias() -> None:
    assert refused(asking(logit_bias={1: 1.0}), REAL).param == "logit_bias"


def test_what_cannot_be_carried_is_accepted_where_it_asks_for_nothing() -> None:
    assert sampling(asking(priority=0)) == {"max_tokens": 5}


def test_explicit_zeros_arrive() -> None:
    zeros = {"temperature": 0.0, "seed": 0, "presence_penalty": 0.0, "top_k": 0}
    assert sampling(asking(**zeros)) == {"max_tokens": 5, **zeros}


def test_top_p_of_zero_becomes_the_least_that_vllm_takes() -> None:
    assert 0 < sampling(asking(top_p=0.0))["top_p"] < 1e-5


def test_the_request_in_full() -> None:
    request = VllmTranslator(PYTHON).request(ASK)
    assert sent(request) == {
        "text_input": ["hello"],
        "sampling_parameters": ['{"max_tokens":5}'],
        "stream": [True],
        "exclude_input_in_output": [True],
        "return_finish_reason": [True],
        "return_num_input_tokens": [True],
        "return_num_output_tokens": [True],
    }
    names = ["text_output", "finish_reason", "num_input_tokens", "num_output_tokens"]
    assert [item.name for item in request.outputs] == names


def test_an_old_backend_is_not_asked_for_what_it_lacks() -> None:
    old = declared(
        tensor("text_input", optional=False), tensor("stream", "BOOL"), tensor("sampling_parameters")
    )
    request = VllmTranslator(old).request(ASK)
    assert set(sent(request)) == {"text_input", "stream", "sampling_parameters"}
    assert [item.name for item in request.outputs] == ["text_output"]


def test_a_model_that_answers_once_is_not_asked_to_stream() -> None:
    assert sent(VllmTranslator(replace(PYTHON, decoupled=False)).request(ASK))["stream"] == [False]


@pytest.mark.parametrize("top", [0, 2])
def test_logprobs_switch_an_output_on(top: int) -> None:
    request = VllmTranslator(PYTHON).request(replace(ASK, logprobs=top))
    assert sent(request)["return_logprobs"] == [True]
    assert "logprobs" in [item.name for item in request.outputs]
    assert json.loads(sent(request)["sampling_parameters"][0])["logprobs"] == top


def test_logprobs_are_refused_where_the_backend_has_none() -> None:
    inputs = {name: spec for name, spec in PYTHON.inputs.items() if name != "return_logprobs"}
    error = refused(replace(ASK, logprobs=0), replace(PYTHON, inputs=inputs))
    assert (error.reason, error.param) == (Reason.UNSUPPORTED_PARAMETER, "logprobs")


def read(*responses: Any, logprobs: int | None = None) -> tuple[list[Piece], Piece]:
    """Return what each response adds, and the end."""
    reader = VllmTranslator(PYTHON).reader(replace(ASK, logprobs=logprobs))
    return [reader.feed(response) for response in responses], reader.finish()


def test_text_counts_and_the_end_are_read() -> None:
    pieces, end = read(
        says("a", finish_reason="None", num_input_tokens=4, num_output_tokens=1),
        says("b", finish_reason="length", num_input_tokens=4, num_output_tokens=2),
    )
    assert pieces == [
        Piece(text="a", prompt_tokens=4, completion_tokens=1),
        Piece(text="b", prompt_tokens=4, completion_tokens=2),
    ]
    assert end == Piece(finish_reason=FINISH_REASON_LENGTH)


@pytest.mark.parametrize("word", ["stop", "something new"])
def test_any_other_end_is_stop(word: str) -> None:
    _, end = read(says("a", finish_reason=word))
    assert end.finish_reason == FINISH_REASON_STOP


def test_an_aborted_answer_is_a_failure() -> None:
    with pytest.raises(BridgeError) as caught:
        read(says("a", finish_reason="abort"))
    assert caught.value.reason is Reason.RESPONSE_TRUNCATED


def test_a_character_cut_at_the_end_becomes_a_replacement() -> None:
    pieces, end = read(says("a€".encode()[:-1]))
    assert (pieces[0].text, end.text) == ("a", "\ufffd")


def entry(*tokens: tuple[str | None, float]) -> dict[str, Any]:
    return {
        str(at): {"decoded_token": text, "logprob": lp, "rank": 1} for at, (text, lp) in enumerate(tokens)
    }


def tokens_of(*entries: Any, top: int) -> list[Token]:
    pieces, _ = read(says("x", logprobs=json.dumps(list(entries))), logprobs=top)
    return list(pieces[0].tokens)


def test_the_sampled_token_comes_first_and_alternatives_best_first() -> None:
    found = tokens_of(entry(("c", -3.0), ("b", -2.0), ("a", -1.0)), top=2)
    assert found == [Token("c", -3.0, 0, (Alternative("a", -1.0, 2), Alternative("b", -2.0, 1)))]


def test_no_alternatives_were_asked_for() -> None:
    assert tokens_of(entry(("a", -0.5)), top=0) == [Token("a", -0.5, 0)]


@pytest.mark.parametrize("value", [float("-inf"), float("nan"), -1e5])
def test_the_least_logprob_is_a_number_that_json_has(value: float) -> None:
    assert tokens_of(entry(("a", value)), top=0)[0].logprob == -9999.0


def test_a_token_without_text_is_empty() -> None:
    assert tokens_of(entry((None, -1.0)), top=0) == [Token("", -1.0, 0)]


@pytest.mark.parametrize("raw", ["null", "[]", ""])
def test_no_logprobs_are_no_tokens(raw: str) -> None:
    pieces, _ = read(says("x", logprobs=raw), logprobs=1)
    assert pieces[0].tokens == ()


@pytest.mark.parametrize("raw", ["{", "[1]", '[{"1": {}}]', '[{"1": {"logprob": "secret"}}]', '{"a": 1}'])
def test_malformed_logprobs_are_a_contract_failure(raw: str) -> None:
    with pytest.raises(BridgeError) as caught:
        read(says("x", logprobs=raw), logprobs=1)
    assert caught.value.reason is Reason.BACKEND_CONTRACT
    assert "secret" not in caught.value.message


def test_logprobs_that_nobody_asked_for_are_not_read() -> None:
    pieces, _ = read(says("x", logprobs="{"))
    assert pieces[0].tokens == ()
