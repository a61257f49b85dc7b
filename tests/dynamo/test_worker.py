"""The bridge's models through a real Dynamo frontend: listed, streamed, added up, refused, cancelled."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import openai
import pytest

from bridge.config import Limits
from tests.dynamo.joining import MODELS, asks, client, in_folder, joined, lists
from tests.openai_bodies import directed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from openai import AsyncOpenAI

    from bridge.dynamo.worker import DynamoWorker
    from tests.dynamo.environment import Cluster, Frontend
    from tests.tritonserver import RunningTriton

CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Paris"}}\n</tool_call>'
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
PLACES = {"max_prompt_characters": 400}


@pytest.fixture(scope="module")
async def worker(
    cluster: Cluster, openai_frontend: Frontend, triton: RunningTriton
) -> AsyncIterator[DynamoWorker]:
    """One worker for the tests of this module."""
    url = in_folder(cluster.folder)
    async with (
        joined(triton, url, limits=Limits(**PLACES), max_request_bytes=100_000) as made,
        client(openai_frontend) as one,
    ):
        await lists(one, *MODELS)
        yield made


@pytest.fixture
async def sdk(worker: DynamoWorker, openai_frontend: Frontend) -> AsyncIterator[AsyncOpenAI]:
    async with client(openai_frontend) as made:
        yield made


async def test_an_answer_is_added_up_with_its_usage(sdk: AsyncOpenAI) -> None:
    answer = await sdk.chat.completions.create(**asks(directed(text="one two")))
    assert answer.choices[0].message.content == "one two"
    assert (answer.model, answer.choices[0].finish_reason) == ("echo_vllm", "stop")
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 2


@pytest.mark.parametrize("usage", [True, False])
async def test_a_chat_is_streamed(sdk: AsyncOpenAI, usage: bool) -> None:
    wanted = {"stream_options": {"include_usage": True}} if usage else {}
    stream = await sdk.chat.completions.create(**asks(directed(text="one two ü")), stream=True, **wanted)
    chunks = [chunk async for chunk in stream]
    steps = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert [step.delta.content for step in steps if step.delta.content] == ["one", " two", " ü"]
    assert (steps[0].delta.role, steps[-1].finish_reason) == ("assistant", "stop")
    assert [chunk.usage.total_tokens > 3 for chunk in chunks if chunk.usage] == [True] * usage


async def test_a_completion_is_streamed_and_added_up(sdk: AsyncOpenAI) -> None:
    stream = await sdk.completions.create(model="echo_vllm", prompt="one two", stream=True)
    assert "".join([chunk.choices[0].text async for chunk in stream]) == "one two"
    answer = await sdk.completions.create(model="echo_vllm", prompt="one two", max_tokens=1)
    assert (answer.choices[0].text, answer.choices[0].finish_reason) == ("one", "length")
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 1


async def test_choices_and_sampling_reach_the_model(sdk: AsyncOpenAI, triton: RunningTriton) -> None:
    content = directed(tag="dyn-sampling", text="x")
    answer = await sdk.chat.completions.create(**asks(content, n=2, temperature=0.25, seed=7, stop=["q"]))
    assert [choice.message.content for choice in answer.choices] == ["x", "x"]
    events = [event for event in triton.events("dyn-sampling") if event["event"] == "request"]
    sampling = [json.loads(event["inputs"]["sampling_parameters"][0]) for event in events]
    found = sorted((one["temperature"], one["seed"], one["stop"]) for one in sampling)
    assert found == [(0.25, 7, ["q"]), (0.25, 8, ["q"])]


async def test_reasoning_and_tool_calls_are_parsed_by_the_bridge(sdk: AsyncOpenAI) -> None:
    asked: dict[str, Any] = asks(
        directed(pieces=["<think>because</think>", CALL]), model="Org/Tools-1.0", tools=TOOLS
    )
    answer = await sdk.chat.completions.create(**asked)
    (call,) = answer.choices[0].message.tool_calls or ()
    assert call.type == "function"
    assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "Paris"})
    assert answer.choices[0].message.reasoning_content == "because"
    assert answer.choices[0].finish_reason == "tool_calls"
    stream = await sdk.chat.completions.create(**asked, stream=True)
    deltas = [step.delta for chunk in [one async for one in stream] for step in chunk.choices]
    pieces = [piece.function for delta in deltas for piece in delta.tool_calls or () if piece.function]
    assert [piece.name for piece in pieces if piece.name] == ["weather"]
    assert json.loads("".join(piece.arguments or "" for piece in pieces)) == {"city": "Paris"}
    assert "because" in [getattr(delta, "reasoning_content", None) for delta in deltas]


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        pytest.param(asks("x", top_logprobs=3), 400, "top_logprobs", id="a field without another"),
        pytest.param(asks("x" * 500), 400, "400", id="a limit of the bridge"),
        pytest.param(asks("x" * 200_000), 413, "100000 bytes", id="too large a body"),
        pytest.param(asks(directed(fail_at=0, error="no luck")), 500, "model", id="a model that fails"),
        pytest.param(asks(directed(fail_at=2, error="no luck")), 500, "model", id="one that fails later"),
    ],
)
async def test_errors_have_the_bridges_status_and_words(
    sdk: AsyncOpenAI, asked: dict[str, Any], status: int, words: str
) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        await sdk.chat.completions.create(**asked)
    assert caught.value.status_code == status
    assert words in caught.value.message
    assert (await sdk.chat.completions.create(**asks(directed(text="on")))).choices[0].message.content == "on"


async def test_a_stream_that_fails_says_why_in_an_event(sdk: AsyncOpenAI) -> None:
    stream = await sdk.chat.completions.create(**asks(directed(words=5, fail_at=2)), stream=True)
    said: list[str] = []
    with pytest.raises(openai.APIError) as caught:
        await _read(stream, said)
    assert said == ["word0 ", "word1 "]
    assert "model" in caught.value.message


async def test_a_client_that_leaves_cancels_the_model(sdk: AsyncOpenAI, triton: RunningTriton) -> None:
    content = directed(tag="dyn-cancel", words=9, hang_at=2)
    stream = await sdk.chat.completions.create(**asks(content), stream=True)
    await anext(aiter(stream))
    await stream.close()
    left = time.monotonic()
    assert (await triton.event("dyn-cancel", "cancelled", within=5))["time"] - left < 2


async def test_a_client_that_waits_for_all_and_leaves_cancels_too(
    openai_frontend: Frontend, worker: DynamoWorker, triton: RunningTriton
) -> None:
    body = asks(directed(tag="dyn-left", words=9, hang_at=0))
    async with aiohttp.ClientSession() as session:
        url = f"http://{openai_frontend.address}/v1/chat/completions"
        with pytest.raises(TimeoutError):
            await session.post(url, json=body, timeout=aiohttp.ClientTimeout(total=0.5))
    left = time.monotonic()
    assert (await triton.event("dyn-left", "cancelled", within=5))["time"] - left < 2


async def _read(stream: Any, said: list[str]) -> None:
    async for chunk in stream:
        said += [step.delta.content for step in chunk.choices if step.delta.content]
