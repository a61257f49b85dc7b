"""Which models embed, and why the others do not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.protocol.embedders import choose_embedder, choose_task
from bridge.protocol.signature import Signature, TensorSpec
from bridge.protocol.translators import UnservableError
from tests.protocol.models import declared, standin, tensor


def numbers(*dims: int, datatype: str = "FP32", name: str = "vector") -> dict[str, TensorSpec]:
    """Return one output."""
    return {name: TensorSpec(name, datatype, dims)}


def asks(*inputs: TensorSpec, **outputs: TensorSpec) -> Signature:
    return replace(declared(*inputs, max_batch_size=4), outputs=outputs)


TEXT = tensor("text", optional=False)


@pytest.mark.parametrize(
    ("signature", "family", "batch_size"),
    [
        pytest.param(standin("embed_vllm"), "vllm", 1, id="the vLLM backend's tensors"),
        pytest.param(standin("embed_text"), "tensor", 1, id="without a batch dimension"),
        pytest.param(standin("embed_batched"), "tensor", 4, id="with one"),
        pytest.param(asks(tensor("only"), **numbers(8)), "tensor", 4, id="an optional text alone"),
        pytest.param(asks(TEXT, tensor("hint"), **numbers(8)), "tensor", 4, id="a second, optional text"),
        pytest.param(asks(TEXT, **numbers(1, -1, datatype="FP16")), "tensor", 4, id="a dimension of one"),
        pytest.param(
            asks(TEXT, **numbers(8), **numbers(1, datatype="INT32", name="num_input_tokens")),
            "tensor",
            4,
            id="a count beside the vector",
        ),
    ],
)
def test_a_model_embeds_by_its_tensors(signature: Signature, family: str, batch_size: int) -> None:
    embedder = choose_embedder(signature)
    assert (embedder.family, embedder.batch_size) == (family, batch_size)
    assert embedder.takes_token_ids == (family == "vllm")


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param(standin("identity"), id="no text"),
        pytest.param(standin("plain"), id="text for text"),
        pytest.param(asks(TEXT, tensor("other", optional=False), **numbers(8)), id="two texts"),
        pytest.param(asks(TEXT, **numbers(8), **numbers(8, name="b")), id="two vectors"),
        pytest.param(asks(TEXT, **numbers(-1, 8)), id="a vector per token"),
        pytest.param(asks(TEXT, **numbers(8, datatype="INT64")), id="integers"),
        pytest.param(asks(TEXT, **numbers(8), label=TensorSpec("label", "BYTES", (1,))), id="a label"),
    ],
)
def test_other_models_do_not(signature: Signature) -> None:
    with pytest.raises(UnservableError, match="embeddings need a text input"):
        choose_embedder(signature)


def test_an_input_that_nothing_fills_is_named() -> None:
    signature = asks(TEXT, tensor("mask", "INT32", optional=False), **numbers(8))
    with pytest.raises(UnservableError, match="needs input 'mask'"):
        choose_embedder(signature)


@pytest.mark.parametrize(
    ("name", "task", "generates"),
    [
        pytest.param("embed_text", "auto", False, id="vectors"),
        pytest.param("embed_vllm", "auto", True, id="a vLLM model, whatever it runs"),
        pytest.param("embed_vllm", "embed", False, id="a vLLM model that is said to embed"),
        pytest.param("plain", "auto", True, id="text"),
    ],
)
def test_a_model_generates_unless_it_cannot_or_is_said_to_embed(
    name: str, task: str, generates: bool
) -> None:
    translator, embedder = choose_task(standin(name), task, "auto")
    assert (translator is not None, embedder is not None) == (generates, not generates)


@pytest.mark.parametrize(
    ("name", "task", "adapter", "why"),
    [
        pytest.param("identity", "auto", "auto", "no text input", id="neither"),
        pytest.param("plain", "embed", "auto", "embeddings need", id="said to embed"),
        pytest.param("embed_text", "generate", "auto", "fit no known layout", id="said to generate"),
        pytest.param("embed_text", "auto", "text", "needs input 'query'", id="an adapter for text"),
    ],
)
def test_a_model_that_is_not_what_was_said_is_not_served(
    name: str, task: str, adapter: str, why: str
) -> None:
    with pytest.raises(UnservableError, match=why):
        choose_task(standin(name), task, adapter)
