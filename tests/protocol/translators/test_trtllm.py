"""TensorRT-LLM's ensemble and business logic script: every field is carried or refused, and how."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from openai_bridge.v1.common_pb2 import FINISH_REASON_LENGTH, FINISH_REASON_STOP

from bridge.errors import BridgeError, Reason
from bridge.protocol.choice import Choice
from bridge.protocol.generation import Generation
from bridge.protocol.translators import choose
from bridge.protocol.translators.trtllm import TrtllmTranslator
from bridge.protocol.translators.typed_inputs import Overrides
from tests.families import family_signature
from tests.protocol.forward_fields import SAMPLES
from tests.protocol.models import declared, says, sent, tensor

if TYPE_CHECKING:
    from bridge.protocol.signature import Signature

ENSEMBLE = family_signature("ensemble", decoupled=True)
BLS = family_signature("tensorrt_llm_bls")
ACCUMULATED = family_signature("tensorrt_llm_bls_accumulated")
ASK = Generation(request_id="r", prompt="hello", max_tokens=5)
ALWAYS: dict[str, list[Any]] = {
    "text_input": ["hello"],
    "max_tokens": [5],
    "stream": [True],
    "exclude_input_in_output": [True],
    "return_num_input_tokens": [True],
    "return_num_output_tokens": [True],
}
CARRIED = {
    "temperature": {"top_k": [1]},
    "top_p": {"top_p": [0.5]},
    "top_k": {"top_k": [3]},
    "presence_penalty": {"presence_penalty": [0.5]},
    "frequency_penalty": {"frequency_penalty": [-0.5]},
    "repetition_penalty": {"repetition_penalty": [1.5]},
    "seed": {"seed": [2**62 + 1]},
    "stop": {"stop_words": ["one", "two"]},
    "bad_words": {"bad_words": ["bad", "worse"]},
    "min_tokens": {"min_tokens": [2]},
}


def ask(signature: Signature = ENSEMBLE, **fields: Any) -> dict[str, list[Any]]:
    """Return the inputs that are sent beside those that always are."""
    inputs = sent(TrtllmTranslator(signature).request(replace(ASK, sampling=fields)))
    return {name: values for name, values in inputs.items() if ALWAYS.get(name) != values}


def refused(generation: Generation, signature: Signature = ENSEMBLE) -> BridgeError:
    with pytest.raises(BridgeError) as caught:
        TrtllmTranslator(signature).request(generation)
    return caught.value


@pytest.mark.parametrize("signature", [ENSEMBLE, BLS], ids=["ensemble", "BLS"])
@pytest.mark.parametrize("name", SAMPLES)
def test_a_field_becomes_an_input_or_is_refused(name: str, signature: Signature) -> None:
    if name in CARRIED:
        assert ask(signature, **{name: SAMPLES[name]}) == CARRIED[name]
    else:
        error = refused(replace(ASK, sampling={name: SAMPLES[name]}), signature)
        assert (error.reason, error.param) == (Reason.UNSUPPORTED_PARAMETER, name)


def test_nothing_else_is_sent_than_what_always_is() -> None:
    assert sent(TrtllmTranslator(ENSEMBLE).request(ASK)) == ALWAYS


@pytest.mark.parametrize(
    ("fields", "inputs"),
    [
        pytest.param({"temperature": 0.0}, {"top_k": [1]}, id="greedy"),
        pytest.param({"temperature": 0.0, "top_k": 40}, {"top_k": [1]}, id="greedy beats top_k"),
        pytest.param({"temperature": 0.5}, {"temperature": [0.5]}, id="temperature"),
        pytest.param({"top_k": -1}, {"top_k": [0]}, id="top_k off"),
        pytest.param({"top_k": 0}, {"top_k": [0]}, id="top_k off, TensorRT-LLM's way"),
        pytest.param({"top_p": 0.0}, {"top_p": [pytest.approx(1e-6)]}, id="top_p 0 is not unset"),
        pytest.param({"seed": -1}, {"seed": [2**64 - 1]}, id="a negative seed"),
        pytest.param({"seed": -(2**63)}, {"seed": [2**63]}, id="the least seed"),
        pytest.param({"min_p": 0.0}, {}, id="a neutral value that has no input"),
    ],
)
def test_values_are_worded_as_the_engine_takes_them(
    fields: dict[str, Any], inputs: dict[str, list[Any]]
) -> None:
    assert ask(**fields) == inputs


def test_every_input_has_a_batch_dimension() -> None:
    request = TrtllmTranslator(ENSEMBLE).request(replace(ASK, sampling={"stop": ["a", "b", "c"]}))
    shapes = {item.name: list(item.shape) for item in request.inputs}
    assert shapes.pop("stop_words") == [1, 3]
    assert set(map(tuple, shapes.values())) == {(1, 1)}


def test_an_old_repository_gets_its_old_names() -> None:
    inputs = dict(ENSEMBLE.inputs)
    for new, old in (("seed", "random_seed"), ("min_tokens", "min_length")):
        inputs[old] = replace(inputs.pop(new), name=old)
    assert ask(replace(ENSEMBLE, inputs=inputs), seed=3, min_tokens=2) == {
        "random_seed": [3],
        "min_length": [2],
    }


def test_without_top_k_a_temperature_of_0_goes_as_it_is() -> None:
    inputs = {name: spec for name, spec in ENSEMBLE.inputs.items() if name != "top_k"}
    assert ask(replace(ENSEMBLE, inputs=inputs), temperature=0.0) == {"temperature": [0.0]}


@pytest.mark.parametrize(
    ("generation", "param", "why"),
    [
        pytest.param(replace(ASK, logprobs=0), "logprobs", "chosen tokens only", id="logprobs"),
        pytest.param(
            replace(ASK, sampling={"logit_bias": {7: 1.0}}), "logit_bias", "not token ids", id="logit_bias"
        ),
    ],
)
def test_a_refusal_says_why(generation: Generation, param: str, why: str) -> None:
    error = refused(generation)
    assert (error.reason, error.param) == (Reason.UNSUPPORTED_PARAMETER, param)
    assert why in error.message
    assert "'ensemble'" in error.message


def test_a_model_that_is_not_decoupled_is_never_asked_to_stream() -> None:
    assert ask(replace(ENSEMBLE, decoupled=False)) == {"stream": [False]}


@pytest.mark.parametrize(
    ("signature", "family"),
    [
        pytest.param(ENSEMBLE, "trtllm", id="ensemble"),
        pytest.param(BLS, "trtllm", id="BLS"),
        pytest.param(ACCUMULATED, "trtllm", id="accumulating BLS"),
        pytest.param(replace(BLS, parameters={"accumulate_tokens": ""}), "trtllm", id="BLS by one parameter"),
        pytest.param(replace(BLS, parameters={}), "text", id="no parameter"),
        pytest.param(replace(BLS, backend="tensorrtllm"), "text", id="another backend"),
        pytest.param(
            declared(tensor("text_input", optional=False), platform="ensemble"), "text", id="another ensemble"
        ),
    ],
)
def test_a_model_is_known_by_its_platform_or_its_parameters(signature: Signature, family: str) -> None:
    assert choose(signature).family == family


def read(signature: Signature, *responses: Any, mode: Any = None) -> tuple[list[str], Any]:
    """Return the texts of a choice's pieces and its finish reason."""
    choice = Choice(ASK, TrtllmTranslator(signature, Overrides(text_mode=mode)).reader(ASK))
    texts = [choice.feed(response).text for response in responses]
    end = choice.finish()
    return [*texts, end.text], end.finish_reason


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        pytest.param("true", ["a", "b", ""], id="true"),
        pytest.param("Yes", ["a", "b", ""], id="yes"),
        pytest.param("1", ["a", "b", ""], id="1"),
        pytest.param("T", ["a", "b", ""], id="t"),
        pytest.param("false", ["a", "ab", ""], id="false"),
        pytest.param("", ["a", "ab", ""], id="empty"),
        pytest.param("${accumulate_tokens}", ["a", "ab", ""], id="not filled in"),
    ],
)
def test_text_repeats_if_the_script_accumulates(value: str, texts: list[str]) -> None:
    signature = replace(BLS, parameters={"accumulate_tokens": value})
    assert read(signature, says("a"), says("ab"))[0] == texts


def test_the_configuration_knows_better_what_the_text_is() -> None:
    assert read(ENSEMBLE, says("a"), says("ab"), mode="cumulative")[0] == ["a", "b", ""]
    assert read(ACCUMULATED, says("a"), says("ab"), mode="delta")[0] == ["a", "ab", ""]


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        pytest.param([], FINISH_REASON_STOP, id="no counts"),
        pytest.param([2, 2], FINISH_REASON_STOP, id="fewer than the limit"),
        pytest.param([2, 3], FINISH_REASON_LENGTH, id="the limit"),
        pytest.param([4, 4], FINISH_REASON_LENGTH, id="more"),
    ],
)
def test_the_finish_reason_is_inferred_from_the_counts(counts: list[int], reason: int) -> None:
    responses = [says("x", num_output_tokens=count) for count in counts] or [says("x")]
    assert read(ENSEMBLE, *responses)[1] == reason


def test_the_likelihood_of_an_answer_is_asked_for_where_candidates_are_ranked() -> None:
    inputs = {**ENSEMBLE.inputs, "return_log_probs": tensor("return_log_probs", "BOOL")}
    outputs = {**ENSEMBLE.outputs, "cum_log_probs": tensor("cum_log_probs", "FP32", (-1,))}
    translator = TrtllmTranslator(replace(ENSEMBLE, inputs=inputs, outputs=outputs))
    request = translator.request(replace(ASK, cumulative_logprob=True))
    assert translator.ranks
    del inputs["return_log_probs"]
    assert not TrtllmTranslator(replace(ENSEMBLE, inputs=inputs, outputs=outputs)).ranks
    assert sent(request)["return_log_probs"] == [True]
    assert "cum_log_probs" in [item.name for item in request.outputs]
    assert translator.reader(ASK).feed(says("a", cum_log_probs=-1.5)).cumulative_logprob == -1.5
    assert "cum_log_probs" not in [item.name for item in translator.request(ASK).outputs]


def test_stop_strings_are_left_to_the_bridge() -> None:
    assert TrtllmTranslator(ENSEMBLE).cuts_stop_strings is False
