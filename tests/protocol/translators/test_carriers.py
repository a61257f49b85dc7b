"""What `check` says of a field is what a request does: no field is dropped by any family."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from bridge.errors import BridgeError
from bridge.protocol.constraints import FIELDS
from bridge.protocol.generation import Generation
from bridge.protocol.request_fields import FORWARD_NEUTRAL
from bridge.protocol.translators import TRANSLATORS, choose
from tests.families import family_signature
from tests.protocol import dynamo_frontend
from tests.protocol.forward_fields import SAMPLES
from tests.protocol.models import sent, standin

MODELS = {
    "vllm": standin("echo_vllm"),
    "vllm, the real backend": replace(standin("echo_vllm"), backend="vllm"),
    "ensemble": family_signature("ensemble", decoupled=True),
    "BLS": family_signature("tensorrt_llm_bls"),
    "llmapi": family_signature("llmapi"),
    "Dynamo": dynamo_frontend.signature(),
    "plain": standin("plain"),
    "batched": standin("batched"),
}
ASK = Generation(request_id="r", prompt="hello", max_tokens=5)
EVERY: dict[str, Any] = {**SAMPLES, "temperature": 0.5}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", EVERY)
def test_a_field_is_carried_as_it_is_said_or_refused_as_it_is_said(model: str, name: str) -> None:
    translator = choose(MODELS[model])
    carrier = translator.carriers()[name]
    generation = replace(ASK, sampling={name: EVERY[name]})
    if carrier == "refused":
        with pytest.raises(BridgeError) as caught:
            translator.request(generation)
        assert caught.value.param == name
        return
    inputs = sent(translator.request(generation))
    if carrier.startswith("sampling_parameters."):
        assert carrier == f"sampling_parameters.{name}"
        assert name in orjson.loads(inputs["sampling_parameters"][0])
        return
    kind, tensor, datatype = carrier.split()
    assert kind == "input"
    assert tensor in inputs
    assert datatype == MODELS[model].inputs[tensor].datatype


@pytest.mark.parametrize("model", MODELS)
def test_every_field_is_told_of(model: str) -> None:
    carriers = choose(MODELS[model]).carriers()
    assert set(carriers) == {"max_tokens", *FORWARD_NEUTRAL, *FIELDS, "logprobs"}


@pytest.mark.parametrize(
    ("model", "max_tokens", "logprobs"),
    [
        pytest.param("vllm", "sampling_parameters.max_tokens", "sampling_parameters.logprobs", id="vllm"),
        pytest.param("ensemble", "input max_tokens INT32", "refused", id="trtllm"),
        pytest.param("llmapi", "input sampling_param_max_tokens INT32", "refused", id="llmapi"),
        pytest.param("Dynamo", "refused", "refused", id="dynamo"),
        pytest.param("plain", "input max_tokens INT32", "refused", id="text"),
    ],
)
def test_the_limit_and_log_probabilities_are_told_of(model: str, max_tokens: str, logprobs: str) -> None:
    carriers = choose(MODELS[model]).carriers()
    assert (carriers["max_tokens"], carriers["logprobs"]) == (max_tokens, logprobs)


def test_every_family_is_tried() -> None:
    assert {choose(signature).family for signature in MODELS.values()} == set(TRANSLATORS)


def test_only_vllm_cuts_stop_strings() -> None:
    cutting = {model for model, signature in MODELS.items() if choose(signature, "auto").cuts_stop_strings}
    assert cutting == {"vllm", "vllm, the real backend"}
