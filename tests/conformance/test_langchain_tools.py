"""LangChain's OpenAI chat model, unmodified: `bind_tools` and `with_structured_output`."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

from tests import agent_tasks as tasks
from tests.agent_tasks import TRIP, Trip
from tests.openai_bodies import directed
from tests.raw_http import PATIENCE

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from bridge.app import Bridge

get_weather = tool(tasks.get_weather)


def model(bridge: Bridge, name: str = tasks.MODEL, **options: Any) -> ChatOpenAI:
    base = f"http://127.0.0.1:{bridge.http_port}/v1"
    return ChatOpenAI(base_url=base, api_key="unused", model=name, max_retries=0, timeout=PATIENCE, **options)


def called(answer: Any) -> list[tuple[str, Any]]:
    return [(call["name"], call["args"]) for call in answer.tool_calls]


async def test_a_tool_is_called_and_its_result_answered(bridge: Bridge) -> None:
    bound = model(bridge).bind_tools([get_weather])
    messages: list[BaseMessage] = [HumanMessage(tasks.ASKED)]
    asked = await bound.ainvoke(messages)
    results = [await get_weather.ainvoke(call) for call in asked.tool_calls]
    answer = await bound.ainvoke([*messages, asked, *results])
    assert called(asked) == [("get_weather", tasks.ARGUMENTS)]
    assert asked.response_metadata["finish_reason"] == "tool_calls"
    assert all(isinstance(result, ToolMessage) for result in results)
    assert (answer.content, answer.tool_calls) == (tasks.ANSWER, [])


async def test_a_stream_of_calls_adds_up(bridge: Bridge) -> None:
    bound = model(bridge).bind_tools([get_weather], strict=True)
    chunks = [chunk async for chunk in bound.astream(tasks.BOTH_ASKED)]
    pieces = [piece for chunk in chunks for piece in chunk.tool_call_chunks]
    whole = reduce(add, chunks)
    assert called(whole) == [("get_weather", city) for city in tasks.BOTH]
    assert [piece["index"] for piece in pieces if piece["name"]] == [0, 1]
    assert len({call["id"] for call in whole.tool_calls}) == 2
    assert len(pieces) > 10
    assert whole.response_metadata["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    ("choice", "called_with"),
    [
        pytest.param("none", [], id="none"),
        pytest.param("auto", [], id="auto"),
        pytest.param("any", ["get_weather"], id="any"),
        pytest.param("get_weather", ["get_weather"], id="named"),
    ],
)
async def test_the_choice_of_tools_is_kept(bridge: Bridge, choice: str, called_with: list[str]) -> None:
    bound = model(bridge).bind_tools([get_weather], tool_choice=choice)
    assert [name for name, _ in called(await bound.ainvoke("Hello"))] == called_with


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
async def test_an_answer_is_a_pydantic_model(bridge: Bridge, method: Any) -> None:
    formed = model(bridge).with_structured_output(Trip, method=method, include_raw=True)
    answer = await formed.ainvoke(tasks.TRIP_ASKED)
    assert (answer["parsed"], answer["parsing_error"]) == (TRIP, None)
    assert answer["raw"].response_metadata["finish_reason"] == "stop"


async def test_an_answer_is_a_dictionary_where_the_schema_is_one(bridge: Bridge) -> None:
    formed = model(bridge).with_structured_output(Trip.model_json_schema())
    assert await formed.ainvoke(tasks.TRIP_ASKED) == TRIP.model_dump()


async def test_the_json_mode_is_any_object(bridge: Bridge) -> None:
    """The stand-in says what a model would that was told the form in words."""
    formed = model(bridge, "echo_vllm").with_structured_output(Trip, method="json_mode")
    said = directed(pieces=tasks.TRIP_TEXT.partition("city"))
    assert await formed.ainvoke(said) == TRIP
    assert [part async for part in formed.astream(said)][-1] == TRIP


# The openai SDK declares the parsed answer of its stream as None, and LangChain writes that one out.
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning")
@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
async def test_a_pydantic_model_comes_from_a_stream(bridge: Bridge, method: Any) -> None:
    formed = model(bridge).with_structured_output(Trip, method=method)
    *_, last = [part async for part in formed.astream(tasks.TRIP_ASKED)]
    assert last == TRIP


async def test_a_dictionary_grows_in_a_stream(bridge: Bridge) -> None:
    formed = model(bridge).with_structured_output(Trip.model_json_schema(), method="function_calling")
    parts = [part async for part in formed.astream(tasks.TRIP_ASKED)]
    assert parts[-1] == TRIP.model_dump()
    assert {"city": {"name": "Paris"}} in parts


async def test_arguments_that_are_no_json_are_told_apart(bridge: Bridge) -> None:
    said = directed(
        pieces=['<tool_call>{"name": "get_weather", "arguments": {"city": Par', "is}}</tool_call>"]
    )
    bound = model(bridge, "echo_vllm").bind_tools([get_weather])
    answer = await bound.ainvoke(said)
    (invalid,) = answer.invalid_tool_calls
    assert (invalid["name"], invalid["args"]) == ("get_weather", '{"city": Paris}')
    assert answer.tool_calls == []


async def test_a_model_without_guided_decoding_gets_the_advice_of_langchain(bridge: Bridge) -> None:
    """It looks for OpenAI's words in the error, and tells its user of the other method."""
    formed = model(bridge, tasks.UNGUIDED).with_structured_output(Trip)
    with (
        pytest.warns(UserWarning, match="does not support OpenAI's structured output feature"),
        pytest.raises(openai.BadRequestError, match="json_schema"),
    ):
        await formed.ainvoke(tasks.TRIP_ASKED)


async def test_tools_need_no_guided_decoding(bridge: Bridge) -> None:
    said = directed(text='<tool_call>{"name": "get_weather", "arguments": {"city": "Rome"}}</tool_call>')
    answer = await model(bridge, tasks.UNGUIDED).bind_tools([get_weather]).ainvoke(said)
    assert isinstance(answer, AIMessage)
    assert called(answer) == [("get_weather", {"city": "Rome"})]
