"""pydantic-ai's agents, unmodified: tools, output types, reasoning."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from openai import AsyncOpenAI
from pydantic_ai import Agent, ModelHTTPError, NativeOutput, PromptedOutput, ToolOutput
from pydantic_ai.messages import ThinkingPart, ToolCallPart
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from bridge.config import ModelConfig
from tests import agent_tasks as tasks
from tests.agent_tasks import TRIP, Trip
from tests.openai_bodies import directed
from tests.raw_http import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton


@pytest.fixture
async def bridge(serve: Serve, triton: RunningTriton) -> Bridge:
    return await serve(triton=triton.address, models={"echo_vllm": ModelConfig(reasoning_parser="think")})


@asynccontextmanager
async def model(bridge: Bridge, name: str = tasks.MODEL) -> AsyncIterator[OpenAIChatModel]:
    base = f"http://127.0.0.1:{bridge.http_port}/v1"
    async with AsyncOpenAI(base_url=base, api_key="unused", timeout=PATIENCE, max_retries=0) as client:
        yield OpenAIChatModel(name, provider=OpenAIProvider(openai_client=client))


def parts(result: Any, kind: type[Any]) -> list[Any]:
    return [part for message in result.all_messages() for part in message.parts if isinstance(part, kind)]


async def test_an_agent_calls_a_tool_and_answers(bridge: Bridge) -> None:
    async with model(bridge) as asked:
        result = await Agent(asked, tools=[tasks.get_weather]).run(tasks.ASKED)
    (call,) = parts(result, ToolCallPart)
    assert (call.tool_name, call.args_as_dict()) == ("get_weather", tasks.ARGUMENTS)
    assert result.output == tasks.ANSWER
    usage = result.usage
    assert (usage.requests, usage.tool_calls) == (2, 1)
    assert usage.input_tokens > usage.output_tokens > 0


async def test_an_agent_streams_its_answer_after_calls(bridge: Bridge) -> None:
    async with model(bridge) as asked:
        agent = Agent(asked, tools=[tasks.get_weather])
        async with agent.run_stream(tasks.BOTH_ASKED) as result:
            pieces = [piece async for piece in result.stream_text(delta=True, debounce_by=None)]
    assert [call.args_as_dict() for call in parts(result, ToolCallPart)] == tasks.BOTH
    assert "sunny over Paris" in "".join(pieces)
    assert "sunny over Oslo" in "".join(pieces)
    assert len(pieces) > 10


outputs = pytest.mark.parametrize(
    "output",
    [pytest.param(ToolOutput(Trip), id="by a tool"), pytest.param(NativeOutput(Trip), id="natively")],
)


@outputs
async def test_an_agent_answers_with_an_object(bridge: Bridge, output: Any) -> None:
    async with model(bridge) as asked:
        result = await Agent(asked, output_type=output).run(tasks.TRIP_ASKED)
    assert result.output == TRIP
    assert result.usage.requests == 1


async def test_an_agent_calls_its_tool_and_then_answers_with_an_object(bridge: Bridge) -> None:
    async with model(bridge) as asked:
        agent = Agent(asked, output_type=NativeOutput(Trip), tools=[tasks.get_weather])
        result = await agent.run(tasks.ASKED)
    assert [call.tool_name for call in parts(result, ToolCallPart)] == ["get_weather"]
    assert isinstance(result.output, Trip)
    assert result.usage.requests == 2


@outputs
async def test_an_object_grows_in_a_stream(bridge: Bridge, output: Any) -> None:
    async with model(bridge) as asked:
        agent = Agent(asked, output_type=output)
        async with agent.run_stream(tasks.TRIP_ASKED) as result:
            grown = [part async for part in result.stream_output(debounce_by=None)]
    assert grown[-1] == TRIP


async def test_an_object_by_words_alone_is_asked_for_as_json(bridge: Bridge) -> None:
    """The stand-in says what a model would that was told the schema in words."""
    said = directed(pieces=[tasks.TRIP_TEXT])
    async with model(bridge, "echo_vllm") as asked:
        result = await Agent(asked, output_type=PromptedOutput(Trip)).run(said)
    assert result.output == TRIP


async def test_an_agent_calls_a_tool_before_it_answers_with_an_object(bridge: Bridge) -> None:
    asked_for = "What is the weather in the city Paris, whose motto is 'afloat'? I stay 3 days for fun."
    async with model(bridge) as asked:
        agent = Agent(asked, tools=[tasks.get_weather], output_type=ToolOutput(Trip))
        result = await agent.run(asked_for)
    assert [call.tool_name for call in parts(result, ToolCallPart)] == ["get_weather", "final_result"]
    assert isinstance(result.output, Trip)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
async def test_an_agent_knows_reasoning_from_the_answer_and_may_send_it_back(
    bridge: Bridge, stream: bool
) -> None:
    async with model(bridge, "echo_vllm") as asked:
        agent: Agent[None, str] = Agent(asked)
        if stream:
            async with agent.run_stream(tasks.REASONED) as result:
                reply = await result.get_output()
        else:
            result = await agent.run(tasks.REASONED)
            reply = result.output
        again = await agent.run(directed(text="Sure."), message_history=result.all_messages())
    assert [part.content for part in parts(result, ThinkingPart)] == [tasks.REASONING]
    assert (reply, again.output) == (tasks.REPLY, "Sure.")


async def test_a_model_without_guided_decoding_is_refused(bridge: Bridge) -> None:
    async with model(bridge, tasks.UNGUIDED) as asked:
        with pytest.raises(ModelHTTPError, match="no guided decoding") as caught:
            await Agent(asked, output_type=Trip).run(tasks.TRIP_ASKED)
    assert caught.value.status_code == 400
