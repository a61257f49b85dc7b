"""Chat completions by the openai SDK, streamed and not, on the demo model and a stand-in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.openai_bodies import chat, directed
from tests.openai_sdk import Flavour, both_flavours, sdk

if TYPE_CHECKING:
    from bridge.app import Bridge

CREATE = "chat.completions.create"
TOLD = directed(text="one two three", input_tokens=7)


def demo(**fields: Any) -> dict[str, Any]:
    """Return a request that the demo model answers with at least 12 tokens, at random without a seed."""
    longest = {"max_tokens": 12, "extra_body": {"min_tokens": 12}}
    return chat("What is a generator?", model="demo", **(longest | fields))


def texts(chunks: list[Any], index: int = 0) -> str:
    steps = [step for chunk in chunks for step in chunk.choices if step.index == index]
    return "".join(step.delta.content or "" for step in steps)


@both_flavours
async def test_a_plain_answer_has_text_reason_and_the_models_counts(bridge: Bridge, flavour: Flavour) -> None:
    async with sdk(bridge, flavour) as client:
        answer = await client.call(CREATE, **chat(TOLD))
    (choice,) = answer.choices
    assert (choice.message.role, choice.message.content) == ("assistant", "one two three")
    assert (choice.index, choice.finish_reason, choice.logprobs) == (0, "stop", None)
    assert (answer.object, answer.model) == ("chat.completion", "echo_vllm")
    assert answer.usage.to_dict() == {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    assert answer.id.startswith("chatcmpl-")
    assert len(answer.id) == len("chatcmpl-") + 32


@both_flavours
async def test_a_stream_says_role_text_and_reason_and_no_usage(bridge: Bridge, flavour: Flavour) -> None:
    async with sdk(bridge, flavour) as client:
        chunks = await client.stream(CREATE, **chat(TOLD))
    steps = [chunk.choices[0] for chunk in chunks]
    assert [step.delta.role for step in steps] == ["assistant", None, None, None, None]
    assert [step.delta.content for step in steps] == ["", "one", " two", " three", None]
    assert [step.finish_reason for step in steps] == [None, None, None, None, "stop"]
    assert len({(chunk.id, chunk.created, chunk.model, chunk.object) for chunk in chunks}) == 1
    assert not any("usage" in chunk.model_fields_set for chunk in chunks)


@both_flavours
async def test_usage_comes_last_and_alone_when_asked_for(bridge: Bridge, flavour: Flavour) -> None:
    async with sdk(bridge, flavour) as client:
        chunks = await client.stream(CREATE, **chat(TOLD), stream_options={"include_usage": True})
    *before, last = chunks
    assert all("usage" in chunk.model_fields_set and chunk.usage is None for chunk in before)
    assert all(len(chunk.choices) == 1 for chunk in before)
    assert last.choices == []
    assert last.usage.to_dict() == {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


@both_flavours
async def test_the_stream_helper_adds_up_to_the_plain_answer(bridge: Bridge, flavour: Flavour) -> None:
    request = chat(TOLD, logprobs=True, top_logprobs=2)
    async with sdk(bridge, flavour) as client:
        plain = await client.call(CREATE, **request)
        final = await client.final(**request, stream_options={"include_usage": True})
    assert final.choices[0].message.content == plain.choices[0].message.content == "one two three"
    assert final.choices[0].finish_reason == plain.choices[0].finish_reason == "stop"
    assert final.choices[0].logprobs.to_dict() == plain.choices[0].logprobs.to_dict()
    assert final.usage == plain.usage


async def test_the_deltas_add_up_to_the_plain_answer(bridge: Bridge) -> None:
    async with sdk(bridge) as client:
        plain = await client.call(CREATE, **demo(seed=1, max_tokens=40))
        chunks = await client.stream(
            CREATE, **demo(seed=1, max_tokens=40), stream_options={"include_usage": True}
        )
    assert texts(chunks) == plain.choices[0].message.content
    assert len(chunks) > 10
    assert chunks[-1].usage == plain.usage


async def test_log_probabilities_of_a_stream_are_those_of_the_plain_answer(bridge: Bridge) -> None:
    request = demo(seed=3, logprobs=True, top_logprobs=3)
    async with sdk(bridge) as client:
        plain = (await client.call(CREATE, **request)).choices[0]
        chunks = await client.stream(CREATE, **request)
    streamed = [
        token
        for chunk in chunks
        for step in chunk.choices
        if step.logprobs
        for token in step.logprobs.content
    ]
    assert streamed == plain.logprobs.content
    assert len(streamed) == 12
    assert all(len(token.top_logprobs) == 3 for token in streamed)
    assert b"".join(bytes(token.bytes) for token in streamed).decode() == plain.message.content
    assert "".join(token.token for token in streamed) == plain.message.content


async def test_top_logprobs_is_empty_when_none_are_asked_for(bridge: Bridge) -> None:
    async with sdk(bridge) as client:
        answer = await client.call(CREATE, **demo(logprobs=True))
    content = answer.choices[0].logprobs.content
    assert len(content) == 12
    assert all(token.top_logprobs == [] and token.logprob <= 0 for token in content)


async def test_choices_are_seeded_one_after_the_other(bridge: Bridge) -> None:
    async with sdk(bridge) as client:
        both = await client.call(CREATE, **demo(n=2, seed=10))
        single = [await client.call(CREATE, **demo(seed=seed)) for seed in (10, 11)]
    assert [choice.index for choice in both.choices] == [0, 1]
    assert [choice.message.content for choice in both.choices] == [
        answer.choices[0].message.content for answer in single
    ]
    assert both.choices[0].message.content != both.choices[1].message.content
    assert both.usage.completion_tokens == 24
    assert both.usage.prompt_tokens == single[0].usage.prompt_tokens


async def test_streamed_choices_interleave_and_add_up(bridge: Bridge) -> None:
    async with sdk(bridge) as client:
        plain = await client.call(CREATE, **demo(n=3, seed=20))
        chunks = await client.stream(CREATE, **demo(n=3, seed=20))
    steps = [chunk.choices[0] for chunk in chunks]
    assert [step.index for step in steps[:3]] == [0, 1, 2]
    assert [step.delta.role for step in steps] == ["assistant"] * 3 + [None] * (len(steps) - 3)
    assert sorted(step.index for step in steps if step.finish_reason == "length") == [0, 1, 2]
    assert [texts(chunks, index) for index in range(3)] == [
        choice.message.content for choice in plain.choices
    ]


async def test_a_seed_repeats_an_answer_and_another_seed_does_not(bridge: Bridge) -> None:
    async with sdk(bridge) as client:
        answers = [await client.call(CREATE, **demo(seed=seed)) for seed in (1, 1, 2)]
    first, again, other = (answer.choices[0].message.content for answer in answers)
    assert first == again != other


async def test_temperature_zero_needs_no_seed_to_repeat(bridge: Bridge) -> None:
    async with sdk(bridge) as client:
        answers = [await client.call(CREATE, **demo(temperature=0, seed=seed)) for seed in (1, 2, None)]
    assert len({answer.choices[0].message.content for answer in answers}) == 1


async def test_a_stop_string_ends_the_answer_before_itself(bridge: Bridge) -> None:
    async with sdk(bridge) as client:
        whole = (await client.call(CREATE, **demo(seed=1))).choices[0].message.content
        word = whole.split()[3]
        cut = whole[: whole.index(word)]
        plain = await client.call(CREATE, **demo(seed=1, stop=["never said", word], extra_body={}))
        chunks = await client.stream(CREATE, **demo(seed=1, stop=word, extra_body={}))
    assert (plain.choices[0].message.content, plain.choices[0].finish_reason) == (cut, "stop")
    assert (texts(chunks), chunks[-1].choices[0].finish_reason) == (cut, "stop")


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        pytest.param({"max_tokens": 4}, 4, id="max_tokens"),
        pytest.param({"max_tokens": None, "max_completion_tokens": 5}, 5, id="max_completion_tokens"),
        pytest.param({"max_tokens": 6, "max_completion_tokens": 3}, 3, id="the newer name wins, smaller"),
        pytest.param({"max_tokens": 3, "max_completion_tokens": 6}, 6, id="the newer name wins, larger"),
    ],
)
async def test_the_limit_cuts_with_reason_length(bridge: Bridge, limits: dict[str, int], most: int) -> None:
    request = demo(seed=1, extra_body={}, **limits)
    async with sdk(bridge) as client:
        plain = await client.call(CREATE, **request)
        chunks = await client.stream(CREATE, **request)
    assert plain.choices[0].finish_reason == chunks[-1].choices[0].finish_reason == "length"
    assert plain.usage.completion_tokens == most
    assert texts(chunks) == plain.choices[0].message.content
