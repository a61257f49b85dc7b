"""TensorRT-LLM's model over its LLM API: every field is carried or refused, and what its responses are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from openai_bridge.v1.common_pb2 import FINISH_REASON_LENGTH, FINISH_REASON_STOP

from bridge.errors import BridgeError, Reason
from bridge.protocol.choice import Choice
from bridge.protocol.generation import Generation
from bridge.protocol.translators import choose
from bridge.protocol.translators.llmapi import LlmapiTranslator
from bridge.protocol.translators.typed_inputs import Overrides
from tests.families import family_signature
from tests.protocol.forward_fields import SAMPLES
from tests.protocol.models import says, sent

if TYPE_CHECKING:
    from bridge.protocol.signature import Signature

LLMAPI = family_signature("llmapi")
NOT_DECOUPLED = family_signature("llmapi_nodec")
ASK = Generation(request_id="r", prompt="hello", max_tokens=5)
ALWAYS: dict[str, list[Any]] = {
    "text_input": ["hello"],
    "sampling_param_max_tokens": [5],
    "streaming": [True],
    "sampling_param_exclude_input_from_output": [True],
    "return_finish_reason": [True],
    "return_stop_reason": [True],
}
CARRIED = {
    "temperature": {"sampling_param_top_k": [1]},
    "top_p": {"sampling_param_top_p": [0.5]},
    "top_k": {"sampling_param_top_k": [3]},
    "presence_penalty": {"sampling_param_presence_penalty": [0.5]},
    "frequency_penalty": {"sampling_param_frequency_penalty": [-0.5]},
    "seed": {"sampling_param_seed": [2**62 + 1]},
    "stop": {"sampling_param_stop": ["one", "two"]},
}


def ask(signature: Signature = LLMAPI, **fields: Any) -> dict[str, list[Any]]:
    """Return the inputs that are sent beside those that always are."""
    inputs = sent(LlmapiTranslator(signature).request(replace(ASK, sampling=fields)))
    return {name: values for name, values in inputs.items() if ALWAYS.get(name) != values}


def refused(generation: Generation) -> BridgeError:
    with pytest.raises(BridgeError) as caught:
        LlmapiTranslator(LLMAPI).request(generation)
    return caught.value


@pytest.mark.parametrize("name", SAMPLES)
def test_a_field_becomes_an_input_or_is_refused(name: str) -> None:
    if name in CARRIED:
        assert ask(**{name: SAMPLES[name]}) == CARRIED[name]
    else:
        error = refused(replace(ASK, sampling={name: SAMPLES[name]}))
        assert (error.reason, error.param) == (Reason.UNSUPPORTED_PARAMETER, name)


def test_nothing_else_is_sent_than_what_always_is() -> None:
    assert sent(LlmapiTranslator(LLMAPI).request(ASK)) == ALWAYS


def test_inputs_have_one_dimension() -> None:
    request = LlmapiTranslator(LLMAPI).request(replace(ASK, sampling={"stop": ["a", "b"]}))
    shapes = {item.name: list(item.shape) for item in request.inputs}
    assert shapes.pop("sampling_param_stop") == [2]
    assert set(map(tuple, shapes.values())) == {(1,)}


def test_a_negative_seed_is_its_twos_complement() -> None:
    assert ask(seed=-2) == {"sampling_param_seed": [2**64 - 2]}


def test_a_model_that_is_not_decoupled_is_never_asked_to_stream() -> None:
    assert ask(NOT_DECOUPLED) == {"streaming": [False]}


def test_log_probabilities_are_refused() -> None:
    error = refused(replace(ASK, logprobs=2))
    assert (error.reason, error.param) == (Reason.UNSUPPORTED_PARAMETER, "logprobs")
    assert "sum only" in error.message


@pytest.mark.parametrize(
    ("inputs", "family"),
    [
        pytest.param({"text_input", "streaming", "sampling_param_max_tokens"}, "llmapi", id="llmapi"),
        pytest.param({"text_input", "streaming"}, "text", id="no sampling input"),
        pytest.param({"text_input", "sampling_param_max_tokens"}, "text", id="no streaming input"),
    ],
)
def test_a_model_is_known_by_its_inputs(inputs: set[str], family: str) -> None:
    declared = {name: spec for name, spec in LLMAPI.inputs.items() if name in inputs}
    assert choose(replace(LLMAPI, inputs=declared)).family == family


def test_text_repeats_unless_the_configuration_says_otherwise() -> None:
    usual = LlmapiTranslator(LLMAPI).reader(ASK)
    told = LlmapiTranslator(LLMAPI, Overrides(text_mode="delta")).reader(ASK)
    assert [usual.feed(says(text)).text for text in ("a", "ab\ufffd", "abé")] == ["a", "b", "é"]
    assert [told.feed(says(text)).text for text in ("a", "b")] == ["a", "b"]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        pytest.param("stop", FINISH_REASON_STOP, id="stop"),
        pytest.param("length", FINISH_REASON_LENGTH, id="length"),
        pytest.param("None", FINISH_REASON_STOP, id="never said"),
    ],
)
def test_the_finish_reason_is_the_models_last_word(word: str, reason: int) -> None:
    choice = Choice(ASK, LlmapiTranslator(LLMAPI).reader(ASK))
    choice.feed(says("a", finish_reason="None"))
    choice.feed(says("ab", finish_reason=word))
    assert choice.finish().finish_reason == reason


def test_the_stop_string_that_ended_the_text_is_the_models_last_word() -> None:
    reader = LlmapiTranslator(LLMAPI).reader(ASK)
    reader.feed(says("a", stop_reason=""))
    reader.feed(says("ab", stop_reason="END"))
    assert reader.finish().stop_reason == "END"


def test_the_likelihood_of_an_answer_is_asked_for_where_candidates_are_ranked() -> None:
    translator = LlmapiTranslator(LLMAPI)
    request = translator.request(replace(ASK, cumulative_logprob=True))
    assert translator.ranks
    assert sent(request)["return_cumulative_logprob"] == [True]
    assert "cumulative_logprob" in [item.name for item in request.outputs]
    assert translator.reader(ASK).feed(says("a", cumulative_logprob="-1.5")).cumulative_logprob == -1.5
    assert "cumulative_logprob" not in [item.name for item in translator.request(ASK).outputs]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        pytest.param("timeout", Reason.TIMEOUT, id="timeout"),
        pytest.param("cancelled", Reason.RESPONSE_TRUNCATED, id="cancelled"),
    ],
)
def test_an_answer_cut_short_is_a_failure_after_its_text(word: str, reason: Reason) -> None:
    reader = LlmapiTranslator(LLMAPI).reader(ASK)
    assert reader.feed(says("all there is", finish_reason=word)).text == "all there is"
    with pytest.raises(BridgeError) as caught:
        reader.finish()
    assert caught.value.reason is reason


def test_stop_strings_are_left_to_the_bridge() -> None:
    assert LlmapiTranslator(LLMAPI).cuts_stop_strings is False
