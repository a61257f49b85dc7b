"""Tools, structured output and reasoning by typed messages: the generated grpc.aio client."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from openai_bridge.v1 import chat_pb2, common_pb2

from bridge.config import ModelConfig
from tests import agent_tasks as tasks
from tests import grpc_client
from tests.grpc_client import WAIT

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.grpc_client import Stubs
    from tests.tritonserver import RunningTriton

CALL_ID = re.compile("call_[0-9a-f]{32}")


@pytest.fixture
async def bridge(serve: Serve, triton: RunningTriton) -> Bridge:
    return await serve(triton=triton.address, models={"echo_vllm": ModelConfig(reasoning_parser="think")})


def asking(text: str, model: str = tasks.MODEL) -> chat_pb2.CreateChatCompletionRequest:
    request = chat_pb2.CreateChatCompletionRequest(model=model)
    request.messages.add(role=chat_pb2.ROLE_USER).content.add(text=text)
    return request


def with_tools(text: str) -> chat_pb2.CreateChatCompletionRequest:
    request = asking(text)
    for tool in tasks.TOOLS:
        function = tool["function"]
        request.tools.add().function.CopyFrom(
            chat_pb2.FunctionDefinition(
                name=function["name"],
                description=function["description"],
                parameters_json=json.dumps(function["parameters"]),
                strict=function["strict"],
            )
        )
    return request


async def choices(stubs: Stubs, request: Any) -> list[Any]:
    """Return the choice of each message of a stream; there must be one in each."""
    messages = await grpc_client.read(stubs.chat.CreateChatCompletionStream(request, timeout=WAIT))
    assert all(len(message.choices) == 1 for message in messages)
    return [message.choices[0] for message in messages]


async def test_a_result_goes_back_and_is_answered(bridge: Bridge) -> None:
    request = with_tools(tasks.ASKED)
    async with grpc_client.connected(bridge.grpc_port) as stubs:
        (first,) = (await stubs.chat.CreateChatCompletion(request, timeout=WAIT)).choices
        (call,) = first.message.tool_calls
        request.messages.add(role=chat_pb2.ROLE_ASSISTANT).tool_calls.append(call)
        result = request.messages.add(role=chat_pb2.ROLE_TOOL, tool_call_id=call.id)
        result.content.add(text=tasks.RESULT)
        (second,) = (await stubs.chat.CreateChatCompletion(request, timeout=WAIT)).choices
        streamed = await choices(stubs, request)

    assert first.finish_reason == common_pb2.FINISH_REASON_TOOL_CALLS
    assert CALL_ID.fullmatch(call.id)
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", tasks.ARGUMENTS)
    assert not first.message.HasField("content")
    assert second.message.content == "".join(choice.delta.content for choice in streamed) == tasks.ANSWER
    assert second.finish_reason == streamed[-1].finish_reason == common_pb2.FINISH_REASON_STOP


async def test_calls_stream_as_typed_pieces(bridge: Bridge) -> None:
    async with grpc_client.connected(bridge.grpc_port) as stubs:
        role, *said, finish = await choices(stubs, with_tools(tasks.BOTH_ASKED))
    pieces = [piece for choice in said for piece in choice.delta.tool_calls]
    assert all(type(piece) is chat_pb2.ToolCallDelta for piece in pieces)
    begins = [piece for piece in pieces if piece.HasField("id")]
    goes_on = [piece for piece in pieces if not piece.HasField("id")]

    assert [(piece.index, piece.function.name) for piece in begins] == [
        (0, "get_weather"),
        (1, "get_weather"),
    ]
    assert len({piece.id for piece in begins if CALL_ID.fullmatch(piece.id)}) == 2
    assert not any(piece.function.HasField("name") for piece in goes_on)
    for index, arguments in enumerate(tasks.BOTH):
        written = [piece.function.arguments for piece in goes_on if piece.index == index]
        assert json.loads("".join(written)) == arguments
        assert len(written) > 5
    assert role.delta.role == chat_pb2.ROLE_ASSISTANT
    assert finish.finish_reason == common_pb2.FINISH_REASON_TOOL_CALLS


async def test_a_forced_call_and_a_schema_are_typed_too(bridge: Bridge) -> None:
    named = with_tools(tasks.ASKED)
    named.tool_choice.function_name = "add"
    trip = asking(tasks.TRIP_ASKED)
    trip.response_format.json_schema.name = "trip"
    trip.response_format.json_schema.schema_json = json.dumps(tasks.Trip.model_json_schema())
    async with grpc_client.connected(bridge.grpc_port) as stubs:
        (call,) = (await stubs.chat.CreateChatCompletion(named, timeout=WAIT)).choices
        (form,) = (await stubs.chat.CreateChatCompletion(trip, timeout=WAIT)).choices

    (made,) = call.message.tool_calls
    assert (made.function.name, call.finish_reason) == ("add", common_pb2.FINISH_REASON_STOP)
    assert set(json.loads(made.function.arguments)) == {"a", "b"}
    assert tasks.Trip.model_validate_json(form.message.content) == tasks.TRIP


async def test_reasoning_has_a_field_of_its_own(bridge: Bridge) -> None:
    request = asking(tasks.REASONED, "echo_vllm")
    async with grpc_client.connected(bridge.grpc_port) as stubs:
        (whole,) = (await stubs.chat.CreateChatCompletion(request, timeout=WAIT)).choices
        streamed = await choices(stubs, request)

    assert (whole.message.reasoning_content, whole.message.content) == (tasks.REASONING, tasks.REPLY)
    thoughts = [choice.delta.reasoning_content for choice in streamed if choice.delta.reasoning_content]
    assert (thoughts, "".join(choice.delta.content for choice in streamed)) == (
        ["Let me", " see."],
        tasks.REPLY,
    )
