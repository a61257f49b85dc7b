"""The client that ships in the wheel, pure Python: betterproto messages over grpclib."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from google.rpc import error_details_pb2
from grpclib.client import Channel
from grpclib.const import Status
from grpclib.exceptions import GRPCError
from openai_bridge_betterproto.openai_bridge.v1 import (
    ChatMessage,
    ChatServiceStub,
    CompletionsServiceStub,
    CompletionUsage,
    ContentPart,
    CreateChatCompletionRequest,
    CreateCompletionRequest,
    FinishReason,
    FunctionDefinition,
    ListModelsRequest,
    ModelsServiceStub,
    Prompt,
    RetrieveModelRequest,
    Role,
    StreamOptions,
    Tool,
)

from bridge.config import ModelConfig
from tests import agent_tasks as tasks
from tests.grpc_client import words

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

WAIT = 10.0
WITHIN = 1.0
"""Seconds in which a model must have noticed that nobody waits."""


async def read(stream: AsyncIterator[Any], into: list[Any]) -> None:
    """Leave a stream's messages in `into`, also when it fails."""
    async for chunk in stream:
        into.append(chunk)  # noqa: PERF401 - a comprehension would lose what came before a failure


@asynccontextmanager
async def channel(bridge: Bridge) -> AsyncIterator[Channel]:
    opened = Channel("127.0.0.1", bridge.grpc_port)
    try:
        yield opened
    finally:
        opened.close()


def chat(model: str = "echo_vllm", directive: dict[str, Any] | None = None, **fields: Any) -> Any:
    text = f"Hello @@{json.dumps(directive or {'words': 3})}"
    message = ChatMessage(role=Role.USER, content=[ContentPart(text=text)])
    return CreateChatCompletionRequest(model=model, messages=[message], **fields)


async def test_a_unary_call_is_answered(bridge: Bridge) -> None:
    async with channel(bridge) as opened:
        answer = await ChatServiceStub(opened).create_chat_completion(
            chat(directive={"words": 4, "input_tokens": 2}), timeout=WAIT
        )

    (choice,) = answer.choices
    assert choice.message.role is Role.ASSISTANT
    assert choice.message.content == words(4)
    assert choice.finish_reason is FinishReason.STOP
    assert answer.usage == CompletionUsage(prompt_tokens=2, completion_tokens=4, total_tokens=6)
    assert answer.system_fingerprint is None


async def test_a_stream_arrives_in_order_with_usage_at_the_end(bridge: Bridge) -> None:
    request = chat(
        directive={"words": 50, "input_tokens": 2}, stream_options=StreamOptions(include_usage=True)
    )
    async with channel(bridge) as opened:
        stream = ChatServiceStub(opened).create_chat_completion_stream(request, timeout=WAIT)
        *chunks, last = [chunk async for chunk in stream]

    assert chunks[0].choices[0].delta.role is Role.ASSISTANT
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == words(50)
    assert chunks[-1].choices[0].finish_reason is FinishReason.STOP
    assert last.choices == []
    assert last.usage == CompletionUsage(prompt_tokens=2, completion_tokens=50, total_tokens=52)


async def test_calls_are_typed(bridge: Bridge) -> None:
    tools = [
        Tool(
            function=FunctionDefinition(
                name=tool["function"]["name"], parameters_json=json.dumps(tool["function"]["parameters"])
            )
        )
        for tool in tasks.TOOLS
    ]
    message = ChatMessage(role=Role.USER, content=[ContentPart(text=tasks.ASKED)])
    request = CreateChatCompletionRequest(model=tasks.MODEL, messages=[message], tools=tools)
    async with channel(bridge) as opened:
        stub = ChatServiceStub(opened)
        (choice,) = (await stub.create_chat_completion(request, timeout=WAIT)).choices
        chunks = [chunk async for chunk in stub.create_chat_completion_stream(request, timeout=WAIT)]

    (call,) = choice.message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", tasks.ARGUMENTS)
    begin, *pieces = [piece for chunk in chunks for piece in chunk.choices[0].delta.tool_calls]
    assert (begin.index, begin.function.name, begin.function.arguments) == (0, "get_weather", "")
    assert json.loads("".join(piece.function.arguments or "" for piece in pieces)) == tasks.ARGUMENTS
    assert {(piece.index, piece.id, piece.function.name) for piece in pieces} == {(0, None, None)}
    assert chunks[-1].choices[0].finish_reason is choice.finish_reason is FinishReason.TOOL_CALLS


async def test_reasoning_has_a_field_of_its_own(serve: Serve, triton: RunningTriton) -> None:
    models = {"echo_vllm": ModelConfig(reasoning_parser="think")}
    bridge = await serve(triton=triton.address, models=models)
    request = chat()
    request.messages[0].content[0].text = tasks.REASONED
    async with channel(bridge) as opened:
        stub = ChatServiceStub(opened)
        (choice,) = (await stub.create_chat_completion(request, timeout=WAIT)).choices
        chunks = [chunk async for chunk in stub.create_chat_completion_stream(request, timeout=WAIT)]

    assert (choice.message.reasoning_content, choice.message.content) == (tasks.REASONING, tasks.REPLY)
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert "".join(delta.reasoning_content or "" for delta in deltas) == tasks.REASONING
    assert "".join(delta.content or "" for delta in deltas) == tasks.REPLY


async def test_an_explicit_zero_reaches_the_model(bridge: Bridge, triton: RunningTriton) -> None:
    tag = uuid.uuid4().hex
    async with channel(bridge) as opened:
        await ChatServiceStub(opened).create_chat_completion(
            chat(directive={"words": 1, "tag": tag}, temperature=0.0, seed=0), timeout=WAIT
        )
    event = await triton.event(tag, "request")

    sampling = json.loads(event["inputs"]["sampling_parameters"][0])
    assert sampling["temperature"] == 0
    assert sampling["seed"] == 0
    assert "top_p" not in sampling


async def test_completions_are_answered(bridge: Bridge) -> None:
    request = CreateCompletionRequest(model="plain", prompt=[Prompt(text="one two")])
    async with channel(bridge) as opened:
        stub = CompletionsServiceStub(opened)
        answer = await stub.create_completion(request, timeout=WAIT)
        chunks = [chunk async for chunk in stub.create_completion_stream(request, timeout=WAIT)]

    assert answer.choices[0].text == "one two"
    assert "".join(chunk.choices[0].text for chunk in chunks) == "one two"


async def test_models_are_listed_and_retrieved(bridge: Bridge) -> None:
    async with channel(bridge) as opened:
        stub = ModelsServiceStub(opened)
        listed = await stub.list_models(ListModelsRequest(), timeout=WAIT)
        one = await stub.retrieve_model(RetrieveModelRequest(model="demo"), timeout=WAIT)

    assert one.model in listed.data


async def test_an_error_comes_with_its_details(bridge: Bridge) -> None:
    async with channel(bridge) as opened:
        with pytest.raises(GRPCError) as caught:
            await ChatServiceStub(opened).create_chat_completion(chat(temperature=9.0), timeout=WAIT)

    info, bad_request = caught.value.details
    assert caught.value.status is Status.INVALID_ARGUMENT
    assert isinstance(info, error_details_pb2.ErrorInfo)
    assert (info.reason, info.metadata["param"]) == ("DECIMAL_ABOVE_MAX_VALUE", "temperature")
    assert isinstance(bad_request, error_details_pb2.BadRequest)
    assert bad_request.field_violations[0].field == "temperature"


async def test_an_error_after_the_first_message_keeps_what_came_before(bridge: Bridge) -> None:
    said: list[Any] = []
    async with channel(bridge) as opened:
        stream = ChatServiceStub(opened).create_chat_completion_stream(
            chat(directive={"words": 5, "fail_at": 2}), timeout=WAIT
        )
        with pytest.raises(GRPCError) as caught:
            await read(stream, said)

    assert [chunk.choices[0].delta.content for chunk in said] == ["", "word0 ", "word1 "]
    assert caught.value.status is Status.INTERNAL
    assert caught.value.details[0].reason == "BACKEND_ERROR"


async def test_a_deadline_stops_the_model(bridge: Bridge, triton: RunningTriton) -> None:
    tag = uuid.uuid4().hex
    request = chat(directive={"words": 1000, "delay_ms": 5, "tag": tag})
    async with channel(bridge) as opened:
        expiry = time.monotonic() + 0.3
        with pytest.raises((asyncio.TimeoutError, GRPCError)) as caught:
            await read(ChatServiceStub(opened).create_chat_completion_stream(request, timeout=0.3), [])
        cancelled = await triton.event(tag, "cancelled")

    if isinstance(caught.value, GRPCError):
        assert caught.value.status is Status.DEADLINE_EXCEEDED
    assert cancelled["time"] - expiry < WITHIN


async def test_closing_the_stream_early_stops_the_model(bridge: Bridge, triton: RunningTriton) -> None:
    tag = uuid.uuid4().hex
    request = chat(directive={"words": 1000, "delay_ms": 5, "tag": tag})
    async with channel(bridge) as opened:
        async with aclosing(
            ChatServiceStub(opened).create_chat_completion_stream(request, timeout=WAIT)
        ) as stream:
            await anext(stream)
            await anext(stream)
        when = time.monotonic()
        cancelled = await triton.event(tag, "cancelled")

    assert 0 < cancelled["sent"] < 500
    assert cancelled["time"] - when < WITHIN
