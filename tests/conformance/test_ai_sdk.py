"""The Vercel AI SDK on Node.js, unmodified, by either provider for OpenAI's chat API."""

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
providers = pytest.mark.parametrize("provider", ["compatible", "openai"])
NAMED = {"type": "tool", "toolName": "get_weather"}


@pytest.fixture
async def bridge(serve: Serve, triton: RunningTriton) -> Bridge:
    return await serve(triton=triton.address, models={"echo_vllm": ModelConfig(reasoning_parser="think")})


async def ask(
    bridge: Bridge, task: str, provider: str, prompt: str, model: str = tasks.MODEL, **fields: Any
) -> Any:
    return await outcome(
        "ai_sdk.mjs", bridge, task=task, provider=provider, model=model, prompt=prompt, **fields
    )


@providers
@pytest.mark.parametrize("task", ["generateText", "streamText"])
async def test_a_tool_is_called_and_its_result_answered(bridge: Bridge, task: str, provider: str) -> None:
    said = await ask(bridge, task, provider, tasks.ASKED)
    assert said["steps"] == [
        {"finishReason": "tool-calls", "calls": [["get_weather", tasks.ARGUMENTS]]},
        {"finishReason": "stop", "calls": []},
    ]
    assert said["text"] == tasks.ANSWER
    assert said["usage"]["inputTokens"] > said["usage"]["outputTokens"] > 0


@providers
async def test_calls_stream_side_by_side_as_they_are_written(bridge: Bridge, provider: str) -> None:
    said = await ask(bridge, "streamText", provider, tasks.BOTH_ASKED)
    assert said["steps"][0]["calls"] == [["get_weather", city] for city in tasks.BOTH]
    assert [json.loads("".join(pieces)) for pieces in said["inputs"]] == tasks.BOTH
    assert all(len(pieces) > 5 for pieces in said["inputs"])
    assert "sunny over Paris" in said["text"]
    assert "sunny over Oslo" in said["text"]


@pytest.mark.parametrize(
    ("choice", "asked", "called", "reason"),
    [
        pytest.param("none", tasks.ASKED, 0, "stop", id="none"),
        pytest.param("auto", "Hello", 0, "stop", id="auto"),
        pytest.param("required", "Hello", 1, "tool-calls", id="required"),
        pytest.param(NAMED, "Hello", 1, "stop", id="named"),
    ],
)
async def test_the_choice_of_tools_is_kept(
    bridge: Bridge, choice: Any, asked: str, called: int, reason: str
) -> None:
    said = await ask(bridge, "streamText", "compatible", asked, toolChoice=choice, steps=1)
    (step,) = said["steps"]
    assert (len(step["calls"]), step["finishReason"]) == (called, reason)
    assert bool(said["text"]) == (not called)


@providers
@pytest.mark.parametrize("task", ["generateObject", "streamObject", "generateOutput", "streamOutput"])
async def test_an_answer_is_an_object(bridge: Bridge, task: str, provider: str) -> None:
    said = await ask(bridge, task, provider, tasks.TRIP_ASKED)
    assert said["object"] == tasks.TRIP.model_dump()
    if task.startswith("stream"):
        assert {"city": {"name": "Paris"}} in said["partial"]


async def test_reasoning_comes_before_the_answer(bridge: Bridge) -> None:
    said = await ask(bridge, "streamText", "compatible", tasks.REASONED, "echo_vllm")
    assert (said["reasoning"], said["text"]) == (tasks.REASONING, tasks.REPLY)
    kinds = said["kinds"]
    assert kinds.index("reasoning-delta") < kinds.index("reasoning-end") < kinds.index("text-start")


@providers
@pytest.mark.parametrize("task", ["generateObject", "generateOutput"])
async def test_a_model_without_guided_decoding_is_refused(bridge: Bridge, task: str, provider: str) -> None:
    said = await ask(bridge, task, provider, tasks.TRIP_ASKED, tasks.UNGUIDED)
    assert (said["error"]["name"], said["error"]["status"]) == ("AI_APICallError", 400)
    assert "'response_format' of type 'json_schema' is not supported" in said["error"]["message"]
