"""Requests built to fit a ModelConfig: batch dimension, open dimensions, datatypes, required inputs."""

from __future__ import annotations

import pytest
from google.protobuf import text_format

from bridge.errors import BridgeError, Reason
from bridge.protocol.kserve import ModelConfig
from bridge.protocol.signature import Signature, TensorSpec
from tests.protocol import dynamo_frontend
from tests.protocol.models import declared, sent, standin, tensor


def test_a_model_config_is_read() -> None:
    found = standin("batched")
    assert (found.name, found.backend, found.decoupled, found.max_batch_size) == (
        "batched",
        "python",
        True,
        8,
    )
    assert found.inputs["text_input"] == TensorSpec("text_input", "BYTES", (1,), optional=False)
    assert found.inputs["temperature"] == TensorSpec("temperature", "FP32", (1,), optional=True)
    assert found.inputs["stop_words"].dims == (-1,)
    assert found.outputs["text_output"] == TensorSpec("text_output", "BYTES", (-1,))


def test_parameters_and_platform_of_an_ensemble_are_read() -> None:
    text = 'name: "e" platform: "ensemble" parameters { key: "k" value { string_value: "v" } }'
    found = Signature.from_config(text_format.Parse(text, ModelConfig()), "3")
    assert (found.platform, found.version, dict(found.parameters)) == ("ensemble", "3", {"k": "v"})
    assert not found.decoupled


def test_every_model_of_dynamo_answers_as_it_goes() -> None:
    assert dynamo_frontend.signature().decoupled


def test_a_datatype_of_a_newer_triton_does_not_hide_the_model() -> None:
    config = ModelConfig(name="m")
    config.input.add(name="x", dims=[1]).data_type = 99
    assert Signature.from_config(config).inputs["x"].datatype == "datatype 99"


@pytest.mark.parametrize(
    ("dims", "count", "shape"),
    [
        pytest.param((1,), 1, (1,), id="one"),
        pytest.param((1,), 2, None, id="two in a place for one"),
        pytest.param((), 1, (), id="a scalar"),
        pytest.param((1, 1), 1, (1, 1), id="two dimensions of one"),
        pytest.param((-1,), 3, (3,), id="open"),
        pytest.param((-1,), 0, (0,), id="open and empty"),
        pytest.param((-1, -1), 3, (1, 3), id="the last open one takes the elements"),
        pytest.param((-1, 2), 4, (2, 2), id="open before fixed"),
        pytest.param((-1, 2), 3, None, id="no whole number of rows"),
        pytest.param((2, 2), 4, (2, 2), id="fixed"),
        pytest.param((0,), 1, None, id="no room"),
    ],
)
def test_elements_take_the_declared_shape(
    dims: tuple[int, ...], count: int, shape: tuple[int, ...] | None
) -> None:
    spec = TensorSpec("x", "INT32", dims)
    assert spec.shape(count, batched=False) == shape
    assert spec.shape(count, batched=True) == (None if shape is None else (1, *shape))


def test_a_request_carries_name_id_and_asks_for_the_empty_final_response() -> None:
    request = standin("plain").request({"text_input": ["hi"]}, request_id="r1", outputs=["text_output"])
    assert (request.model_name, request.id) == ("plain", "r1")
    assert request.parameters["triton_enable_empty_final_response"].bool_param
    assert sent(request) == {"text_input": ["hi"]}


def test_a_batching_model_gets_a_batch_of_one() -> None:
    request = standin("batched").request(
        {"text_input": ["hi"], "stop_words": ["a", "b"]}, request_id="r", outputs=()
    )
    assert [list(item.shape) for item in request.inputs] == [[1, 1], [1, 2]]


def test_inputs_have_the_declared_datatype() -> None:
    signature = declared(
        tensor("a", "INT64"), tensor("b", "FP16"), tensor("c", "BOOL"), tensor("d", "UINT64")
    )
    request = signature.request({"a": [5], "b": [0.5], "c": [True], "d": [-2]}, request_id="r", outputs=())
    assert [item.datatype for item in request.inputs] == ["INT64", "FP16", "BOOL", "UINT64"]
    assert sent(request) == {"a": [5], "b": [0.5], "c": [True], "d": [2**64 - 2]}


def test_only_declared_outputs_are_asked_for() -> None:
    request = standin("plain").request(
        {"text_input": ["hi"]}, request_id="r", outputs=["text_output", "finish_reason"]
    )
    assert [item.name for item in request.outputs] == ["text_output"]


def test_optional_inputs_may_be_missing_and_required_ones_are_named() -> None:
    signature = declared(tensor("a", optional=False), tensor("b"), tensor("c", optional=False))
    assert signature.missing(["c"]) == ("a",)
    assert signature.missing(["a", "c"]) == ()


@pytest.mark.parametrize(
    ("values", "word"),
    [
        pytest.param({}, "'text_input'", id="a required input is missing"),
        pytest.param({"text_input": ["x"], "other": [1]}, "'other'", id="an input is not declared"),
        pytest.param({"text_input": ["x", "y"]}, "'text_input'", id="too many elements"),
        pytest.param({"text_input": ["x"], "max_tokens": ["many"]}, "INT32", id="wrong type"),
    ],
)
def test_what_does_not_fit_is_a_contract_failure(values: dict[str, list[object]], word: str) -> None:
    with pytest.raises(BridgeError) as caught:
        standin("plain").request(values, request_id="r", outputs=())  # type: ignore[arg-type]
    assert caught.value.reason is Reason.BACKEND_CONTRACT
    assert word in caught.value.message


@pytest.mark.parametrize(
    ("spec", "elements", "fits"),
    [
        pytest.param(tensor("x", "FP32"), [0.5], True, id="fits"),
        pytest.param(tensor("x", "INT32"), [0.5], False, id="fraction in an integer tensor"),
        pytest.param(tensor("x", "INT32"), [2**40], False, id="too large"),
        pytest.param(tensor("x", "BYTES"), ["a", "b"], False, id="two in a place for one"),
        pytest.param(tensor("x", "BYTES", (-1,)), ["a", "b"], True, id="two in an open place"),
    ],
)
def test_a_model_tells_what_an_input_takes(spec: TensorSpec, elements: list[float], fits: bool) -> None:
    assert declared(spec).takes("x", elements) is fits
