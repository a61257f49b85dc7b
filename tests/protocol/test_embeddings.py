"""An embedding request: what is refused, how it is cut into calls, and how their answers become one."""

from __future__ import annotations

import base64
import math
import struct
from dataclasses import replace
from typing import Any

import orjson
import pytest
from openai_bridge.v1 import embeddings_pb2
from openai_bridge.v1.embeddings_pb2 import CreateEmbeddingRequest, EmbeddingInput

from bridge.errors import BridgeError, Reason
from bridge.protocol import openai_json, tensors
from bridge.protocol.embedders import choose_embedder
from bridge.protocol.embeddings import FIELDS, EmbeddingExchange, embedding_exchange
from bridge.protocol.kserve import ModelInferResponse
from bridge.protocol.model import EmbeddingModel
from bridge.protocol.tokenizer import Tokenizer
from tests.protocol.models import CREATED, sent, standin
from tests.tokenizers import small

FLOAT = embeddings_pb2.EMBEDDING_ENCODING_FORMAT_FLOAT
BASE64 = embeddings_pb2.EMBEDDING_ENCODING_FORMAT_BASE64


def model(name: str) -> EmbeddingModel:
    return EmbeddingModel(id=name, created=CREATED, embedder=choose_embedder(standin(name)))


def texts(*given: str) -> list[EmbeddingInput]:
    return [EmbeddingInput(text=text) for text in given]


def ids(*numbers: int) -> EmbeddingInput:
    return EmbeddingInput(token_ids={"ids": numbers})


def opened(name: str, **fields: Any) -> EmbeddingExchange:
    return embedding_exchange(CreateEmbeddingRequest(**fields), model(name), request_id="r")


def vectors(*rows: list[float], tokens: int | None = None) -> ModelInferResponse:
    """Return what `embed_batched` answers."""
    response = ModelInferResponse()
    response.outputs.add(name="vector", datatype="FP16", shape=[len(rows), len(rows[0])])
    response.raw_output_contents.append(tensors.pack("FP16", [number for row in rows for number in row]))
    if tokens is not None:
        response.outputs.add(name="num_input_tokens", datatype="INT32", shape=[1, 1])
        response.raw_output_contents.append(tensors.pack("INT32", [tokens]))
    return response


def test_every_field_of_the_request_has_a_row() -> None:
    assert set(FIELDS) == {field.name for field in CreateEmbeddingRequest.DESCRIPTOR.fields}


WRONG = Reason.INVALID_VALUE
LOW = Reason.INTEGER_BELOW_MIN_VALUE
CANNOT = Reason.UNSUPPORTED_PARAMETER
A = texts("a")


@pytest.mark.parametrize(
    ("name", "fields", "reason", "param"),
    [
        pytest.param("embed_text", {}, Reason.MISSING_REQUIRED_PARAMETER, "input", id="no input"),
        pytest.param("embed_text", {"input": texts("")}, WRONG, "input", id="empty text"),
        pytest.param("embed_text", {"input": texts("a", "")}, WRONG, "input[1]", id="one text is empty"),
        pytest.param("embed_vllm", {"input": [ids()]}, WRONG, "input", id="no token ids"),
        pytest.param("embed_text", {"input": [EmbeddingInput()]}, WRONG, "input", id="no member is set"),
        pytest.param("embed_text", {"input": A * 2049}, WRONG, "input", id="2049 inputs"),
        pytest.param("embed_text", {"input": [ids(1)]}, Reason.UNSUPPORTED_VALUE, "input", id="token ids"),
        pytest.param("embed_vllm", {"input": [ids(1), ids(2, -1)]}, LOW, "input[1][1]", id="a negative id"),
        pytest.param("embed_vllm", {"input": A, "dimensions": 0}, LOW, "dimensions", id="no dimensions"),
        pytest.param(
            "embed_vllm",
            {"input": A, "truncate_prompt_tokens": -2},
            LOW,
            "truncate_prompt_tokens",
            id="truncated below the model's own limit",
        ),
        pytest.param(
            "embed_vllm",
            {"input": A, "truncate_prompt_tokens": 5},
            CANNOT,
            "truncate_prompt_tokens",
            id="vLLM does not truncate",
        ),
        pytest.param("embed_vllm", {"input": A, "input_type": "q"}, CANNOT, "input_type", id="vLLM's roles"),
        pytest.param("embed_text", {"input": A, "dimensions": 4}, CANNOT, "dimensions", id="a fixed length"),
        pytest.param(
            "embed_text",
            {"input": A, "triton_parameters": {"x": {"string_param": "y"}}},
            CANNOT,
            "triton_parameters",
            id="parameters that nobody allowed",
        ),
        pytest.param("embed_text", {"input": A, "encoding_format": 7}, WRONG, "encoding_format", id="a form"),
    ],
)
def test_what_cannot_be_embedded_is_refused_by_its_path(
    name: str, fields: dict[str, Any], reason: Reason, param: str
) -> None:
    with pytest.raises(BridgeError) as caught:
        opened(name, **fields)
    assert (caught.value.reason, caught.value.param) == (reason, param)


def test_2048_inputs_become_full_batches_in_their_order() -> None:
    exchange = opened("embed_batched", input=texts(*(str(number) for number in range(2048))))
    given = [sent(request)["text_input"] for request in exchange.requests]
    assert [text for batch in given for text in batch] == [str(number) for number in range(2048)]
    assert {len(batch) for batch in given} == {4}
    assert len({request.id for request in exchange.requests}) == 512


@pytest.mark.parametrize(
    ("encoding", "member"),
    [
        pytest.param(embeddings_pb2.EMBEDDING_ENCODING_FORMAT_UNSPECIFIED, "floats", id="not said"),
        pytest.param(FLOAT, "floats", id="float"),
        pytest.param(BASE64, "base64", id="base64"),
    ],
)
def test_vectors_come_in_the_form_that_was_asked_for(encoding: int, member: str) -> None:
    exchange = opened("embed_batched", input=texts(*"abcdef"), encoding_format=encoding)
    exchange.feed(1, [vectors([5.0, 0.5], [6.0, -0.5], tokens=2)])
    exchange.end(1)
    exchange.feed(0, [vectors([1.0, 0], [2.0, 0], tokens=2), vectors([3.0, 0], [4.0, 0])])
    exchange.end(0)
    answer = exchange.response()
    assert [item.index for item in answer.data] == list(range(6))
    assert {item.WhichOneof("embedding") for item in answer.data} == {member}
    shown = [item["embedding"] for item in orjson.loads(openai_json.dump_embedding_response(answer))["data"]]
    if member == "base64":
        shown = [list(struct.unpack("<2f", base64.b64decode(item))) for item in shown]
    assert shown == [[1.0, 0.0], [2.0, 0.0], [3.0, 0.0], [4.0, 0.0], [5.0, 0.5], [6.0, -0.5]]
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (4, 4)


@pytest.mark.parametrize("length", [1, 31, 32, 4095, 4096, 600_000])
def test_a_float_vector_of_any_length_is_whole(length: int) -> None:
    exchange = opened("embed_vllm", input=texts("a"))
    numbers = [float(number % 251) for number in range(length)]
    response = ModelInferResponse()
    response.outputs.add(name="text_output", datatype="BYTES", shape=[1])
    response.raw_output_contents.append(tensors.pack("BYTES", [orjson.dumps(numbers)]))
    exchange.feed(0, [response])
    exchange.end(0)
    assert list(exchange.response().data[0].floats.values) == numbers


def test_usage_is_zero_unless_every_call_was_counted() -> None:
    exchange = opened("embed_batched", input=texts(*"abcdef"))
    exchange.feed(0, [vectors(*[[1.0]] * 4, tokens=4)])
    exchange.feed(1, [vectors(*[[1.0]] * 2)])
    assert exchange.response().usage == embeddings_pb2.EmbeddingUsage()


def test_a_tokenizer_makes_text_of_token_ids_and_counts_what_the_model_does_not() -> None:
    tokenizer = Tokenizer(small.source(small.byte_level()))
    found = replace(model("embed_text"), tokenizer=tokenizer)
    given = tokenizer.encode("the quick fox", add_special_tokens=True)
    request = CreateEmbeddingRequest(input=[ids(*given), *texts("a b")])
    exchange = embedding_exchange(request, found, request_id="r")
    assert [sent(item)["query"] for item in exchange.requests] == [["the quick fox"], ["a b"]]
    assert exchange.response().usage.prompt_tokens == len(given) + tokenizer.count(
        "a b", add_special_tokens=True
    )


def test_an_id_that_is_no_token_is_named() -> None:
    found = replace(model("embed_text"), tokenizer=Tokenizer(small.source(small.byte_level())))
    request = CreateEmbeddingRequest(input=[ids(1, 999_999)])
    with pytest.raises(BridgeError) as caught:
        embedding_exchange(request, found, request_id="r")
    assert (caught.value.reason, caught.value.param) == (Reason.INTEGER_ABOVE_MAX_VALUE, "input[1]")


def test_the_answer_names_the_model_as_the_request_did() -> None:
    assert opened("embed_text", model="alias", input=texts("a")).response().model == "alias"
    assert opened("embed_text", input=texts("a")).response().model == "embed_text"


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        pytest.param([[1.0]] * 3, Reason.BACKEND_CONTRACT, id="more vectors than inputs"),
        pytest.param([[1.0]], Reason.BACKEND_CONTRACT, id="fewer"),
        pytest.param([[1.0], [math.nan]], Reason.BACKEND_ERROR, id="NaN"),
        pytest.param([[-math.inf], [1.0]], Reason.BACKEND_ERROR, id="infinity"),
    ],
)
def test_vectors_that_cannot_be_answers_are_errors(rows: list[list[float]], reason: Reason) -> None:
    exchange = opened("embed_batched", input=texts("a", "b"))

    def run() -> None:
        exchange.feed(0, [vectors(*rows)])
        exchange.end(0)

    with pytest.raises(BridgeError) as caught:
        run()
    assert caught.value.reason is reason


def test_a_model_that_sends_vectors_without_end_is_stopped_at_the_first_too_many() -> None:
    exchange = opened("embed_batched", input=texts("a", "b"))
    exchange.feed(0, [vectors([1.0]), vectors([2.0])])
    with pytest.raises(BridgeError, match="more vectors"):
        exchange.feed(0, [vectors([3.0])])


def test_a_vector_of_another_length_than_asked_for_is_an_error() -> None:
    exchange = opened("embed_vllm", input=texts("a"), dimensions=3)
    response = ModelInferResponse()
    response.outputs.add(name="text_output", datatype="BYTES", shape=[1])
    response.raw_output_contents.append(tensors.pack("BYTES", [b"[1, 2]"]))
    with pytest.raises(BridgeError) as caught:
        exchange.feed(0, [response])
    assert caught.value.reason is Reason.BACKEND_CONTRACT
