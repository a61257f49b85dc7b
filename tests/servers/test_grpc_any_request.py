"""Whatever comes in over gRPC is answered, or refused as the caller's fault: it never fails the server."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.message import DecodeError, Message
from hypothesis import strategies as st
from openai_bridge.v1 import chat_pb2, completions_pb2, embeddings_pb2

from tests.drawn import drawn
from tests.grpc_client import WAIT, Details, connected
from tests.random_messages import messages

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

AT_ONCE = 16
CALLERS_FAULT = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.NOT_FOUND,
}
CHAT, COMPLETION = chat_pb2.CreateChatCompletionRequest, completions_pb2.CreateCompletionRequest
EMBEDDING = embeddings_pb2.CreateEmbeddingRequest
METHODS = [
    pytest.param(kind, f"/openai_bridge.v1.{method}", id=method)
    for kind, method in (
        (CHAT, "ChatService/CreateChatCompletion"),
        (CHAT, "ChatService/CreateChatCompletionStream"),
        (COMPLETION, "CompletionsService/CreateCompletion"),
        (COMPLETION, "CompletionsService/CreateCompletionStream"),
        (EMBEDDING, "EmbeddingsService/CreateEmbedding"),
    )
]


@pytest.fixture
async def bridge(serve: Serve, triton: RunningTriton) -> Bridge:
    """Serve with a model for those requests that name none."""
    return await serve(triton=triton.address, default_model="echo_vllm")


async def codes(bridge: Bridge, method: str, requests: list[bytes]) -> Counter[grpc.StatusCode]:
    """Send the bytes of requests, several at once; return how they ended, every fault with its details."""
    ended: Counter[grpc.StatusCode] = Counter()
    waiting = iter(requests)
    async with connected(bridge.grpc_port) as stubs:
        streams = method.endswith("Stream")
        ask = (stubs.channel.unary_stream if streams else stubs.channel.unary_unary)(method)

        async def work() -> None:
            for request in waiting:
                ended[await _ended(ask(request, timeout=WAIT))] += 1

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return ended


async def _ended(call: Any) -> grpc.StatusCode:
    try:
        if hasattr(call, "read"):
            async for _ in call:
                pass
        else:
            await call
    except grpc.aio.AioRpcError as exc:
        return _told(exc)
    return grpc.StatusCode.OK


def _told(error: grpc.aio.AioRpcError) -> grpc.StatusCode:
    """Return the code of a failure, which must say more."""
    assert Details.of(error).info is not None, error
    code: grpc.StatusCode = error.code()
    return code


def about(kind: type[Message]) -> st.SearchStrategy[Any]:
    """Return random messages, of which most have a model and something to say."""

    def completed(message: Any, model: str | None, says: str | None) -> Any:
        if model is not None:
            message.model = model
        if says is not None and kind is CHAT:
            part = chat_pb2.ContentPart(text=says)
            message.messages.insert(0, chat_pb2.ChatMessage(role=chat_pb2.ROLE_USER, content=[part]))
        elif says is not None:
            (message.prompt if kind is COMPLETION else message.input).add(text=says)
        return message

    texts = ["echo_vllm", "plain_decoupled", "batched"]
    models = st.sampled_from([*(["embed_text", "embed_vllm"] if kind is EMBEDDING else texts), "", None])
    return st.builds(completed, messages(kind, wild=True), models, st.sampled_from(["Hi", None]))


def mutated(kind: type[Message]) -> st.SearchStrategy[bytes]:
    """Return the bytes of messages, some of them changed, doubled or cut off."""

    def change(message: Message, at: float, put: bytes, cut: int) -> bytes:
        data = message.SerializeToString()
        place = int(at * len(data))
        return data[:place] + put + data[place + cut :]

    return st.builds(
        change, about(kind), st.floats(0, 1), st.binary(min_size=1, max_size=4), st.integers(0, 9)
    )


def is_message(kind: type[Message], data: bytes) -> bool:
    try:
        kind.FromString(data)
    except DecodeError:
        return False
    return True


@pytest.mark.parametrize(("kind", "method"), METHODS)
async def test_any_message_is_answered_or_the_caller_s_fault(
    bridge: Bridge, kind: type[Message], method: str
) -> None:
    requests = [message.SerializeToString() for message in drawn(about(kind), 120)]
    ended = await codes(bridge, method, requests)
    assert set(ended) <= CALLERS_FAULT | {grpc.StatusCode.OK}
    assert ended[grpc.StatusCode.OK] > 0
    assert ended[grpc.StatusCode.INVALID_ARGUMENT] > 0


@pytest.mark.parametrize(("kind", "method"), METHODS)
async def test_any_bytes_are_answered_or_the_caller_s_fault(
    bridge: Bridge, kind: type[Message], method: str
) -> None:
    requests = drawn(mutated(kind), 120)
    broken = [data for data in requests if not is_message(kind, data)]
    assert 0 < len(broken) < len(requests)
    assert set(await codes(bridge, method, broken)) == {grpc.StatusCode.INVALID_ARGUMENT}
    assert set(await codes(bridge, method, requests)) <= CALLERS_FAULT | {grpc.StatusCode.OK}
