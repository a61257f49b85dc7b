"""What the operator says of a model's tensors, where its family is wrong or does not know."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bridge.errors import BridgeError, Reason
from bridge.protocol.generation import Generation
from bridge.protocol.translators import UnservableError, choose
from bridge.protocol.translators.typed_inputs import Overrides
from tests.families import family_signature
from tests.protocol.models import declared, says, sent, tensor

ASK = Generation(request_id="r", prompt="hello", max_tokens=5)
QUESTION = tensor("question", optional=False)
INHOUSE = declared(
    QUESTION,
    tensor("budget", "INT32"),
    tensor("flow", "BOOL"),
    tensor("alone", "BOOL"),
    tensor("heat", "FP32"),
    tensor("text_input"),
    outputs=["reply"],
)
NAMES = {
    "prompt": "question",
    "answer": "reply",
    "max_tokens": "budget",
    "stream": "flow",
    "exclude_prompt": "alone",
    "temperature": "heat",
}


def told(request: Any, name: str) -> Any:
    parameter = request.parameters[name]
    return getattr(parameter, parameter.WhichOneof("parameter_choice"))


def test_tensors_of_any_name_are_filled_and_read() -> None:
    translator = choose(INHOUSE, overrides=Overrides(tensors=NAMES))
    request = translator.request(replace(ASK, sampling={"temperature": 0.5}))
    assert translator.family == "text"
    assert sent(request) == {
        "question": ["hello"],
        "budget": [5],
        "flow": [True],
        "alone": [True],
        "heat": [0.5],
    }
    assert [item.name for item in request.outputs] == ["reply"]
    assert translator.reader(ASK).feed(says("-", reply="hi")).text == "hi"
    assert translator.carriers()["temperature"] == "input heat FP32"
    assert translator.carriers()["max_tokens"] == "input budget INT32"


@pytest.mark.parametrize("role", ["prompt", "answer"])
def test_a_prompt_or_answer_that_is_not_there_leaves_the_model_unserved(role: str) -> None:
    with pytest.raises(UnservableError):
        choose(INHOUSE, overrides=Overrides(tensors={**NAMES, role: "nowhere"}))


def test_names_add_to_those_of_the_family() -> None:
    ensemble = family_signature("ensemble", decoupled=True)
    inputs = {**ensemble.inputs, "salt": tensor("salt", dims=(1,))}
    translator = choose(replace(ensemble, inputs=inputs), overrides=Overrides(tensors={"cache_salt": "salt"}))
    found = sent(translator.request(replace(ASK, sampling={"cache_salt": "x", "top_p": 0.5})))
    assert translator.family == "trtllm"
    assert (found["salt"], found["top_p"]) == (["x"], [0.5])


def test_fields_travel_as_request_parameters() -> None:
    model = declared(tensor("text_input", optional=False), tensor("seed", "INT64"))
    translator = choose(model, overrides=Overrides(as_parameters=frozenset({"seed", "top_p", "max_tokens"})))
    sampling = {"seed": 7, "top_p": 0.5}
    asked = replace(ASK, sampling=sampling, parameters={"own": "x"}, max_tokens_param="max_tokens")
    request = translator.request(asked)
    assert sent(request) == {"text_input": ["hello"]}
    assert [told(request, name) for name in ("seed", "top_p", "max_tokens", "own")] == [7, 0.5, 5, "x"]
    assert translator.carriers()["seed"] == "parameter seed"
    assert translator.carriers()["max_tokens"] == "parameter max_tokens"


def test_what_is_not_set_is_no_parameter() -> None:
    model = declared(tensor("text_input", optional=False))
    request = choose(model, overrides=Overrides(as_parameters=frozenset({"seed"}))).request(ASK)
    assert "seed" not in request.parameters


@pytest.mark.parametrize("name", ["ensemble", "llmapi"])
def test_values_are_worded_as_the_engine_takes_them_in_parameters_too(name: str) -> None:
    signature = family_signature(name, decoupled=True)
    translator = choose(signature, overrides=Overrides(as_parameters=frozenset({"top_k"})))
    greedy = translator.request(replace(ASK, sampling={"temperature": 0.0}))
    assert told(greedy, "top_k") == 1
    off = translator.request(replace(ASK, sampling={"top_k": -1}))
    assert told(off, "top_k") == 0


def test_a_field_without_a_place_is_still_refused() -> None:
    translator = choose(INHOUSE, overrides=Overrides(tensors=NAMES))
    with pytest.raises(BridgeError) as caught:
        translator.request(replace(ASK, sampling={"top_p": 0.5}))
    assert (caught.value.reason, caught.value.param) == (Reason.UNSUPPORTED_PARAMETER, "top_p")
