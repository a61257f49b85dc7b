"""The model `demo` on the real Triton."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from tritonclient.grpc import service_pb2

from tests.demo.kserve_stream import Reply, call, connected, replies, request

if TYPE_CHECKING:
    from tests.tritonserver import RunningTriton

PROMPT = "<|im_start|>user\nTell me about lambda expressions<|im_end|>\n<|im_start|>assistant\n"
EVERYTHING = {
    "return_finish_reason": True,
    "return_cumulative_logprob": True,
    "return_logprobs": True,
    "return_num_input_tokens": True,
    "return_num_output_tokens": True,
}
REFUSAL = "Error generating stream: 'NoneType' object has no attribute 'lora_name'"


async def _stream(triton: RunningTriton, prompt: str = PROMPT, **sampling: Any) -> list[Reply]:
    return await replies(triton.address, request("demo", prompt, sampling, stream=True, **EVERYTHING))


async def _whole(triton: RunningTriton, prompt: str = PROMPT, **sampling: Any) -> Reply:
    message = request("demo", prompt, sampling, exclude_input_in_output=True, **EVERYTHING)
    (only,) = await replies(triton.address, message)
    return only


def _text(received: list[Reply]) -> str:
    return b"".join(reply.text for reply in received).decode()


async def test_a_stream_is_one_response_per_token_and_ends_with_the_last(triton: RunningTriton) -> None:
    received = await _stream(triton, max_tokens=12, seed=1)
    assert [reply.final for reply in received] == [False] * 11 + [True]
    assert [reply.outputs["finish_reason"] for reply in received] == [[b"None"]] * 11 + [[b"length"]]
    assert all(reply.outputs["num_output_tokens"] == [1] for reply in received)
    assert all(reply.shapes["num_input_tokens"] == [] for reply in received)


async def test_streamed_and_whole_answers_are_the_same(triton: RunningTriton) -> None:
    sampling = {"max_tokens": 40, "seed": 4, "temperature": 1.5, "logprobs": 2}
    streamed, whole = await _stream(triton, **sampling), await _whole(triton, **sampling)
    assert _text(streamed) == whole.text.decode()
    assert whole.outputs["num_output_tokens"] == [len(streamed)]
    assert streamed[-1].outputs["cumulative_logprob"] == pytest.approx(whole.outputs["cumulative_logprob"])
    logprobs = [step for reply in streamed for step in json.loads(reply.outputs["logprobs"][0])]
    assert logprobs == json.loads(whole.outputs["logprobs"][0])


async def test_the_prompt_leads_a_whole_answer_unless_excluded(triton: RunningTriton) -> None:
    sampling = {"max_tokens": 5, "temperature": 0}
    (with_prompt,) = await replies(triton.address, request("demo", PROMPT, sampling))
    without = await _whole(triton, **sampling)
    assert with_prompt.text == PROMPT.encode() + without.text


async def test_a_seed_repeats_the_answer(triton: RunningTriton) -> None:
    one, same, other = [
        _text(await _stream(triton, max_tokens=60, seed=seed, temperature=1.5)) for seed in (7, 7, 8)
    ]
    assert one == same != other


async def test_an_answer_about_lambda_stops_by_itself(triton: RunningTriton) -> None:
    whole = await _whole(triton, max_tokens=400, temperature=0)
    assert b"Lambda expressions" in whole.text
    assert whole.outputs["finish_reason"] == [b"stop"]


async def test_a_stop_string_is_never_shown(triton: RunningTriton) -> None:
    received = await _stream(triton, max_tokens=400, temperature=0, stop=["anonymous func"])
    text = _text(received)
    assert text.endswith("create ")
    assert "anonymous func" not in text
    assert received[-1].outputs["finish_reason"] == [b"stop"]


async def test_logprobs_name_the_token_and_its_alternatives(triton: RunningTriton) -> None:
    received = await _stream(triton, max_tokens=3, temperature=0, logprobs=3)
    total = 0.0
    for reply in received:
        (step,) = json.loads(reply.outputs["logprobs"][0])
        assert [entry["rank"] for entry in step.values()] == [1, 2, 3]
        sampled = next(iter(step.values()))
        assert sampled["decoded_token"].encode() == reply.text
        total += sampled["logprob"]
    assert received[-1].outputs["cumulative_logprob"] == [pytest.approx(total, rel=1e-5)]


async def test_logprobs_are_null_unless_sampling_asks_for_them(triton: RunningTriton) -> None:
    assert (await _whole(triton, max_tokens=2)).outputs["logprobs"] == [b"null"]


async def test_only_the_outputs_asked_for_are_sent(triton: RunningTriton) -> None:
    (reply,) = await replies(triton.address, request("demo", "The"))
    assert list(reply.outputs) == ["text_output"]


@pytest.mark.parametrize(
    ("sampling", "text"),
    [
        pytest.param({"n": 1}, REFUSAL, id="unknown key"),
        pytest.param({"stop": None}, REFUSAL, id="null"),
        pytest.param({"top_p": 0}, REFUSAL, id="out of range"),
        pytest.param({"lora_name": "x"}, "Error generating stream: LoRA feature is not enabled.", id="lora"),
    ],
)
async def test_bad_sampling_parameters_are_refused_in_the_words_of_the_vllm_backend(
    triton: RunningTriton, sampling: dict[str, Any], text: str
) -> None:
    (reply,) = await _stream(triton, **sampling)
    assert (reply.error, reply.final) == (text, True)


async def test_a_prompt_that_is_too_long_is_refused(triton: RunningTriton) -> None:
    (reply,) = await _stream(triton, "lambda " * 9000)
    assert "is longer than the maximum model length of 8192" in reply.error


async def test_requests_run_side_by_side(triton: RunningTriton) -> None:
    long = {"max_tokens": 2000, "min_tokens": 2000}
    async with connected(triton.address) as stub:
        slow = call(stub, request("demo", PROMPT, long, stream=True))
        await slow.read()
        assert (await _whole(triton, max_tokens=2)).final
        assert not slow.done()
        slow.cancel()


async def test_a_cancelled_answer_ends_within_200_ms(triton: RunningTriton) -> None:
    long = {"max_tokens": 8000, "min_tokens": 8000}
    async with connected(triton.address) as stub:
        before = await _ended(stub)
        running = call(stub, request("demo", PROMPT, long, stream=True))
        await running.read()
        running.cancel()
        deadline = time.monotonic() + 0.2
        while await _ended(stub) == before:  # generating all of it takes more than 8 s
            assert time.monotonic() < deadline
            await asyncio.sleep(0.005)


async def _ended(stub: Any) -> int:
    """Return how many requests of the model have ended; Triton counts a cancelled one as a success."""
    statistics = await stub.ModelStatistics(service_pb2.ModelStatisticsRequest(name="demo"))
    return sum(model.inference_stats.success.count for model in statistics.model_stats)
