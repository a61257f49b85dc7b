"""What is written when a field is absent, and the shapes that only JSON has."""

from __future__ import annotations

import math
from typing import Any

import orjson
import pytest
from openai_bridge.v1 import chat_pb2, common_pb2, completions_pb2, embeddings_pb2, models_pb2

from bridge.protocol.openai_json.writer import compile_writer


def written(message: Any) -> Any:
    """Return the JSON value of a message, through its bytes."""
    return orjson.loads(orjson.dumps(compile_writer(message.DESCRIPTOR)(message)))


BARE_MESSAGE = {"role": "assistant", "content": None, "refusal": None}


@pytest.mark.parametrize(
    ("message", "json"),
    [
        pytest.param(
            chat_pb2.CreateChatCompletionResponse(),
            {"id": "", "object": "chat.completion", "created": 0, "model": "", "choices": []},
            id="chat.completion",
        ),
        pytest.param(
            chat_pb2.ChatChoice(),
            {"index": 0, "message": BARE_MESSAGE, "logprobs": None, "finish_reason": None},
            id="choice",
        ),
        pytest.param(chat_pb2.ChatCompletionMessage(), BARE_MESSAGE, id="message"),
        pytest.param(chat_pb2.ChatLogprobs(), {"content": None, "refusal": None}, id="logprobs"),
        pytest.param(
            chat_pb2.TokenLogprob(),
            {"token": "", "logprob": 0.0, "bytes": None, "top_logprobs": []},
            id="token",
        ),
        pytest.param(chat_pb2.TopLogprob(), {"token": "", "logprob": 0.0, "bytes": None}, id="top token"),
        pytest.param(
            chat_pb2.CreateChatCompletionStreamResponse(),
            {"id": "", "object": "chat.completion.chunk", "created": 0, "model": "", "choices": []},
            id="chat.completion.chunk",
        ),
        pytest.param(
            chat_pb2.ChatStreamChoice(),
            {"index": 0, "delta": {}, "logprobs": None, "finish_reason": None},
            id="chunk choice",
        ),
        pytest.param(chat_pb2.ChatDelta(), {}, id="delta"),
        pytest.param(
            completions_pb2.CreateCompletionResponse(),
            {"id": "", "object": "text_completion", "created": 0, "model": "", "choices": []},
            id="text_completion",
        ),
        pytest.param(
            completions_pb2.CreateCompletionStreamResponse(),
            {"id": "", "object": "text_completion", "created": 0, "model": "", "choices": []},
            id="text_completion of a stream",
        ),
        pytest.param(
            completions_pb2.CompletionChoice(),
            {"index": 0, "text": "", "logprobs": None, "finish_reason": None},
            id="text_completion choice",
        ),
        pytest.param(
            completions_pb2.CompletionLogprobs(),
            {"tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": []},
            id="completion logprobs",
        ),
        pytest.param(
            embeddings_pb2.CreateEmbeddingResponse(),
            {"object": "list", "data": [], "model": "", "usage": {"prompt_tokens": 0, "total_tokens": 0}},
            id="list of embeddings",
        ),
        pytest.param(models_pb2.ListModelsResponse(), {"object": "list", "data": []}, id="list of models"),
        pytest.param(
            models_pb2.Model(), {"id": "", "object": "model", "created": 0, "owned_by": ""}, id="model"
        ),
        pytest.param(
            common_pb2.CompletionUsage(),
            {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
            id="usage",
        ),
        pytest.param(common_pb2.PromptTokensDetails(), {}, id="usage details"),
    ],
)
def test_an_empty_message_has_its_required_keys(message: Any, json: Any) -> None:
    assert written(message) == json


@pytest.mark.parametrize(
    ("message", "json"),
    [
        pytest.param(
            chat_pb2.ToolCall(id="c", function={"name": "f", "arguments": "{"}),
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{"}},
            id="tool call",
        ),
        pytest.param(
            chat_pb2.ToolCall(id="c", custom={"name": "f", "input": ""}),
            {"id": "c", "type": "custom", "custom": {"name": "f", "input": ""}},
            id="custom tool call",
        ),
        pytest.param(
            chat_pb2.ToolCallDelta(index=0, id="c", function={"name": "f", "arguments": ""}),
            {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}},
            id="first delta of a call",
        ),
        pytest.param(
            chat_pb2.ToolCallDelta(index=1, function={"arguments": "{"}),
            {"index": 1, "function": {"arguments": "{"}},
            id="later delta of a call",
        ),
        pytest.param(
            chat_pb2.Annotation(url_citation={"start_index": 0, "end_index": 3, "url": "u", "title": "t"}),
            {
                "type": "url_citation",
                "url_citation": {"start_index": 0, "end_index": 3, "url": "u", "title": "t"},
            },
            id="annotation",
        ),
        pytest.param(
            chat_pb2.AudioAnswer(id="a", expires_at=2**40, data=b"\x00\xff", transcript="t"),
            {"id": "a", "expires_at": 2**40, "data": "AP8=", "transcript": "t"},
            id="audio answer",
        ),
        pytest.param(
            chat_pb2.TokenLogprob(token="é", logprob=-0.5, bytes=b"\xc3\xa9", top_logprobs=[{"bytes": b""}]),
            {
                "token": "é",
                "logprob": -0.5,
                "bytes": [195, 169],
                "top_logprobs": [{"token": "", "logprob": 0.0, "bytes": []}],
            },
            id="bytes of a token are integers",
        ),
        pytest.param(
            completions_pb2.CompletionLogprobs(
                tokens=["a", "b"],
                token_logprobs=[math.nan, -1.5],
                top_logprobs=[{}, {"logprobs": {"b": -1.5}}],
                text_offset=[0, 1],
            ),
            {
                "tokens": ["a", "b"],
                "token_logprobs": [None, -1.5],
                "top_logprobs": [None, {"b": -1.5}],
                "text_offset": [0, 1],
            },
            id="first logprob is null",
        ),
        pytest.param(
            chat_pb2.ChatChoice(
                finish_reason=common_pb2.FINISH_REASON_STOP, stop_reason={"token_id": 0}, token_ids=[1, 2]
            ),
            {
                "index": 0,
                "message": BARE_MESSAGE,
                "logprobs": None,
                "finish_reason": "stop",
                "stop_reason": 0,
                "token_ids": [1, 2],
            },
            id="stop token",
        ),
        pytest.param(common_pb2.StopReason(text="\n"), "\n", id="stop string"),
        pytest.param(
            embeddings_pb2.Embedding(index=1, floats={"values": [0.5, -2.0]}),
            {"object": "embedding", "index": 1, "embedding": [0.5, -2.0]},
            id="embedding floats",
        ),
        pytest.param(
            embeddings_pb2.Embedding(index=1, base64=b"\x00\x00\x80?"),
            {"object": "embedding", "index": 1, "embedding": "AACAPw=="},
            id="embedding base64",
        ),
        pytest.param(
            models_pb2.RetrieveModelResponse(model={"id": "org/m", "created": 5, "owned_by": "triton"}),
            {"id": "org/m", "object": "model", "created": 5, "owned_by": "triton"},
            id="one model",
        ),
        pytest.param(
            models_pb2.Model(id="m", max_model_len=10, root="r", parent="p", shutdown_date="d"),
            {
                "id": "m",
                "object": "model",
                "created": 0,
                "owned_by": "",
                "shutdown_date": "d",
                "max_model_len": 10,
                "parent": "p",
                "root": "r",
            },
            id="extras of a model",
        ),
        pytest.param(
            common_pb2.CompletionUsage(
                prompt_tokens=3, total_tokens=3, prompt_tokens_details={"cached_tokens": 0}
            ),
            {
                "prompt_tokens": 3,
                "completion_tokens": 0,
                "total_tokens": 3,
                "prompt_tokens_details": {"cached_tokens": 0},
            },
            id="usage with details",
        ),
        pytest.param(
            chat_pb2.ChatDelta(role=chat_pb2.ROLE_ASSISTANT, content=""),
            {"role": "assistant", "content": ""},
            id="first delta",
        ),
        pytest.param(
            chat_pb2.ChatDelta(reasoning_content="r"), {"reasoning_content": "r"}, id="reasoning delta"
        ),
    ],
)
def test_a_message_is_its_json(message: Any, json: Any) -> None:
    assert written(message) == json


@pytest.mark.parametrize(
    ("number", "word"),
    [
        pytest.param(number, name.removeprefix("FINISH_REASON_").lower() if number else None, id=name)
        for name, number in common_pb2.FinishReason.items()
    ],
)
def test_every_finish_reason_has_its_word(number: common_pb2.FinishReason, word: str | None) -> None:
    assert written(chat_pb2.ChatStreamChoice(finish_reason=number))["finish_reason"] == word


def test_created_is_a_number() -> None:
    assert written(models_pb2.Model(created=1_700_000_000))["created"] == 1_700_000_000


def test_templates_survive_writing() -> None:
    full = chat_pb2.CreateChatCompletionResponse(choices=[{"message": {"content": "a"}}])
    written(full)
    assert written(chat_pb2.CreateChatCompletionResponse())["choices"] == []
    assert written(chat_pb2.ChatChoice())["message"] == BARE_MESSAGE
