"""Embeddings by the openai SDK, which asks for base64 unless it is told otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openai
import pytest
from openai_bridge.v1.embeddings_pb2 import CreateEmbeddingRequest, EmbeddingInput

from bridge.config import ModelConfig
from tests.grpc_client import WAIT, connected
from tests.models.standin.vectors import vector
from tests.openai_sdk import Flavour, both_flavours, sdk

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

MODELS = pytest.mark.parametrize("model", ["embed_vllm", "embed_text", "embed_batched"])


@pytest.fixture
async def embedding(serve: Serve, triton: RunningTriton) -> Bridge:
    return await serve(triton=triton.address, models={"embed_vllm": ModelConfig(task="embed")})


@MODELS
@both_flavours
async def test_the_default_form_is_decoded_by_the_sdk(
    embedding: Bridge, flavour: Flavour, model: str
) -> None:
    async with sdk(embedding, flavour) as client:
        answer = await client.call("embeddings.create", model=model, input=["one two", "three"])
    assert [item.embedding for item in answer.data] == [vector("one two"), vector("three")]
    assert [(item.index, item.object) for item in answer.data] == [(0, "embedding"), (1, "embedding")]
    assert (answer.object, answer.model) == ("list", model)
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == (0 if model == "embed_text" else 3)


@MODELS
async def test_floats_and_base64_are_the_same_numbers(embedding: Bridge, model: str) -> None:
    async with sdk(embedding) as client:
        default = await client.call("embeddings.create", model=model, input="a")
        floats = await client.call("embeddings.create", model=model, input="a", encoding_format="float")
        base64 = await client.call("embeddings.create", model=model, input="a", encoding_format="base64")
    assert floats.data[0].embedding == default.data[0].embedding
    assert isinstance(base64.data[0].embedding, str)


@MODELS
async def test_both_doors_give_the_same_numbers(embedding: Bridge, model: str) -> None:
    request = CreateEmbeddingRequest(model=model, input=[EmbeddingInput(text="a")])
    async with sdk(embedding) as client, connected(embedding.grpc_port) as stubs:
        http = await client.call("embeddings.create", model=model, input="a")
        grpc = await stubs.embeddings.CreateEmbedding(request, timeout=WAIT)
    assert http.data[0].embedding == list(grpc.data[0].floats.values)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param([5, 6, 7], [[5, 6, 7]], id="token ids"),
        pytest.param([[5], [6, 7]], [[5], [6, 7]], id="lists of token ids"),
    ],
)
async def test_token_ids_reach_a_model_that_takes_them(
    embedding: Bridge, given: Any, expected: list[list[int]]
) -> None:
    async with sdk(embedding) as client:
        answer = await client.call("embeddings.create", model="embed_vllm", input=given)
    assert [item.embedding for item in answer.data] == [vector(ids) for ids in expected]
    assert answer.usage.prompt_tokens == sum(map(len, expected))


async def test_dimensions_shorten_the_vectors_of_a_model_that_can(embedding: Bridge) -> None:
    async with sdk(embedding) as client:
        answer = await client.call("embeddings.create", model="embed_vllm", input="a", dimensions=3)
        with pytest.raises(openai.BadRequestError) as caught:
            await client.call("embeddings.create", model="embed_text", input="a", dimensions=3)
    assert answer.data[0].embedding == vector("a", 3)
    assert caught.value.param == "dimensions"


@both_flavours
async def test_embedding_models_are_listed(embedding: Bridge, flavour: Flavour) -> None:
    async with sdk(embedding, flavour) as client:
        names = {model.id for model in (await client.call("models.list")).data}
        one = await client.call("models.retrieve", model="embed_text")
    assert {"embed_vllm", "embed_text", "embed_batched"} <= names
    assert one.id == "embed_text"
