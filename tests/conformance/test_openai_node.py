"""openai-node, unmodified: zod schemas and functions, its `stream` and `runTools`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from bridge.config import ModelConfig
from tests import agent_tasks as tasks
from tests.node import node_packages, outcome

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

__all__ = ["node_packages"]
pytestmark = pytest.mark.usefixtures("node_packages")
NAMED = {"type": "function", "function": {"name": "get_weather"}}


@pytest.fixture
async def bridge(serve: Serve, triton: RunningTriton) -> Bridge:
    return await serve(triton=triton.address, models={"echo_vllm": ModelConfig(reasoning_parser="think")})


async def ask(bridge: Bridge, task: str, prompt: str, model: str = tasks.MODEL, **fields: Any) -> Any:
    return await outcome("openai_sdk.mjs", bridge, task=task, prompt=prompt, model=model, **fields)


@pytest.mark.parametrize("task", ["parse", "stream"])
async def test_an_answer_is_an_object(bridge: Bridge, task: str) -> None:
    said = await ask(bridge, task, tasks.TRIP_ASKED)
    assert (said["parsed"], said["finish_reason"]) == (
        {"city": {"name": "Paris", "motto": "afloat"}, "days": 3, "purpose": "fun"},
        "stop",
    )


async def test_a_stream_shows_the_object_as_it_grows(bridge: Bridge) -> None:
    said = await ask(bridge, "stream", tasks.TRIP_ASKED)
    assert said["growing"][-1] == tasks.TRIP.model_dump()
    assert any("city" in (part or ()) and "days" not in part for part in said["growing"])


@pytest.mark.parametrize("task", ["parseTools", "streamTools"])
async def test_arguments_are_parsed_by_the_schema(bridge: Bridge, task: str) -> None:
    said = await ask(bridge, task, tasks.BOTH_ASKED)
    assert said["calls"] == [["get_weather", city] for city in tasks.BOTH]
    assert said["finish_reason"] == "tool_calls"
    assert not said["content"]


async def test_a_stream_shows_each_call_as_it_grows(bridge: Bridge) -> None:
    said = await ask(bridge, "streamTools", tasks.BOTH_ASKED)
    assert said["done"] == [[0, "get_weather"], [1, "get_weather"]]
    assert [json.loads("".join(pieces)) for pieces in said["pieces"]] == tasks.BOTH
    assert all(len(pieces) > 5 for pieces in said["pieces"])


@pytest.mark.parametrize("task", ["runTools", "runToolsStreamed"])
async def test_tools_run_until_the_answer(bridge: Bridge, task: str) -> None:
    said = await ask(bridge, task, tasks.ASKED)
    assert said["text"] == tasks.ANSWER
    assert said["roles"] == ["user", "assistant", "tool", "assistant"]


@pytest.mark.parametrize("task", ["parseTools", "streamTools"])
@pytest.mark.parametrize(
    ("choice", "called", "reason"),
    [
        pytest.param("none", 0, "stop", id="none"),
        pytest.param("required", 1, "tool_calls", id="required"),
        pytest.param(NAMED, 1, "stop", id="named"),
    ],
)
async def test_the_choice_of_tools_is_kept(
    bridge: Bridge, task: str, choice: Any, called: int, reason: str
) -> None:
    said = await ask(bridge, task, "Hello", choice=choice)
    assert (len(said["calls"]), said["finish_reason"]) == (called, reason)


async def test_reasoning_is_an_extra_field(bridge: Bridge) -> None:
    said = await ask(bridge, "reasoning", tasks.REASONED, "echo_vllm")
    assert said["message"]["reasoning_content"] == tasks.REASONING
    assert said["message"]["content"] == tasks.REPLY
    pieces = [delta.get("reasoning_content", "") for delta in said["deltas"]]
    assert "".join(pieces) == tasks.REASONING


@pytest.mark.parametrize("task", ["parse", "stream"])
async def test_a_model_without_guided_decoding_is_refused(bridge: Bridge, task: str) -> None:
    error = (await ask(bridge, task, tasks.TRIP_ASKED, tasks.UNGUIDED))["error"]
    assert (error["status"], error["param"], error["code"]) == (
        400,
        "response_format",
        "unsupported_parameter",
    )
    assert "'response_format' of type 'json_schema' is not supported" in error["message"]
