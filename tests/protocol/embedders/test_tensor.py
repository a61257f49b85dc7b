"""Embedding requests and answers in plain tensors, with a batch dimension and without."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.errors import BridgeError, Reason
from bridge.protocol import tensors
from bridge.protocol.embedders.base import Vectors
from bridge.protocol.embedders.tensor import TensorEmbedder
from bridge.protocol.kserve import ModelInferResponse
from tests.protocol.models import sent, standin, tensor

if TYPE_CHECKING:
    from bridge.protocol.signature import Signature


def answer(
    values: list[Any], shape: list[int], datatype: str = "FP32", name: str = "vector"
) -> ModelInferResponse:
    response = ModelInferResponse()
    response.outputs.add(name=name, datatype=datatype, shape=shape)
    response.raw_output_contents.append(tensors.pack(datatype, values))
    return response


def float32(*numbers: float) -> bytes:
    return struct.pack(f"<{len(numbers)}f", *numbers)


def with_options(signature: Signature) -> Signature:
    extra = (tensor("dimensions", "INT32"), tensor("truncate_prompt_tokens", "INT64"))
    return replace(signature, inputs={**signature.inputs, **{spec.name: spec for spec in extra}})


def test_a_batch_is_one_request_of_that_many_rows() -> None:
    request = TensorEmbedder(standin("embed_batched")).request(("a", "b", "c"), request_id="r", options={})
    assert {item.name: list(item.shape) for item in request.inputs} == {
        "text_input": [3, 1],
        "return_num_input_tokens": [3, 1],
    }
    assert sent(request) == {"text_input": ["a", "b", "c"], "return_num_input_tokens": [True] * 3}
    assert [output.name for output in request.outputs] == ["vector", "num_input_tokens"]


def test_a_model_without_batches_gets_the_declared_shape() -> None:
    request = TensorEmbedder(standin("embed_text")).request(("a",), request_id="r", options={})
    assert [(item.name, list(item.shape)) for item in request.inputs] == [("query", [1])]


def test_options_go_to_inputs_of_their_names_once_per_text() -> None:
    embedder = TensorEmbedder(with_options(standin("embed_batched")))
    options = {"dimensions": 4, "input_type": "query", "truncate_prompt_tokens": -1}
    inputs = sent(embedder.request(("a", "b"), request_id="r", options=options))
    assert {name: inputs[name] for name in options} == {
        "dimensions": [4, 4],
        "input_type": ["query", "query"],
        "truncate_prompt_tokens": [-1, -1],
    }


@pytest.mark.parametrize(
    ("response", "rows"),
    [
        pytest.param(answer([1, 2], [2]), [float32(1, 2)], id="no batch dimension"),
        pytest.param(answer([1, 2], [1, 2]), [float32(1, 2)], id="a batch of one"),
        pytest.param(answer([1, 2, 3, 4], [2, 2]), [float32(1, 2), float32(3, 4)], id="a batch"),
        pytest.param(
            answer([1, 2, 3, 4], [2, 1, 2]), [float32(1, 2), float32(3, 4)], id="an extra dimension"
        ),
        pytest.param(answer([1.5, -2], [2], "FP16"), [float32(1.5, -2)], id="half precision"),
        pytest.param(answer([0.1], [1], "FP64"), [float32(0.1)], id="double precision"),
    ],
)
def test_rows_are_cut_by_the_shape(response: ModelInferResponse, rows: list[bytes]) -> None:
    assert TensorEmbedder(standin("embed_batched")).read(response) == Vectors(rows)


def test_a_response_of_other_outputs_adds_a_count_alone() -> None:
    response = answer([3, 4], [2, 1], "INT32", "num_input_tokens")
    assert TensorEmbedder(standin("embed_batched")).read(response) == Vectors((), 7)


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(answer([1, 2, 3], [2, 2]), id="too few numbers"),
        pytest.param(answer([], [0]), id="none"),
        pytest.param(answer(["text"], [1], "BYTES"), id="text"),
        pytest.param(answer([1e300], [1], "FP64"), id="beyond float32"),
    ],
)
def test_what_does_not_fit_is_a_broken_contract(response: ModelInferResponse) -> None:
    with pytest.raises(BridgeError) as caught:
        TensorEmbedder(standin("embed_batched")).read(response)
    assert caught.value.reason is Reason.BACKEND_CONTRACT
