"""Text completions by the openai SDK, streamed and not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.openai_bodies import completion, directed
from tests.openai_sdk import Flavour, both_flavours, sdk

if TYPE_CHECKING:
    from bridge.app import Bridge

CREATE = "completions.create"


def demo(prompt: Any = "The list is", **fields: Any) -> dict[str, Any]:
    """Return a request that the demo model answers with at least 10 tokens, at random without a seed."""
    longest = {"max_tokens": 10, "extra_body": {"min_tokens": 10}}
    return completion(prompt, model="demo", **(longest | fields))


def texts(chunks: list[Any], index: int = 0) -> str:
    return "".join(step.text for chunk in chunks for step in chunk.choices if step.index == index)


@both_flavours
async def test_a_plain_answer_has_text_reason_and_the_models_counts(bridge: Bridge, flavour: Flavour) -> None:
    async with sdk(bridge, flavour) as client:
        answer = await client.call(CREATE, **completion(directed(text="a b", input_tokens=4)))
    (choice,) = answer.choices
    assert (choice.index, choice.text, choice.finish_reason, choice.logprobs) == (0, "a b", "stop", None)
    assert (answer.object, answer.model) == ("text_completion", "echo_vllm")
    assert answer.usage.to_dict() == {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}
    assert answer.id.startswith("cmpl-")


@both_flavours
async def test_a_stream_says_text_then_the_reason_then_usage(bridge: Bridge, flavour: Flavour) -> None:
    request = completion(directed(text="a b", input_tokens=4))
    async with sdk(bridge, flavour) as client:
        chunks = await client.stream(CREATE, **request, stream_options={"include_usage": True})
        without = await client.stream(CREATE, **request)
    *steps, last = chunks
    said = [(chunk.choices[0].text, chunk.choices[0].finish_reason) for chunk in steps]
    assert said == [("a", None), (" b", None), ("", "stop")]
    assert all("usage" in chunk.model_fields_set and chunk.usage is None for chunk in steps)
    assert (last.choices, last.usage.total_tokens) == ([], 6)
    assert not any("usage" in chunk.model_fields_set for chunk in without)
    assert len(without) == len(steps)


async def test_the_deltas_add_up_to_the_plain_answer(bridge: Bridge) -> None:
    request = demo(seed=7, logprobs=2)
    async with sdk(bridge) as client:
        plain = await client.call(CREATE, **request)
        chunks = await client.stream(CREATE, **request, stream_options={"include_usage": True})
    (choice,) = plain.choices
    assert texts(chunks) == choice.text
    assert chunks[-1].usage == plain.usage
    assert choice.finish_reason == "length"
    lists = [step.logprobs for chunk in chunks for step in chunk.choices if step.logprobs]
    for name in ("tokens", "token_logprobs", "top_logprobs", "text_offset"):
        joined = [item for each in lists for item in getattr(each, name)]
        assert joined == getattr(choice.logprobs, name)
        assert len(joined) == plain.usage.completion_tokens == 10


async def test_log_probabilities_are_four_parallel_arrays(bridge: Bridge) -> None:
    async with sdk(bridge) as client:
        (choice,) = (await client.call(CREATE, **demo(seed=7, logprobs=3))).choices
    found = choice.logprobs
    assert "".join(found.tokens) == choice.text
    offsets = [len("".join(found.tokens[:at])) for at in range(len(found.tokens))]
    assert found.text_offset == offsets
    for token, logprob, top in zip(found.tokens, found.token_logprobs, found.top_logprobs, strict=True):
        assert top[token] == logprob
        assert 3 <= len(top) <= 4


async def test_zero_logprobs_are_the_chosen_tokens_alone(bridge: Bridge) -> None:
    async with sdk(bridge) as client:
        (choice,) = (await client.call(CREATE, **demo(logprobs=0))).choices
    assert [list(top) for top in choice.logprobs.top_logprobs] == [
        [token] for token in choice.logprobs.tokens
    ]


async def test_sixteen_tokens_are_the_default(bridge: Bridge) -> None:
    async with sdk(bridge) as client:
        answer = await client.call(CREATE, **demo(max_tokens=None, extra_body={"min_tokens": 16}))
    assert (answer.usage.completion_tokens, answer.choices[0].finish_reason) == (16, "length")


async def test_choices_of_several_prompts_are_numbered_prompt_by_prompt(bridge: Bridge) -> None:
    prompts = ["The list is", "A string has"]
    async with sdk(bridge) as client:
        plain = await client.call(CREATE, **demo(prompts, n=2, seed=1))
        chunks = await client.stream(CREATE, **demo(prompts, n=2, seed=1))
        single = [
            (await client.call(CREATE, **demo(prompt, seed=seed))).choices[0].text
            for prompt in prompts
            for seed in (1, 2)
        ]
    assert [choice.index for choice in plain.choices] == [0, 1, 2, 3]
    assert [choice.text for choice in plain.choices] == single
    assert [texts(chunks, index) for index in range(4)] == single
    assert plain.usage.completion_tokens == 40


async def test_each_prompt_is_counted_once(bridge: Bridge) -> None:
    prompts = [directed(text="x", input_tokens=5), directed(text="y z", input_tokens=7)]
    async with sdk(bridge) as client:
        answer = await client.call(CREATE, **completion(prompts, n=3))
    assert answer.usage.to_dict() == {"prompt_tokens": 12, "completion_tokens": 9, "total_tokens": 21}


@pytest.mark.parametrize("model", ["plain", "plain_decoupled"])
async def test_usage_is_absent_where_the_model_does_not_count(bridge: Bridge, model: str) -> None:
    request = completion("one two three", model=model)
    async with sdk(bridge) as client:
        plain = await client.call(CREATE, **request)
        chunks = await client.stream(CREATE, **request, stream_options={"include_usage": True})
    assert plain.choices[0].text == texts(chunks) == "one two three"
    assert "usage" not in plain.model_fields_set
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)
