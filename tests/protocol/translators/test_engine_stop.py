"""What an engine inside an ensemble is told to stop by, and which engines can be told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bridge.protocol.kserve import WANT_EMPTY_FINAL
from bridge.protocol.translators import TRANSLATORS
from bridge.protocol.translators.text import TextTranslator
from bridge.protocol.translators.trtllm import TrtllmTranslator
from tests.families import family_signature
from tests.protocol.models import declared, sent, standin, tensor

if TYPE_CHECKING:
    from bridge.protocol.signature import Signature, TensorSpec

STEPS = tuple(map(family_signature, ("preprocessing", "tensorrt_llm", "postprocessing")))
ENGINE = STEPS[1]
ENSEMBLE = replace(family_signature("ensemble", decoupled=True), steps=STEPS)
LENGTHS = (tensor("input_lengths", "INT32", optional=False), tensor("request_output_len", "INT32"))
STOP = tensor("stop", "BOOL")
ZEROS = {"input_lengths": [0], "request_output_len": [0]}


def test_the_engine_gets_a_request_of_the_same_id() -> None:
    request = TrtllmTranslator(ENSEMBLE).stop("chat-1:0")
    assert request is not None
    assert (request.model_name, request.model_version, request.id) == ("tensorrt_llm", "", "chat-1:0")
    assert sent(request) == {**ZEROS, "input_ids": [0], "stop": [True]}
    assert {tuple(item.shape) for item in request.inputs} == {(1, 1)}
    assert request.parameters[WANT_EMPTY_FINAL].bool_param
    assert not request.outputs


def test_an_engine_of_a_certain_version_is_told_there() -> None:
    steps = (STEPS[0], replace(ENGINE, version="3"))
    request = TrtllmTranslator(replace(ENSEMBLE, steps=steps)).stop("r")
    assert request is not None
    assert request.model_version == "3"


def test_an_engine_without_batching_or_token_ids_gets_what_it_declares() -> None:
    engine = declared(*LENGTHS, STOP)
    request = TextTranslator(replace(standin("plain"), steps=(engine,))).stop("r")
    assert request is not None
    assert sent(request) == {**ZEROS, "stop": [True]}
    assert {tuple(item.shape) for item in request.inputs} == {(1,)}


@pytest.mark.parametrize(
    "inputs",
    [
        pytest.param(LENGTHS, id="no stop"),
        pytest.param((STOP,), id="no engine"),
        pytest.param((*LENGTHS, tensor("stop", "BYTES")), id="stop strings"),
        pytest.param((*LENGTHS, tensor("stop", "BOOL", (2,))), id="two flags"),
        pytest.param((*LENGTHS, STOP, tensor("x", optional=False)), id="wants more"),
    ],
)
def test_other_steps_are_told_nothing(inputs: tuple[TensorSpec, ...]) -> None:
    ensemble = replace(ENSEMBLE, steps=(declared(*inputs),))
    assert TrtllmTranslator(ensemble).stop("r") is None


@pytest.mark.parametrize(
    ("family", "signature"),
    [
        pytest.param("vllm", standin("echo_vllm"), id="vLLM"),
        pytest.param("llmapi", family_signature("llmapi"), id="llmapi"),
        pytest.param("trtllm", family_signature("tensorrt_llm_bls"), id="a script"),
        pytest.param("trtllm", replace(ENSEMBLE, steps=()), id="an ensemble whose steps are not known"),
        pytest.param("text", standin("plain"), id="a plain model"),
    ],
)
def test_models_that_are_no_ensemble_have_no_stop_request(family: str, signature: Signature) -> None:
    assert TRANSLATORS[family](signature).stop("r") is None
