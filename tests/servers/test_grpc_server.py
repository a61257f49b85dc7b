"""All RPCs of the four services through the generated stubs, on a real Triton."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from openai_bridge.v1 import chat_pb2, common_pb2, completions_pb2, models_pb2

from tests.grpc_client import WAIT, chat, completion, connected, in_flight, text, words

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

STREAMS = 64


async def test_chat_answers_in_one_message(bridge: Bridge) -> None:
    async with connected(bridge.grpc_port) as stubs:
        answer = await stubs.chat.CreateChatCompletion(chat({"words": 5, "input_tokens": 7}), timeout=WAIT)

    (choice,) = answer.choices
    assert answer.id.startswith("chatcmpl-")
    assert answer.model == "echo_vllm"
    assert choice.message.role == chat_pb2.ROLE_ASSISTANT
    assert choice.message.content == words(5)
    assert choice.finish_reason == common_pb2.FINISH_REASON_STOP
    assert answer.usage == common_pb2.CompletionUsage(prompt_tokens=7, completion_tokens=5, total_tokens=12)


async def test_a_chat_stream_says_the_same_as_the_whole_answer(bridge: Bridge) -> None:
    request = chat({"words": 5})
    async with connected(bridge.grpc_port) as stubs:
        whole = await stubs.chat.CreateChatCompletion(request, timeout=WAIT)
        chunks = [chunk async for chunk in stubs.chat.CreateChatCompletionStream(request, timeout=WAIT)]

    assert text(chunks) == whole.choices[0].message.content
    reasons = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    assert reasons == [whole.choices[0].finish_reason]


async def test_a_chat_stream_is_role_then_deltas_then_finish_then_usage(bridge: Bridge) -> None:
    request = chat(
        {"words": 3, "input_tokens": 2}, stream_options=common_pb2.StreamOptions(include_usage=True)
    )
    async with connected(bridge.grpc_port) as stubs:
        role, *deltas, finish, usage = [
            chunk async for chunk in stubs.chat.CreateChatCompletionStream(request, timeout=WAIT)
        ]

    assert role.choices[0].delta == chat_pb2.ChatDelta(role=chat_pb2.ROLE_ASSISTANT, content="")
    assert [chunk.choices[0].delta.content for chunk in deltas] == ["word0 ", "word1 ", "word2 "]
    assert finish.choices[0].delta == chat_pb2.ChatDelta()
    assert finish.choices[0].finish_reason == common_pb2.FINISH_REASON_STOP
    assert list(usage.choices) == []
    assert usage.usage == common_pb2.CompletionUsage(prompt_tokens=2, completion_tokens=3, total_tokens=5)
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in (role, *deltas, finish, usage)}) == 1


async def test_max_tokens_cuts_the_answer_with_finish_reason_length(bridge: Bridge) -> None:
    async with connected(bridge.grpc_port) as stubs:
        answer = await stubs.chat.CreateChatCompletion(
            chat({"words": 50}, max_completion_tokens=4), timeout=WAIT
        )

    assert answer.choices[0].message.content == words(4)
    assert answer.choices[0].finish_reason == common_pb2.FINISH_REASON_LENGTH


async def test_completions_answer_every_prompt_and_choice_at_its_index(bridge: Bridge) -> None:
    request = completion({"text": "first"}, n=2)
    request.prompt.add(text=completion({"text": "second"}).prompt[0].text)
    async with connected(bridge.grpc_port) as stubs:
        answer = await stubs.completions.CreateCompletion(request, timeout=WAIT)

    assert answer.id.startswith("cmpl-")
    assert [(choice.index, choice.text) for choice in answer.choices] == [
        (0, "first"),
        (1, "first"),
        (2, "second"),
        (3, "second"),
    ]


async def test_a_completion_stream_is_deltas_then_finish(bridge: Bridge) -> None:
    async with connected(bridge.grpc_port) as stubs:
        call = stubs.completions.CreateCompletionStream(completion({"words": 3}), timeout=WAIT)
        *deltas, finish = [chunk async for chunk in call]

    assert [chunk.choices[0].text for chunk in deltas] == ["word0 ", "word1 ", "word2 "]
    assert finish.choices[0].text == ""
    assert finish.choices[0].finish_reason == common_pb2.FINISH_REASON_STOP


async def test_characters_cut_in_two_by_the_model_arrive_whole(bridge: Bridge) -> None:
    said = "Zürich, naïve café, 東京, 🙂🙃 " * 10
    request = chat({"text": said, "cut_bytes": 3}, max_completion_tokens=1000)
    async with connected(bridge.grpc_port) as stubs:
        chunks = [chunk async for chunk in stubs.chat.CreateChatCompletionStream(request, timeout=WAIT)]

    assert text(chunks) == said


async def test_the_models_that_can_generate_are_listed_in_order(bridge: Bridge) -> None:
    async with connected(bridge.grpc_port) as stubs:
        listed = await stubs.models.ListModels(models_pb2.ListModelsRequest(), timeout=WAIT)

    names = [model.id for model in listed.data]
    assert names == sorted(names)
    assert {"demo", "echo_vllm", "plain", "plain_decoupled", "batched"} <= set(names)
    assert "identity" not in names


async def test_one_model_can_be_retrieved(bridge: Bridge) -> None:
    async with connected(bridge.grpc_port) as stubs:
        answer = await stubs.models.RetrieveModel(
            models_pb2.RetrieveModelRequest(model="echo_vllm"), timeout=WAIT
        )
        listed = await stubs.models.ListModels(models_pb2.ListModelsRequest(), timeout=WAIT)

    assert answer.model.id == "echo_vllm"
    assert answer.model.owned_by == "triton"
    assert answer.model in list(listed.data)


@pytest.mark.parametrize(
    ("model", "limit"),
    [
        pytest.param("demo", {"max_tokens": 5}, id="demo"),
        pytest.param("plain", {}, id="not decoupled: one answer"),
        pytest.param("plain_decoupled", {}, id="decoupled, the prompt is its only input"),
        pytest.param("batched", {"max_tokens": 5}, id="batching: a leading dimension"),
    ],
)
async def test_every_kind_of_model_streams(bridge: Bridge, model: str, limit: dict[str, int]) -> None:
    async with connected(bridge.grpc_port) as stubs:
        call = stubs.chat.CreateChatCompletionStream(chat(model=model, **limit), timeout=WAIT)
        chunks = [chunk async for chunk in call]

    assert text(chunks)
    assert chunks[-1].choices[0].finish_reason


async def test_unknown_protobuf_fields_are_accepted(bridge: Bridge) -> None:
    from_the_future = b"\xfa\x3e\x05hello"  # field 1007, a string
    request = chat_pb2.CreateChatCompletionRequest.FromString(
        chat({"words": 2}).SerializeToString() + from_the_future
    )
    assert from_the_future in request.SerializeToString()
    async with connected(bridge.grpc_port) as stubs:
        answer = await stubs.chat.CreateChatCompletion(request, timeout=WAIT)

    assert answer.choices[0].message.content == words(2)


async def test_many_streams_at_once_all_arrive_whole_and_in_order(bridge: Bridge) -> None:
    async with connected(bridge.grpc_port) as stubs:

        async def one(number: int) -> str:
            request = chat({"text": f"{number} " * 20, "delay_ms": 1})
            call = stubs.chat.CreateChatCompletionStream(request, timeout=2 * WAIT)
            return text([chunk async for chunk in call])

        answers = await asyncio.gather(*(one(number) for number in range(STREAMS)))

    assert answers == [f"{number} " * 20 for number in range(STREAMS)]
    assert in_flight(bridge.metrics.text()) == 0


async def test_a_request_without_a_model_goes_to_the_default_model(
    triton: RunningTriton, serve: Serve
) -> None:
    bridge = await serve(triton=triton.address, default_model="plain")
    request = completions_pb2.CreateCompletionRequest(prompt=[completions_pb2.Prompt(text="hello")])
    async with connected(bridge.grpc_port) as stubs:
        answer = await stubs.completions.CreateCompletion(request, timeout=WAIT)

    assert answer.choices[0].text == "hello"
