"""Embeddings over a real Triton: the order of many calls, their limit, failures and leaving."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from openai_bridge.v1.embeddings_pb2 import CreateEmbeddingRequest, EmbeddingInput

from bridge.config import ModelConfig
from bridge.handlers.embeddings import MAX_IN_FLIGHT
from tests.grpc_client import WAIT, Details, chat, connected, failure
from tests.models.standin.vectors import token_count, vector

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

POLL_SECONDS = 0.01


def text(start: str = "x", /, **directive: Any) -> str:
    """Return an input that steers a stand-in."""
    return f"{start} @@{json.dumps(directive)}"


def request(model: str, *texts: str, **fields: Any) -> CreateEmbeddingRequest:
    return CreateEmbeddingRequest(model=model, input=[EmbeddingInput(text=item) for item in texts], **fields)


@pytest.fixture
async def embedding(serve: Serve, triton: RunningTriton) -> Bridge:
    return await serve(triton=triton.address, models={"embed_vllm": ModelConfig(task="embed")})


async def requests_of(triton: RunningTriton, tag: str, count: int, event: str = "request") -> None:
    """Wait until a stand-in has written `count` events of a tag."""
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        if len([found for found in triton.events(tag) if found["event"] == event]) >= count:
            return
        await asyncio.sleep(POLL_SECONDS)
    raise TimeoutError(f"fewer than {count} events {event!r} of {tag!r}")


@pytest.mark.parametrize("model", ["embed_vllm", "embed_text", "embed_batched"])
async def test_vectors_come_in_the_order_of_the_inputs(embedding: Bridge, model: str) -> None:
    # The first texts take the longest, so that the answers come in another order.
    texts = [text(f"text {number}", first_delay_ms=30 if number < 10 else 0) for number in range(100)]
    async with connected(embedding.grpc_port) as stubs:
        answer = await stubs.embeddings.CreateEmbedding(request(model, *texts), timeout=WAIT)
    assert [list(item.floats.values) for item in answer.data] == [vector(item) for item in texts]
    assert [item.index for item in answer.data] == list(range(100))
    assert answer.usage.prompt_tokens == (0 if model == "embed_text" else sum(map(token_count, texts)))
    assert answer.usage.total_tokens == answer.usage.prompt_tokens


async def test_inputs_go_to_a_batching_model_in_full_batches(
    embedding: Bridge, triton: RunningTriton
) -> None:
    texts = [text("first", tag="batches"), *"bcdefghij"]
    async with connected(embedding.grpc_port) as stubs:
        await stubs.embeddings.CreateEmbedding(request("embed_batched", *texts), timeout=WAIT)
    found = await triton.event("batches", "request")
    assert found["inputs"]["text_input"] == texts[:4]


async def test_the_role_of_a_text_reaches_a_model_that_knows_it(
    embedding: Bridge, triton: RunningTriton
) -> None:
    asked = request("embed_batched", text(tag="role"), "b", input_type="passage")
    async with connected(embedding.grpc_port) as stubs:
        await stubs.embeddings.CreateEmbedding(asked, timeout=WAIT)
    found = await triton.event("role", "request")
    assert found["inputs"]["input_type"] == ["passage", "passage"]


async def test_the_calls_of_one_request_are_bounded_and_leaving_ends_them(
    embedding: Bridge, triton: RunningTriton
) -> None:
    asked = request("embed_vllm", *[text(tag="bounded", hang_at=0)] * (MAX_IN_FLIGHT + 10))
    async with connected(embedding.grpc_port) as stubs:
        call = stubs.embeddings.CreateEmbedding(asked, timeout=WAIT)
        await requests_of(triton, "bounded", MAX_IN_FLIGHT)
        # A call beyond the limit would be there by the time that another request has been answered.
        await stubs.embeddings.CreateEmbedding(request("embed_vllm", "other"), timeout=WAIT)
        call.cancel()
        await requests_of(triton, "bounded", MAX_IN_FLIGHT, "cancelled")
    events = [found["event"] for found in triton.events("bounded")]
    assert sorted(events) == ["cancelled"] * MAX_IN_FLIGHT + ["request"] * MAX_IN_FLIGHT


async def test_the_first_failure_ends_the_other_calls(embedding: Bridge, triton: RunningTriton) -> None:
    texts = [text(tag="failing", hang_at=0), text(fail_at=0, error="Error generating stream: out of luck")]
    async with connected(embedding.grpc_port) as stubs:
        error = await failure(stubs.embeddings.CreateEmbedding(request("embed_vllm", *texts), timeout=WAIT))
    assert error.code() is grpc.StatusCode.INTERNAL
    assert "out of luck" in (error.details() or "")
    await triton.event("failing", "cancelled")


@pytest.mark.parametrize(
    ("model", "directive", "status", "reason"),
    [
        pytest.param(
            "embed_vllm",
            {"text": "[1, NaN]"},
            grpc.StatusCode.INTERNAL,
            "BACKEND_CONTRACT",
            id="no list of numbers",
        ),
        pytest.param(
            "embed_text", {"text": "1 nan 2"}, grpc.StatusCode.INTERNAL, "BACKEND_ERROR", id="NaN in a tensor"
        ),
        pytest.param(
            "embed_text", {"fail_at": 0}, grpc.StatusCode.INTERNAL, "BACKEND_ERROR", id="the model failed"
        ),
        pytest.param(
            "embed_vllm",
            {"final": "never", "text": "[1]"},
            None,
            "",
            id="a stream that does not end by itself",
        ),
    ],
)
async def test_what_a_model_does_wrong_is_told(
    serve: Serve,
    triton: RunningTriton,
    model: str,
    directive: dict[str, Any],
    status: grpc.StatusCode | None,
    reason: str,
) -> None:
    bridge = await serve(
        triton=triton.address, models={"embed_vllm": ModelConfig(task="embed")}, token_timeout=0.3
    )
    async with connected(bridge.grpc_port) as stubs:
        error = await failure(
            stubs.embeddings.CreateEmbedding(request(model, text(**directive)), timeout=WAIT)
        )
    details = Details.of(error)
    assert details.info is not None
    if status is None:
        status, reason = grpc.StatusCode.DEADLINE_EXCEEDED, "TIMEOUT"
    assert (error.code(), details.info.reason) == (status, reason)


async def test_an_input_that_is_too_long_is_named(embedding: Bridge) -> None:
    directive = {
        "fail_at": 0,
        "error": "Error generating stream: The decoder prompt (length 9000) is longer than the maximum model "
        "length of 512.",
    }
    async with connected(embedding.grpc_port) as stubs:
        error = await failure(
            stubs.embeddings.CreateEmbedding(request("embed_vllm", text(**directive)), timeout=WAIT)
        )
    details = Details.of(error)
    assert details.info is not None
    assert details.info.reason == "CONTEXT_LENGTH_EXCEEDED"
    assert details.bad_request is not None
    assert [violation.field for violation in details.bad_request.field_violations] == ["input"]


@pytest.mark.parametrize(
    ("model", "why"),
    [
        pytest.param("echo_vllm", "it generates text", id="a chat model"),
        pytest.param("identity", "no text input", id="no language model"),
    ],
)
async def test_a_model_that_does_not_embed_says_why(embedding: Bridge, model: str, why: str) -> None:
    async with connected(embedding.grpc_port) as stubs:
        error = await failure(stubs.embeddings.CreateEmbedding(request(model, "a"), timeout=WAIT))
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert error.details() == f"model {model!r} cannot embed: {why}"


async def test_a_model_that_embeds_does_not_chat(embedding: Bridge) -> None:
    async with connected(embedding.grpc_port) as stubs:
        error = await failure(stubs.chat.CreateChatCompletion(chat(model="embed_text"), timeout=WAIT))
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert error.details() == "model 'embed_text' cannot generate text: it embeds"


async def test_a_request_without_a_model_goes_to_the_default(serve: Serve, triton: RunningTriton) -> None:
    bridge = await serve(triton=triton.address, default_model="embed_text")
    async with connected(bridge.grpc_port) as stubs:
        answer = await stubs.embeddings.CreateEmbedding(request("", "a"), timeout=WAIT)
    assert answer.model == "embed_text"


async def test_a_bridge_in_front_of_a_bridge_embeds_too(serve: Serve, embedding: Bridge) -> None:
    front = await serve(upstream=f"grpc://127.0.0.1:{embedding.grpc_port}")
    async with connected(front.grpc_port) as stubs:
        answer = await stubs.embeddings.CreateEmbedding(request("embed_vllm", "a b"), timeout=WAIT)
        error = await failure(stubs.embeddings.CreateEmbedding(request("embed_vllm", ""), timeout=WAIT))
    assert list(answer.data[0].floats.values) == vector("a b")
    assert answer.usage.prompt_tokens == 2
    details = Details.of(error)
    assert details.bad_request is not None
    assert [violation.field for violation in details.bad_request.field_violations] == ["input"]
