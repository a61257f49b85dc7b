"""Structured output through the unmodified openai SDK: `parse`, `stream`, and what models may be asked."""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, Any

import openai
import pytest
from pydantic import TypeAdapter

from tests import agent_tasks as tasks
from tests.agent_tasks import TOOLS, TRIP, GetWeather, Trip, asking
from tests.openai_bodies import directed
from tests.openai_sdk import Flavour, both_flavours, sdk

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.tritonserver import RunningTriton

PARSE = "chat.completions.parse"
CREATE = "chat.completions.create"
SCHEMA = {"type": "json_schema", "json_schema": {"name": "trip", "schema": Trip.model_json_schema()}}
JSON_OBJECT = {"type": "json_object"}
NAMED = {"type": "function", "function": {"name": "add"}}


def of_kind(events: list[Any], kind: str) -> list[Any]:
    return [event for event in events if event.type == kind]


@both_flavours
async def test_a_model_answers_as_a_pydantic_model(bridge: Bridge, flavour: Flavour) -> None:
    async with sdk(bridge, flavour) as client:
        answer = await client.call(PARSE, **asking(tasks.TRIP_ASKED, response_format=Trip))
    (choice,) = answer.choices
    assert (choice.message.parsed, choice.finish_reason) == (TRIP, "stop")
    assert choice.message.tool_calls is None


@both_flavours
async def test_arguments_are_parsed_as_a_pydantic_model(bridge: Bridge, flavour: Flavour) -> None:
    async with sdk(bridge, flavour) as client:
        answer = await client.call(PARSE, **asking(tasks.ASKED, tools=TOOLS))
    (choice,) = answer.choices
    (call,) = choice.message.tool_calls
    assert call.function.parsed_arguments == GetWeather(**tasks.ARGUMENTS)
    assert (choice.message.content, choice.finish_reason) == (None, "tool_calls")


@both_flavours
async def test_a_stream_shows_the_object_as_it_grows(bridge: Bridge, flavour: Flavour) -> None:
    async with sdk(bridge, flavour) as client:
        events = await client.events(**asking(tasks.TRIP_ASKED, response_format=Trip))
    deltas = of_kind(events, "content.delta")
    (done,) = of_kind(events, "content.done")
    grown = [delta.parsed for delta in deltas if delta.parsed]
    assert {"city": {"name": "Paris"}} in grown
    assert grown[-1] == TRIP.model_dump()
    assert done.parsed == TRIP
    assert done.content == "".join(delta.delta for delta in deltas)


@both_flavours
async def test_a_model_with_tools_calls_or_answers_as_a_pydantic_model(
    bridge: Bridge, flavour: Flavour
) -> None:
    async with sdk(bridge, flavour) as client:
        called = await client.call(PARSE, **asking(tasks.ASKED, tools=TOOLS, response_format=Trip))
        answered = await client.call(
            PARSE, **asking(tasks.TRIP_ASKED, tools=[TOOLS[1]], response_format=Trip)
        )
    (call,) = called.choices[0].message.tool_calls
    assert call.function.parsed_arguments == GetWeather(**tasks.ARGUMENTS)
    assert (called.choices[0].message.content, called.choices[0].finish_reason) == (None, "tool_calls")
    assert answered.choices[0].message.parsed == TRIP
    assert (answered.choices[0].message.tool_calls, answered.choices[0].finish_reason) == (None, "stop")


@both_flavours
async def test_a_stream_shows_each_call_as_it_grows(bridge: Bridge, flavour: Flavour) -> None:
    async with sdk(bridge, flavour) as client:
        events = await client.events(**asking(tasks.BOTH_ASKED, tools=TOOLS))
    deltas = of_kind(events, "tool_calls.function.arguments.delta")
    done = of_kind(events, "tool_calls.function.arguments.done")
    assert [(call.index, call.name) for call in done] == [(0, "get_weather"), (1, "get_weather")]
    assert [call.parsed_arguments for call in done] == [GetWeather(**city) for city in tasks.BOTH]
    for call in done:
        pieces = [delta.arguments_delta for delta in deltas if delta.index == call.index]
        assert "".join(pieces) == call.arguments
        assert len(pieces) > 5
    assert of_kind(events, "content.done") == []


@both_flavours
async def test_a_stream_adds_up_to_the_parsed_object(bridge: Bridge, flavour: Flavour) -> None:
    asked = asking(tasks.TRIP_ASKED, response_format=Trip)
    async with sdk(bridge, flavour) as client:
        streamed = await client.final(**asked, stream_options={"include_usage": True})
        whole = await client.call(PARSE, **asked)
    assert streamed.choices[0].message.parsed == TRIP
    assert streamed.choices[0].message.content == whole.choices[0].message.content
    assert streamed.usage == whole.usage


@both_flavours
async def test_an_object_cut_off_is_told_from_a_whole_one(bridge: Bridge, flavour: Flavour) -> None:
    asked = asking(tasks.TRIP_ASKED, response_format=Trip, max_tokens=9)
    async with sdk(bridge, flavour) as client:
        with pytest.raises(openai.LengthFinishReasonError) as plain:
            await client.call(PARSE, **asked)
        with pytest.raises(openai.LengthFinishReasonError) as streamed:
            await client.final(**asked)
    for caught in (plain, streamed):
        (choice,) = caught.value.completion.choices
        assert choice.finish_reason == "length"
        assert json.dumps(TRIP.model_dump()).startswith(choice.message.content)


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        pytest.param({"response_format": JSON_OBJECT}, dict[str, Any], id="json_object"),
        pytest.param({"response_format": SCHEMA}, Trip, id="json_schema"),
        pytest.param({"extra_body": {"structured_outputs": {"json": {"type": "integer"}}}}, int, id="json"),
        pytest.param({"extra_body": {"guided_json": Trip.model_json_schema()}}, Trip, id="guided_json"),
    ],
)
async def test_any_way_of_asking_for_json_gets_json(bridge: Bridge, wanted: Any, kind: Any) -> None:
    async with sdk(bridge) as client:
        answer = await client.call(CREATE, **asking(tasks.TRIP_ASKED, **wanted))
    (choice,) = answer.choices
    TypeAdapter(kind).validate_json(choice.message.content, strict=True)
    assert choice.finish_reason == "stop"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param({"structured_outputs": {"choice": ["stay", "go"]}}, "go", id="choice"),
        pytest.param({"guided_regex": "[0-9]{2} days"}, r"\d\d days", id="guided_regex"),
        pytest.param({"guided_grammar": 'root ::= "yes" | "no"'}, "yes|no", id="guided_grammar"),
    ],
)
async def test_other_constraints_form_the_answer(
    bridge: Bridge, wanted: dict[str, Any], expected: str
) -> None:
    async with sdk(bridge) as client:
        answer = await client.call(CREATE, **asking("I go now", extra_body=wanted))
    assert re.fullmatch(expected, answer.choices[0].message.content)


async def test_the_model_is_told_the_schema_in_the_order_of_its_fields(
    bridge: Bridge, triton: RunningTriton
) -> None:
    tag = uuid.uuid4().hex
    said = directed(tag=tag, pieces=[TRIP.model_dump_json()])
    async with sdk(bridge) as client:
        await client.call(PARSE, **asking(said, "echo_vllm", response_format=Trip))
    inputs = (await triton.event(tag, "request"))["inputs"]
    sampling = json.loads(inputs["sampling_parameters"][0])
    schema = json.loads(sampling["structured_outputs"])["json"]
    assert list(schema["properties"]) == ["city", "days", "purpose"]
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize(
    ("wanted", "param", "message"),
    [
        pytest.param(
            {"response_format": SCHEMA}, "response_format",
            "'response_format' of type 'json_schema' is not supported with this model", id="json_schema",
        ),
        pytest.param(
            {"response_format": JSON_OBJECT}, "response_format",
            "'response_format' of type 'json_object' is not supported with this model", id="json_object",
        ),
        pytest.param(
            {"tools": TOOLS, "tool_choice": "required"}, "tool_choice",
            "it has no guided decoding, which a forced call needs", id="required",
        ),
        pytest.param(
            {"tools": TOOLS, "tool_choice": NAMED}, "tool_choice",
            "it has no guided decoding, which a forced call needs", id="named",
        ),
        pytest.param(
            {"extra_body": {"guided_choice": ["yes", "no"]}}, "guided_choice",
            "'guided_choice' of type 'choice' is not supported with this model", id="guided_choice",
        ),
    ],
)  # fmt: skip
@both_flavours
async def test_a_model_without_guided_decoding_is_never_asked_for_it(
    bridge: Bridge, flavour: Flavour, wanted: dict[str, Any], param: str, message: str
) -> None:
    async with sdk(bridge, flavour) as client:
        for stream in (False, True):
            with pytest.raises(openai.BadRequestError) as caught:
                await client.call(CREATE, **asking("Hi", tasks.UNGUIDED, **wanted), stream=stream)
            assert message in caught.value.message
            assert (caught.value.param, caught.value.code) == (param, "unsupported_parameter")
