"""What the gRPC door streams and what the HTTP door streams are the same answer, for one seed.

The protobuf messages are read field by field here: the bridge's own converter is under test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from openai_bridge.v1 import common_pb2

from tests import grpc_client
from tests.openai_bodies import CHAT, COMPLETIONS, directed, said
from tests.raw_http import ask

if TYPE_CHECKING:
    from bridge.app import Bridge

PROMPT = "What is a generator?"
FINISH = {
    common_pb2.FINISH_REASON_UNSPECIFIED: None,
    common_pb2.FINISH_REASON_STOP: "stop",
    common_pb2.FINISH_REASON_LENGTH: "length",
}
SEEDED = {"model": "demo", "seed": 42, "max_tokens": 20, "min_tokens": 20}
cases = pytest.mark.parametrize(
    "fields",
    [
        pytest.param(SEEDED, id="seeded"),
        pytest.param(SEEDED | {"temperature": 0.0, "top_p": 0.5}, id="greedy"),
        pytest.param(SEEDED | {"n": 2, "min_tokens": 0}, id="two choices"),
        pytest.param({"model": "demo", "seed": 1, "max_tokens": 200, "stop": ["the", "a"]}, id="stopped"),
        pytest.param({"model": "echo_vllm", "seed": 1}, id="stand-in"),
        pytest.param({"model": "plain"}, id="a model that does not count"),
    ],
)


def usage(message: Any) -> Any:
    """Return the counts of a message as OpenAI's JSON has them."""
    if not message.HasField("usage"):
        return None
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    return {name: getattr(message.usage, name) for name in names}


def token(entry: Any) -> dict[str, Any]:
    return {
        "token": entry.token,
        "logprob": entry.logprob,
        "bytes": list(entry.bytes) if entry.HasField("bytes") else None,
    }


def chat_logprobs(choice: Any) -> Any:
    if not choice.HasField("logprobs"):
        return None
    content = [
        {**token(entry), "top_logprobs": [token(top) for top in entry.top_logprobs]}
        for entry in choice.logprobs.content
    ]
    return {"content": content, "refusal": None}


def chat_step(choice: Any) -> dict[str, Any]:
    """Return a choice of a chat chunk as OpenAI's JSON has it."""
    delta = {}
    if choice.delta.role:
        delta["role"] = "assistant"
    if choice.delta.HasField("content"):
        delta["content"] = choice.delta.content
    return {
        "index": choice.index,
        "delta": delta,
        "logprobs": chat_logprobs(choice),
        "finish_reason": FINISH[choice.finish_reason],
    }


def completion_step(choice: Any) -> dict[str, Any]:
    """Return a choice of a completion, or of its chunk, as OpenAI's JSON has it."""
    lists = choice.logprobs
    logprobs = {
        "tokens": list(lists.tokens),
        "token_logprobs": list(lists.token_logprobs),
        "top_logprobs": [dict(top.logprobs) for top in lists.top_logprobs],
        "text_offset": list(lists.text_offset),
    }
    return {
        "index": choice.index,
        "text": choice.text,
        "logprobs": logprobs if choice.HasField("logprobs") else None,
        "finish_reason": FINISH[choice.finish_reason],
    }


def by_choice(chunks: list[tuple[Any, list[dict[str, Any]], Any]]) -> Any:
    """Return models, each choice's steps in order, and all usages: choices may interleave in any way."""
    steps = [step for _, choices, _ in chunks for step in choices]
    return (
        {model for model, _, _ in chunks},
        sorted(steps, key=lambda step: step["index"]),
        [usage for _, _, usage in chunks if usage is not None],
    )


async def over_http(bridge: Bridge, path: str, body: dict[str, Any]) -> Any:
    options = {"stream": True, "stream_options": {"include_usage": True}}
    answer = await ask(bridge.http_port, "POST", path, json=body | options)
    assert answer.status == 200
    return by_choice([(event["model"], event["choices"], event["usage"]) for event in said(answer.body)])


@cases
@pytest.mark.parametrize("logprobs", [None, 0, 3])
async def test_a_chat_stream_is_the_same_over_both_doors(
    bridge: Bridge, fields: dict[str, Any], logprobs: int | None
) -> None:
    if fields["model"] == "plain":
        logprobs = None
    elif logprobs is not None:
        fields = fields | {"logprobs": True, "top_logprobs": logprobs}
    body = {"messages": [{"role": "user", "content": PROMPT}], **fields}
    request = grpc_client.chat(**fields, stream_options={"include_usage": True})
    request.messages[0].content[0].text = PROMPT
    async with grpc_client.connected(bridge.grpc_port) as stubs:
        call = stubs.chat.CreateChatCompletionStream(request, timeout=grpc_client.WAIT)
        chunks = [
            (chunk.model, [chat_step(choice) for choice in chunk.choices], usage(chunk))
            async for chunk in call
        ]
    streamed = by_choice(chunks)
    assert streamed == await over_http(bridge, CHAT, body)
    assert len(streamed[2]) == (0 if fields["model"] == "plain" else 1)


@cases
@pytest.mark.parametrize("logprobs", [None, 2])
async def test_a_completion_stream_is_the_same_over_both_doors(
    bridge: Bridge, fields: dict[str, Any], logprobs: int | None
) -> None:
    if logprobs is not None and fields["model"] != "plain":
        fields = fields | {"logprobs": logprobs}
    request = grpc_client.completion(**fields, stream_options={"include_usage": True})
    request.prompt[0].text = PROMPT
    async with grpc_client.connected(bridge.grpc_port) as stubs:
        call = stubs.completions.CreateCompletionStream(request, timeout=grpc_client.WAIT)
        chunks = [
            (chunk.model, [completion_step(choice) for choice in chunk.choices], usage(chunk))
            async for chunk in call
        ]
    assert by_choice(chunks) == await over_http(bridge, COMPLETIONS, {"prompt": PROMPT, **fields})


@cases
async def test_a_whole_answer_is_the_same_over_both_doors(bridge: Bridge, fields: dict[str, Any]) -> None:
    request = grpc_client.chat(**fields)
    request.messages[0].content[0].text = PROMPT
    async with grpc_client.connected(bridge.grpc_port) as stubs:
        message = await stubs.chat.CreateChatCompletion(request, timeout=grpc_client.WAIT)
    body = {"messages": [{"role": "user", "content": PROMPT}], **fields}
    answer = (await ask(bridge.http_port, "POST", CHAT, json=body)).json
    choices = [
        (choice.index, choice.message.content, FINISH[choice.finish_reason]) for choice in message.choices
    ]
    assert choices == [
        (choice["index"], choice["message"]["content"], choice["finish_reason"])
        for choice in answer["choices"]
    ]
    assert usage(message) == answer.get("usage")


async def test_characters_cut_between_responses_are_the_same_over_both_doors(bridge: Bridge) -> None:
    prompt = directed(text="é日\U0001f642e\u0301 " * 50, cut_bytes=3)
    request = grpc_client.completion(max_tokens=1000)
    request.prompt[0].text = prompt
    async with grpc_client.connected(bridge.grpc_port) as stubs:
        call = stubs.completions.CreateCompletionStream(request, timeout=grpc_client.WAIT)
        texts = [chunk.choices[0].text async for chunk in call]
    body = {"model": "echo_vllm", "prompt": prompt, "max_tokens": 1000, "stream": True}
    events = said((await ask(bridge.http_port, "POST", COMPLETIONS, json=body)).body)
    assert texts == [event["choices"][0]["text"] for event in events]
