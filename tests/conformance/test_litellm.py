"""LiteLLM, unmodified, as a client: its provider `openai/` with the bridge as its base URL."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bridge.config import ModelConfig
from tests import agent_tasks as tasks
from tests.command import run
from tests.openai_bodies import directed
from tests.raw_http import PATIENCE

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

CLIENT = Path(__file__).parents[1] / "litellm_client.py"
DEMO = {"model": "openai/demo", "seed": 7, "max_tokens": 12}
SCHEMA = {"name": "trip", "strict": True, "schema": tasks.Trip.model_json_schema()}
FORM = {"type": "json_schema", "json_schema": SCHEMA}


def asked(prompt: str, **fields: Any) -> dict[str, Any]:
    """Return the arguments of one request."""
    messages = [{"role": "user", "content": prompt}]
    defaults = {"model": "openai/echo_vllm", "api_key": "unused", "max_retries": 0, "timeout": PATIENCE}
    return {"messages": messages, **defaults, **fields}


async def ask(bridge: Bridge, *requests: dict[str, Any]) -> list[Any]:
    base = f"http://127.0.0.1:{bridge.http_port}/v1"
    bodies = json.dumps([{**request, "api_base": base} for request in requests])
    ran = await run(sys.executable, str(CLIENT), bodies, within=40)
    assert ran.code == 0, ran.err
    (answers,) = ran.messages
    return list(answers)


async def test_it_reads_answers_streams_and_errors(bridge: Bridge) -> None:
    """One process for all: importing the library takes seconds."""
    said = directed(text="one two three", input_tokens=40)
    answer, stream, demo, demo_stream, refused, unknown = await ask(
        bridge,
        asked(said, temperature=0.5, max_tokens=50),
        asked(said, stream=True, stream_options={"include_usage": True}),
        asked("What is a list?", **DEMO),
        asked("What is a list?", **DEMO, stream=True),
        asked("hi", extra_body={"cache_salt": "tenant"}),
        asked("hi", model="openai/nobody"),
    )
    check_answer(answer)
    check_stream(stream)
    assert text(demo_stream) == demo["choices"][0]["message"]["content"] != ""
    assert refused["exception"] == "BadRequestError"
    assert "'cache_salt' is not supported with model 'echo_vllm'" in refused["message"]
    assert unknown["exception"] == "NotFoundError"
    assert "'nobody' does not exist" in unknown["message"]


@pytest.mark.parametrize("provider", ["openai", "hosted_vllm"])
async def test_it_reads_calls_objects_and_reasoning(
    triton: RunningTriton, serve: Serve, provider: str
) -> None:
    models = {"echo_vllm": ModelConfig(reasoning_parser="think")}
    bridge = await serve(triton=triton.address, models=models)
    tools = {"model": f"{provider}/{tasks.MODEL}", "tools": tasks.TOOLS}
    reasoning = asked(tasks.REASONED, model=f"{provider}/echo_vllm")
    call, calls, forced, trip, thought, thoughts, refused = await ask(
        bridge,
        asked(tasks.ASKED, **tools),
        asked(tasks.BOTH_ASKED, **tools, stream=True),
        asked("Hello", **tools, tool_choice="required"),
        asked(tasks.TRIP_ASKED, model=f"{provider}/{tasks.MODEL}", response_format=FORM),
        reasoning,
        {**reasoning, "stream": True},
        asked("Hello", model=f"{provider}/{tasks.UNGUIDED}", response_format=FORM),
    )
    assert arguments(call) == [("get_weather", tasks.ARGUMENTS)]
    assert streamed_arguments(calls) == [("get_weather", city) for city in tasks.BOTH]
    assert [name for name, _ in arguments(forced)] == ["get_weather"]
    assert tasks.Trip.model_validate_json(message(trip)["content"]) == tasks.TRIP
    assert (message(thought)["reasoning_content"], message(thought)["content"]) == (
        tasks.REASONING,
        tasks.REPLY,
    )
    assert (text(thoughts, "reasoning_content"), text(thoughts)) == (tasks.REASONING, tasks.REPLY)
    assert refused["exception"] == "BadRequestError"
    assert "'response_format' of type 'json_schema' is not supported" in refused["message"]


def message(answer: dict[str, Any]) -> Any:
    (choice,) = answer["choices"]
    return choice["message"]


def arguments(answer: dict[str, Any]) -> list[tuple[str, Any]]:
    functions = [call["function"] for call in message(answer)["tool_calls"]]
    assert answer["choices"][0]["finish_reason"] == "tool_calls"
    return [(function["name"], json.loads(function["arguments"])) for function in functions]


def streamed_arguments(chunks: list[Any]) -> list[tuple[str, Any]]:
    found: list[list[str]] = []
    for piece in [call for chunk in chunks for call in chunk["choices"][0]["delta"]["tool_calls"] or ()]:
        if piece["id"]:
            assert piece["index"] == len(found)
            found.append([piece["function"]["name"], ""])
        found[piece["index"]][1] += piece["function"]["arguments"]
    return [(name, json.loads(value)) for name, value in found]


def check_answer(answer: dict[str, Any]) -> None:
    (choice,) = answer["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("one two three", "stop")
    assert (answer["usage"]["prompt_tokens"], answer["usage"]["completion_tokens"]) == (40, 3)


def check_stream(chunks: list[Any]) -> None:
    steps = [choice for chunk in chunks for choice in chunk["choices"]]
    said = [step["delta"]["content"] for step in steps if step["delta"].get("content")]
    assert said == ["one", " two", " three"]
    assert [step["finish_reason"] for step in steps if step["finish_reason"]] == ["stop"]
    (usage,) = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (40, 3)


def text(chunks: list[Any], name: str = "content") -> str:
    return "".join(choice["delta"].get(name) or "" for chunk in chunks for choice in chunk["choices"])
