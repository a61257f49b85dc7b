"""Embedding requests and answers in the vLLM backend's tensors."""

from __future__ import annotations

import struct
from typing import Any

import orjson
import pytest

from bridge.errors import BridgeError, Reason
from bridge.protocol.embedders.base import Input, Vectors
from bridge.protocol.embedders.vllm import VllmEmbedder
from tests.protocol.models import declared, says, sent, standin, tensor


@pytest.mark.parametrize(
    ("given", "options", "asked"),
    [
        pytest.param("Grüße", {}, {"input": "Grüße", "pooling_params": {}}, id="text"),
        pytest.param((1, 2), {}, {"input": [1, 2], "pooling_params": {}}, id="token ids"),
        pytest.param(
            "a",
            {"dimensions": 64},
            {"input": "a", "pooling_params": {"dimensions": [64]}},
            id="dimensions, which the backend reads from a list",
        ),
    ],
)
def test_the_request_is_one_json_text(given: Input, options: dict[str, Any], asked: dict[str, Any]) -> None:
    request = VllmEmbedder(standin("embed_vllm")).request((given,), request_id="r", options=options)
    inputs = sent(request)
    assert orjson.loads(inputs.pop("embedding_request")[0]) == asked
    assert inputs == {"return_num_input_tokens": [True], "return_num_output_tokens": [True]}
    assert [output.name for output in request.outputs] == [
        "text_output",
        "num_input_tokens",
        "num_output_tokens",
    ]


def test_flags_that_are_not_declared_are_not_sent() -> None:
    old = declared(tensor("text_input", optional=False), tensor("embedding_request"))
    request = VllmEmbedder(old).request(("a",), request_id="r", options={})
    assert list(sent(request)) == ["embedding_request"]
    assert [output.name for output in request.outputs] == ["text_output"]


def test_the_answer_is_a_json_list_of_numbers() -> None:
    read = VllmEmbedder(standin("embed_vllm")).read(says("[1, -0.5, 1e-3]", num_input_tokens=7))
    assert read == Vectors((struct.pack("<3f", 1, -0.5, 1e-3),), 7)


def test_a_response_without_text_adds_nothing() -> None:
    assert VllmEmbedder(standin("embed_vllm")).read(says("")) == Vectors()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[1, NaN]", id="NaN"),
        pytest.param('["1"]', id="text"),
        pytest.param("[null]", id="null"),
        pytest.param("[[1, 2]]", id="a vector per token"),
        pytest.param('{"0": 1}', id="an object"),
        pytest.param("3", id="a number"),
        pytest.param("[1e39]", id="beyond float32"),
        pytest.param("I am a text", id="a text model"),
    ],
)
def test_what_is_no_list_of_numbers_is_a_broken_contract(text: str) -> None:
    with pytest.raises(BridgeError) as caught:
        VllmEmbedder(standin("embed_vllm")).read(says(text))
    assert caught.value.reason is Reason.BACKEND_CONTRACT
    assert text not in caught.value.message
