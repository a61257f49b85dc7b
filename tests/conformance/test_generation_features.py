"""What the bridge does for every family: choices, lists of prompts, ranking, echo, log probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.doors import WAYS, Way, each_way, refusal, tell
from tests.families import received
from tests.openai_bodies import COMPLETIONS, chat, completion, directed
from tests.raw_http import ask

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

PLAIN = tuple(way for way in WAYS if not way.streams)


@pytest.fixture
async def bridge(serve: Serve, families: RunningTriton) -> Bridge:
    """Serve a model of every family without any configuration."""
    return await serve(triton=families.address)


SEEDED = pytest.mark.parametrize(
    ("model", "recorder", "name"),
    [
        pytest.param("echo_vllm", "echo_vllm", "seed", id="vllm"),
        pytest.param("ensemble", "tensorrt_llm", "seed", id="ensemble"),
        pytest.param("tensorrt_llm_bls", "tensorrt_llm_bls", "seed", id="BLS"),
        pytest.param("llmapi", "llmapi", "sampling_param_seed", id="llmapi"),
    ],
)


@SEEDED
@each_way
async def test_choices_are_numbered_prompt_by_prompt_and_seeded_each(
    bridge: Bridge, families: RunningTriton, way: Way, model: str, recorder: str, name: str
) -> None:
    tag = f"numbered {model} {way}"
    prompts = [directed(tag=tag, text=f"answer to {prompt}") for prompt in "ab"]
    body = completion(prompts, model=model, n=3, seed=40, max_tokens=30)
    answer = await tell(bridge, way, body)
    assert answer.texts == ["answer to a"] * 3 + ["answer to b"] * 3
    assert [choice.finish_reason for choice in answer.choices] == ["stop"] * 6
    events = received(families, tag, recorder)
    seeds = {int(event["id"].rpartition(":")[2]): event["inputs"][name] for event in events}
    assert [seeds[index] for index in sorted(seeds)] == [[40], [41], [42]] * 2


@each_way
async def test_choices_without_a_seed_are_sent_none(
    bridge: Bridge, families: RunningTriton, way: Way
) -> None:
    tag = f"unseeded {way}"
    answer = await tell(bridge, way, chat(directed(tag=tag, words=2), n=2))
    assert answer.texts == ["word0 word1 "] * 2
    events = received(families, tag, "echo_vllm")
    assert ["seed" in event["inputs"] for event in events] == [False, False]
    assert len({event["id"] for event in events}) == 2


async def test_every_prompt_of_a_list_is_counted_once(bridge: Bridge) -> None:
    prompts = [directed(words=2, input_tokens=count) for count in (3, 5)]
    for way in WAYS:
        answer = await tell(bridge, way, completion(prompts, n=2))
        assert answer.usage == (8, 8)


@pytest.mark.parametrize("way", PLAIN, ids=str)
async def test_the_likeliest_candidates_are_the_answer(serve: Serve, triton: RunningTriton, way: Way) -> None:
    bridge = await serve(triton=triton.address)
    asked = completion("The list is", model="demo", max_tokens=8, min_tokens=8, temperature=1.5)
    ranked = []
    for seed in range(5, 9):
        single = await bridge_logprobs(bridge, asked | {"seed": seed})
        ranked.append(single)
    best = [text for _, text in sorted(ranked, reverse=True)]
    answer = await tell(bridge, way, asked | {"seed": 5, "n": 2, "best_of": 4})
    assert answer.texts == best[:2]
    assert answer.usage is not None
    assert answer.usage[1] == 32


async def bridge_logprobs(bridge: Bridge, body: dict[str, Any]) -> tuple[float, str]:
    """Return the log probability of an answer, and its text."""
    answer = await ask(bridge.http_port, "POST", COMPLETIONS, json=body | {"logprobs": 0})
    (choice,) = answer.json["choices"]
    return sum(choice["logprobs"]["token_logprobs"]), choice["text"]


@pytest.mark.parametrize("model", ["echo_vllm", "llmapi"])
@pytest.mark.parametrize("way", PLAIN, ids=str)
async def test_candidates_are_ranked_where_the_model_can(
    bridge: Bridge, families: RunningTriton, way: Way, model: str
) -> None:
    tag = f"ranked {model} {way}"
    prompts = [directed(tag=tag, words=2), directed(tag=tag, words=3)]
    answer = await tell(bridge, way, completion(prompts, model=model, n=1, best_of=3))
    assert answer.texts == ["word0 word1 ", "word0 word1 word2 "]
    flags = [event["inputs"]["return_cumulative_logprob"] for event in received(families, tag, model)]
    assert flags == [[True]] * 6


@pytest.mark.parametrize("model", ["ensemble", "tensorrt_llm_bls", "mock_llm", "plain", "batched"])
async def test_best_of_is_refused_by_a_model_that_cannot_rank(bridge: Bridge, model: str) -> None:
    for way in PLAIN:
        error = await refusal(bridge, way, completion(model=model, best_of=2))
        assert (error.status, error.param) == (400, "best_of")
        assert f"'{model}'" in error.message


async def test_best_of_is_refused_in_a_stream(bridge: Bridge) -> None:
    for door in ("http", "grpc"):
        error = await refusal(bridge, Way(door, streams=True), completion(best_of=2))
        assert (error.status, error.param) == (400, "best_of")
        same = await tell(bridge, Way(door, streams=True), completion(best_of=2, n=2))
        assert len(same.choices) == 2


@pytest.mark.parametrize("model", ["echo_vllm", "ensemble", "llmapi", "llmapi_nodec", "mock_llm", "plain"])
@each_way
async def test_an_echo_puts_every_prompt_before_its_answers(bridge: Bridge, way: Way, model: str) -> None:
    prompts = [directed(text="an answer"), directed("four", text="another")]
    answer = await tell(bridge, way, completion(prompts, model=model, n=2, echo=True))
    first, second = f"{prompts[0]}an answer", f"{prompts[1]}another"
    assert answer.texts == [first, first, second, second]


@pytest.mark.parametrize("model", ["ensemble", "llmapi", "mock_llm", "plain"])
@each_way
async def test_a_stop_string_in_an_echoed_prompt_ends_nothing(bridge: Bridge, way: Way, model: str) -> None:
    prompt = directed("END and EN", pieces=["one", "D two END", " three"])
    answer = await tell(bridge, way, completion(prompt, model=model, echo=True, stop="END"))
    assert answer.texts == [f"{prompt}oneD two "]


@pytest.mark.parametrize("model", ["echo_vllm", "llmapi", "mock_llm"])
async def test_a_message_holds_as_many_tokens_as_are_asked_for(bridge: Bridge, model: str) -> None:
    for way in WAYS:
        if way.streams:
            answer = await tell(bridge, way, chat(directed(words=6), model=model, stream_interval=3))
            assert answer.choices[0].deltas == ["word0 ", "word1 word2 word3 ", "word4 word5 "]


@each_way
async def test_an_echo_of_no_tokens_asks_no_model(bridge: Bridge, families: RunningTriton, way: Way) -> None:
    prompt = directed(tag=f"only echo {way}")
    answer = await tell(bridge, way, completion(prompt, echo=True, max_tokens=0))
    assert answer.texts == [prompt]
    assert answer.choices[0].finish_reason == "length"
    assert families.events(f"only echo {way}") == []


async def test_log_probabilities_are_the_same_in_every_way(serve: Serve, triton: RunningTriton) -> None:
    bridge = await serve(triton=triton.address)
    fields = {"model": "demo", "seed": 3, "max_tokens": 8, "min_tokens": 8}
    chats = [
        await tell(bridge, way, chat("List a few", **fields, logprobs=True, top_logprobs=2, n=2))
        for way in WAYS
    ]
    texts = [await tell(bridge, way, completion("List a few", **fields, logprobs=2, n=2)) for way in WAYS]
    for answer in chats:
        for choice in answer.choices:
            assert len(choice.logprobs) == 8
            assert "".join(token["token"] for token in choice.logprobs) == choice.text
    for answer in texts:
        assert ["".join(choice.logprobs) for choice in answer.choices] == answer.texts
    assert len({tuple(answer.texts) for answer in chats}) == 1
    assert len({tuple(answer.texts) for answer in texts}) == 1
