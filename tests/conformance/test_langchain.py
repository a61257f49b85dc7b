"""LangChain's OpenAI chat model, unmodified, as a client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langchain_openai import ChatOpenAI

from tests.openai_bodies import directed
from tests.raw_http import PATIENCE

if TYPE_CHECKING:
    from bridge.app import Bridge

ASKED = directed(text="one two three", input_tokens=4)
USAGE = {"input_tokens": 4, "output_tokens": 3, "total_tokens": 7}


def model(bridge: Bridge, **options: Any) -> ChatOpenAI:
    options = {"model": "echo_vllm", "max_retries": 0, "timeout": PATIENCE, **options}
    return ChatOpenAI(base_url=f"http://127.0.0.1:{bridge.http_port}/v1", api_key="unused", **options)


async def test_a_model_is_invoked(bridge: Bridge) -> None:
    answer = await model(bridge, temperature=0.5, max_tokens=50).ainvoke(
        [("system", "Be brief."), ("human", ASKED)]
    )
    assert answer.content == "one two three"
    assert {name: answer.usage_metadata[name] for name in USAGE} == USAGE
    assert answer.response_metadata["finish_reason"] == "stop"
    assert answer.response_metadata["model_name"] == "echo_vllm"


@pytest.mark.parametrize("stream_usage", [True, False])
async def test_a_stream_adds_up(bridge: Bridge, stream_usage: bool) -> None:
    chunks = [chunk async for chunk in model(bridge, stream_usage=stream_usage).astream(ASKED)]
    assert [chunk.content for chunk in chunks if chunk.content] == ["one", " two", " three"]
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert whole.response_metadata["finish_reason"] == "stop"
    if stream_usage:
        assert {name: whole.usage_metadata[name] for name in USAGE} == USAGE
    else:
        assert whole.usage_metadata is None


async def test_the_real_demo_stops_where_it_is_told(bridge: Bridge) -> None:
    answer = await model(bridge, model="demo", seed=7, max_tokens=12).ainvoke("What is a list?", stop=["."])
    assert answer.content
    assert "." not in answer.content
    assert answer.usage_metadata["output_tokens"] <= 12


async def test_log_probabilities_come_with_the_answer(bridge: Bridge) -> None:
    logging = model(bridge, model="demo", seed=7, max_tokens=5).bind(logprobs=True, top_logprobs=2)
    answer = await logging.ainvoke("What is a list?")
    tokens = answer.response_metadata["logprobs"]["content"]
    assert "".join(token["token"] for token in tokens) == answer.content
    assert all(len(token["top_logprobs"]) == 2 for token in tokens)


async def test_many_prompts_are_answered_side_by_side(bridge: Bridge) -> None:
    answers = await model(bridge).abatch([directed(text=f"answer {number}") for number in range(8)])
    assert [answer.content for answer in answers] == [f"answer {number}" for number in range(8)]
