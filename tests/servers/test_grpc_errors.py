"""Bad requests over gRPC: status, message and google.rpc details."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from openai_bridge.v1 import chat_pb2, embeddings_pb2, models_pb2

from tests.grpc_client import WAIT, Details, chat, connected, failure, read

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

CHAT = "/openai_bridge.v1.ChatService/CreateChatCompletion"
Code = grpc.StatusCode

LIMIT = 2000


@pytest.mark.parametrize("rpc", ["unary", "stream", "retrieve"])
async def test_an_unknown_model_is_not_found_and_named_as_the_resource(bridge: Bridge, rpc: str) -> None:
    async with connected(bridge.grpc_port) as stubs:
        calls = {
            "unary": lambda: stubs.chat.CreateChatCompletion(chat(model="no/such"), timeout=WAIT),
            "stream": lambda: stubs.chat.CreateChatCompletionStream(chat(model="no/such"), timeout=WAIT),
            "retrieve": lambda: stubs.models.RetrieveModel(
                models_pb2.RetrieveModelRequest(model="no/such"), timeout=WAIT
            ),
        }
        error = await failure(calls[rpc]())

    details = Details.of(error)
    assert error.code() is Code.NOT_FOUND
    assert "no/such" in error.details()
    assert details.info is not None
    assert details.info.reason == "MODEL_NOT_FOUND"
    assert dict(details.info.metadata) == ({"param": "model"} if rpc == "retrieve" else {})
    assert details.resource is not None
    assert (details.resource.resource_type, details.resource.resource_name) == ("model", "no/such")


@pytest.mark.parametrize("name", [pytest.param("x" * 20_000, id="long"), pytest.param("🙂" * 500, id="wide")])
async def test_a_huge_model_name_is_still_not_found_with_details(bridge: Bridge, name: str) -> None:
    async with connected(bridge.grpc_port) as stubs:
        error = await failure(stubs.chat.CreateChatCompletion(chat(model=name), timeout=WAIT))

    details = Details.of(error)
    assert error.code() is Code.NOT_FOUND
    assert details.info is not None
    assert details.info.reason == "MODEL_NOT_FOUND"


async def test_a_model_that_cannot_generate_is_a_failed_precondition(bridge: Bridge) -> None:
    async with connected(bridge.grpc_port) as stubs:
        error = await failure(stubs.chat.CreateChatCompletion(chat(model="identity"), timeout=WAIT))

    details = Details.of(error)
    assert error.code() is Code.FAILED_PRECONDITION
    assert details.info is not None
    assert (details.info.reason, details.info.metadata["param"]) == ("MODEL_NOT_COMPATIBLE", "model")
    assert details.precondition is not None
    (violation,) = details.precondition.violations
    assert (violation.type, violation.subject) == ("MODEL_NOT_COMPATIBLE", "identity")


@pytest.mark.parametrize("extra", [pytest.param(1, id="just above"), pytest.param(100_000, id="far above")])
async def test_a_request_above_the_limit_is_refused_with_details(
    triton: RunningTriton, serve: Serve, extra: int
) -> None:
    bridge = await serve(triton=triton.address, max_request_bytes=LIMIT)
    async with connected(bridge.grpc_port) as stubs:
        call = stubs.channel.unary_unary(CHAT)
        error = await failure(call(sized(LIMIT + extra), timeout=WAIT))
        at_the_limit = await call(sized(LIMIT), timeout=WAIT)

    details = Details.of(error)
    assert error.code() is Code.RESOURCE_EXHAUSTED
    assert details.info is not None
    assert details.info.reason == "REQUEST_TOO_LARGE"
    assert details.quota is None
    assert str(LIMIT) in error.details()
    assert chat_pb2.CreateChatCompletionResponse.FromString(at_the_limit).choices


def sized(size: int) -> bytes:
    """Return a valid chat request of exactly that many bytes: the field `user` fills it up."""
    request = chat({"words": 1}, user="u" * size)
    request.user = "u" * (2 * size - request.ByteSize())
    assert request.ByteSize() == size
    return request.SerializeToString()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(chat().SerializeToString()[:-3], id="cut off"),
        pytest.param(b"\x0a\x02\xff\xfe", id="the model's name is not UTF-8"),
        pytest.param(b"\x0f", id="no wire type"),
    ],
)
async def test_what_is_no_message_is_an_invalid_argument_with_details(bridge: Bridge, body: bytes) -> None:
    async with connected(bridge.grpc_port) as stubs:
        errors = [
            await failure(stubs.channel.unary_unary(CHAT)(body, timeout=WAIT)),
            await failure(stubs.channel.unary_stream(f"{CHAT}Stream")(body, timeout=WAIT)),
        ]

    for error in errors:
        details = Details.of(error)
        assert error.code() is Code.INVALID_ARGUMENT
        assert details.info is not None
        assert (details.info.reason, details.info.domain) == ("INVALID_MESSAGE", "openai-bridge")
        assert "openai_bridge.v1.CreateChatCompletionRequest" in error.details()


async def test_a_model_that_cannot_embed_is_a_failed_precondition(bridge: Bridge) -> None:
    request = embeddings_pb2.CreateEmbeddingRequest(
        model="echo_vllm", input=[embeddings_pb2.EmbeddingInput(text="hello")]
    )
    async with connected(bridge.grpc_port) as stubs:
        error = await failure(stubs.embeddings.CreateEmbedding(request, timeout=WAIT))

    details = Details.of(error)
    assert error.code() is Code.FAILED_PRECONDITION
    assert details.info is not None
    assert (details.info.reason, details.info.metadata["param"]) == ("MODEL_NOT_COMPATIBLE", "model")


async def test_a_failure_after_the_first_message_keeps_the_earlier_messages(bridge: Bridge) -> None:
    failing = chat({"words": 5, "fail_at": 2, "error": "Error generating stream: out of luck"})
    said: list[Any] = []
    async with connected(bridge.grpc_port) as stubs:
        call = stubs.chat.CreateChatCompletionStream(failing, timeout=WAIT)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await read(call, said)

    details = Details.of(caught.value)
    assert [chunk.choices[0].delta.content for chunk in said] == ["", "word0 ", "word1 "]
    assert caught.value.code() is Code.INTERNAL
    assert caught.value.details() == "the model failed: Error generating stream: out of luck"
    assert details.info is not None
    assert details.info.reason == "BACKEND_ERROR"


async def test_a_long_error_of_the_model_still_arrives_with_details(bridge: Bridge) -> None:
    failing = chat({"fail_at": 0, "error": "é" * 20_000})
    async with connected(bridge.grpc_port) as stubs:
        error = await failure(stubs.chat.CreateChatCompletion(failing, timeout=WAIT))

    details = Details.of(error)
    assert error.code() is Code.INTERNAL
    assert error.details().endswith("é" * 400)
    assert details.info is not None


async def test_an_error_tells_no_file_of_the_server(bridge: Bridge) -> None:
    said = "At:\n  /opt/secret/model.py(7): execute\nboom in /opt/secret/x.py"
    failing = chat({"fail_at": 0, "error": said})
    async with connected(bridge.grpc_port) as stubs:
        error = await failure(stubs.chat.CreateChatCompletion(failing, timeout=WAIT))

    assert error.details() == "the model failed: boom in <path>"
