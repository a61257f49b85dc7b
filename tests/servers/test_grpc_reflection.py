"""Reflection, v1 and v1alpha: a client needs no .proto file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection_pb2

from tests.grpc_client import WAIT, Stubs, connected

if TYPE_CHECKING:
    from bridge.app import Bridge

VERSIONS = ["grpc.reflection.v1", "grpc.reflection.v1alpha"]
OURS = {
    f"openai_bridge.v1.{name}"
    for name in (
        "ChatService",
        "CompletionsService",
        "EmbeddingsService",
        "ModelsService",
        "ModelAdminService",
    )
}


async def ask(stubs: Stubs, version: str, **question: Any) -> Any:
    """Ask one question. The messages of both versions are the same bytes."""
    call = stubs.channel.stream_stream(
        f"/{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )(iter([reflection_pb2.ServerReflectionRequest(**question)]), timeout=WAIT)
    (answer,) = [answer async for answer in call]
    return answer


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_services_are_listed(bridge: Bridge, version: str) -> None:
    async with connected(bridge.grpc_port) as stubs:
        answer = await ask(stubs, version, list_services="")

    listed = {service.name for service in answer.list_services_response.service}
    assert listed == OURS | {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_listed_service_can_be_described(bridge: Bridge, version: str) -> None:
    async with connected(bridge.grpc_port) as stubs:
        answer = await ask(stubs, version, list_services="")
        for service in answer.list_services_response.service:
            described = await ask(stubs, version, file_containing_symbol=service.name)
            files = [
                descriptor_pb2.FileDescriptorProto.FromString(data)
                for data in described.file_descriptor_response.file_descriptor_proto
            ]
            names = {f"{file.package}.{item.name}" for file in files for item in file.service}
            assert service.name in names


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_description_tells_which_calls_stream(bridge: Bridge, version: str) -> None:
    async with connected(bridge.grpc_port) as stubs:
        answer = await ask(stubs, version, file_containing_symbol="openai_bridge.v1.ChatService")

    files = map(
        descriptor_pb2.FileDescriptorProto.FromString, answer.file_descriptor_response.file_descriptor_proto
    )
    (service,) = [item for file in files for item in file.service]
    assert {method.name: method.server_streaming for method in service.method} == {
        "CreateChatCompletion": False,
        "CreateChatCompletionStream": True,
    }


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_unknown_symbol_is_an_error_in_the_answer(bridge: Bridge, version: str) -> None:
    async with connected(bridge.grpc_port) as stubs:
        answer = await ask(stubs, version, file_containing_symbol="no.Such")

    assert answer.error_response.error_code == 5
