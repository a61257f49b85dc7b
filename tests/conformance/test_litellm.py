"""LiteLLM, unmodified, as a client: its provider `openai/` with the bridge as its base URL."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.command import run
from tests.openai_bodies import directed
from tests.raw_http import PATIENCE

if TYPE_CHECKING:
    from bridge.app import Bridge

CLIENT = Path(__file__).parents[1] / "litellm_client.py"
DEMO = {"model": "openai/demo", "seed": 7, "max_tokens": 12}


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


def text(chunks: list[Any]) -> str:
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
