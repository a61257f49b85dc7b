"""The bridge's services by grpc.aio, as a client of the generated stubs sees them."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from openai_bridge.v1 import (
    chat_pb2,
    chat_pb2_grpc,
    completions_pb2,
    completions_pb2_grpc,
    embeddings_pb2_grpc,
    models_pb2_grpc,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WAIT = 10.0
"""Deadline in seconds of every call that tests no deadline: nothing may hang."""


@dataclass(frozen=True, slots=True)
class Stubs:
    """One connection to a bridge."""

    channel: grpc.aio.Channel
    chat: Any
    completions: Any
    embeddings: Any
    models: Any
    health: Any


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Stubs]:
    """Connect to a bridge on this machine with a connection of our own."""
    options = (("grpc.use_local_subchannel_pool", 1),)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        yield Stubs(
            channel,
            chat_pb2_grpc.ChatServiceStub(channel),
            completions_pb2_grpc.CompletionsServiceStub(channel),
            embeddings_pb2_grpc.EmbeddingsServiceStub(channel),
            models_pb2_grpc.ModelsServiceStub(channel),
            health_pb2_grpc.HealthStub(channel),
        )


def prompt(**directive: Any) -> str:
    """Return a prompt for the stand-in models; tests/models/README.md tells the keys."""
    return f"Say something. @@{json.dumps(directive)}"


def chat(
    directive: dict[str, Any] | None = None, /, model: str = "echo_vllm", **fields: Any
) -> chat_pb2.CreateChatCompletionRequest:
    """Return a request with one user message that steers a stand-in."""
    text = prompt(**(directive or {"words": 3}))
    message = chat_pb2.ChatMessage(role=chat_pb2.ROLE_USER, content=[chat_pb2.ContentPart(text=text)])
    return chat_pb2.CreateChatCompletionRequest(model=model, messages=[message], **fields)


def completion(
    directive: dict[str, Any] | None = None, /, model: str = "echo_vllm", **fields: Any
) -> completions_pb2.CreateCompletionRequest:
    """Return a request with one prompt that steers a stand-in."""
    text = prompt(**(directive or {"words": 3}))
    return completions_pb2.CreateCompletionRequest(
        model=model, prompt=[completions_pb2.Prompt(text=text)], **fields
    )


def words(count: int) -> str:
    """Return what a stand-in says to the directive `words`."""
    return "".join(f"word{number} " for number in range(count))


def text(chunks: list[chat_pb2.CreateChatCompletionStreamResponse]) -> str:
    """Return the concatenated deltas of a chat stream."""
    return "".join(choice.delta.content for chunk in chunks for choice in chunk.choices)


async def read(call: Any, into: list[Any] | None = None) -> list[Any]:
    """Return a stream's further messages; those before a failure are left in `into`."""
    messages = [] if into is None else into
    while (message := await call.read()) is not grpc.aio.EOF:
        messages.append(message)
    return messages


async def failure(call: Any) -> grpc.aio.AioRpcError:
    """Await a call, or read a stream, that must fail; return how."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await (read(call) if hasattr(call, "read") else call)
    return caught.value


@dataclass(frozen=True, slots=True)
class Details:
    """The google.rpc details of an error; those that were not sent are None."""

    info: error_details_pb2.ErrorInfo | None = None
    bad_request: error_details_pb2.BadRequest | None = None
    resource: error_details_pb2.ResourceInfo | None = None
    precondition: error_details_pb2.PreconditionFailure | None = None
    quota: error_details_pb2.QuotaFailure | None = None
    retry: error_details_pb2.RetryInfo | None = None

    @classmethod
    def of(cls, error: grpc.aio.AioRpcError) -> Details:
        """Unpack an error's details; fails when there are none, or unknown ones, or one kind twice."""
        status = rpc_status.from_call(error)
        assert status is not None, f"no details: {error}"
        known = {
            "info": error_details_pb2.ErrorInfo,
            "bad_request": error_details_pb2.BadRequest,
            "resource": error_details_pb2.ResourceInfo,
            "precondition": error_details_pb2.PreconditionFailure,
            "quota": error_details_pb2.QuotaFailure,
            "retry": error_details_pb2.RetryInfo,
        }
        found: dict[str, Any] = {}
        for packed in status.details:
            name, kind = next((name, kind) for name, kind in known.items() if packed.Is(kind.DESCRIPTOR))
            assert name not in found
            found[name] = kind()
            packed.Unpack(found[name])
        return cls(**found)


async def health(stubs: Stubs, service: str = "") -> str:
    """Return the name of a service's status."""
    answer = await stubs.health.Check(health_pb2.HealthCheckRequest(service=service), timeout=WAIT)
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


async def health_becomes(stubs: Stubs, wanted: str, service: str = "") -> None:
    """Watch a service until its status is the wanted one.

    Raises:
        grpc.aio.AioRpcError: it did not become so within `WAIT`.
    """
    watch = stubs.health.Watch(health_pb2.HealthCheckRequest(service=service), timeout=WAIT)
    try:
        async for answer in watch:
            if health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status) == wanted:
                return
    finally:
        watch.cancel()


def in_flight(exposition: bytes) -> float:
    """Return the requests that have begun and not ended, from the metrics' text."""
    name = b"openai_bridge_requests_in_flight{"
    return sum(float(line.rsplit(b" ", 1)[1]) for line in exposition.splitlines() if line.startswith(name))
