"""Whole answers and chunks against golden bytes, and against the models of OpenAI's own client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai.types as sdk
import openai.types.chat as sdk_chat
import orjson
import pytest
from openai_bridge.v1 import chat_pb2, common_pb2, completions_pb2, embeddings_pb2, models_pb2

from bridge.errors import TABLE, BridgeError, Reason
from bridge.protocol import openai_json

GOLDEN = Path(__file__).parents[2] / "golden" / "openai_json"
USAGE: dict[str, Any] = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
ASSISTANT = chat_pb2.ROLE_ASSISTANT
STOP = common_pb2.FINISH_REASON_STOP


def head(name: str) -> dict[str, Any]:
    return {"id": f"{name}-0", "created": 1_700_000_000, "model": "org/demo"}


def chat(*choices: Any, **fields: Any) -> bytes:
    message = chat_pb2.CreateChatCompletionResponse(**head("chatcmpl"), choices=choices, **fields)
    return openai_json.dump_chat_response(message)


def chunk(*choices: Any, include_usage: bool = False, **fields: Any) -> bytes:
    message = chat_pb2.CreateChatCompletionStreamResponse(**head("chatcmpl"), choices=choices, **fields)
    return openai_json.dump_chat_chunk(message, include_usage)


def completion(*choices: Any, **fields: Any) -> bytes:
    message = completions_pb2.CreateCompletionResponse(**head("cmpl"), choices=choices, **fields)
    return openai_json.dump_completion_response(message)


def completion_chunk(*choices: Any, include_usage: bool = False, **fields: Any) -> bytes:
    message = completions_pb2.CreateCompletionStreamResponse(**head("cmpl"), choices=choices, **fields)
    return openai_json.dump_completion_chunk(message, include_usage)


TOKEN = {"token": "Hi", "logprob": -0.25, "bytes": b"Hi", "top_logprobs": [{"token": "Ho", "logprob": -2.5}]}
CALL = {"id": "call_0", "function": {"name": "get_weather", "arguments": '{"city":"Rome"}'}}
TEXT = {"index": 0, "message": {"role": ASSISTANT, "content": 'Hi "é"\n\u2028😀'}, "finish_reason": STOP}
CASES: dict[str, tuple[Any, bytes]] = {
    "chat_text": (sdk_chat.ChatCompletion, chat(TEXT, usage=USAGE, system_fingerprint="fp")),
    "chat_without_usage": (sdk_chat.ChatCompletion, chat(TEXT)),
    "chat_tool_call": (
        sdk_chat.ChatCompletion,
        chat(
            {
                "message": {"role": ASSISTANT, "tool_calls": [CALL]},
                "finish_reason": common_pb2.FINISH_REASON_TOOL_CALLS,
            }
        ),
    ),
    "chat_rich": (
        sdk_chat.ChatCompletion,
        chat(
            {
                "index": 1,
                "message": {"role": ASSISTANT, "content": "Hi", "reasoning_content": "why"},
                "finish_reason": common_pb2.FINISH_REASON_LENGTH,
                "logprobs": {"content": [TOKEN]},
                "stop_reason": {"text": "\n"},
                "token_ids": [5, 6],
            },
            usage={**USAGE, "completion_tokens_details": {"reasoning_tokens": 2}},
            prompt_token_ids=[1, 2],
            prompt_text="user: hi",
        ),
    ),
    "chunk_role": (sdk_chat.ChatCompletionChunk, chunk({"delta": {"role": ASSISTANT, "content": ""}})),
    "chunk_text": (sdk_chat.ChatCompletionChunk, chunk({"index": 1, "delta": {"content": "Hi"}})),
    "chunk_text_null_usage": (
        sdk_chat.ChatCompletionChunk,
        chunk({"delta": {"content": "Hi"}}, include_usage=True),
    ),
    "chunk_logprobs": (
        sdk_chat.ChatCompletionChunk,
        chunk({"delta": {"content": "Hi"}, "logprobs": {"content": [TOKEN]}}),
    ),
    "chunk_tool_call_first": (
        sdk_chat.ChatCompletionChunk,
        chunk(
            {
                "delta": {
                    "tool_calls": [{"index": 0, "id": "call_0", "function": {"name": "f", "arguments": ""}}]
                }
            }
        ),
    ),
    "chunk_tool_call_later": (
        sdk_chat.ChatCompletionChunk,
        chunk({"delta": {"tool_calls": [{"index": 0, "function": {"arguments": '{"ci'}}]}}),
    ),
    "chunk_finish": (sdk_chat.ChatCompletionChunk, chunk({"delta": {}, "finish_reason": STOP})),
    "chunk_usage": (sdk_chat.ChatCompletionChunk, chunk(include_usage=True, usage=USAGE)),
    "completion": (
        sdk.Completion,
        completion({"index": 0, "text": "Hi", "finish_reason": STOP}, usage=USAGE),
    ),
    "completion_logprobs": (
        sdk.Completion,
        completion(
            {
                "text": "Hi",
                "finish_reason": STOP,
                "logprobs": {
                    "tokens": ["Hi"],
                    "token_logprobs": [-0.25],
                    "top_logprobs": [{"logprobs": {"Hi": -0.25}}],
                    "text_offset": [0],
                },
                "prompt_token_ids": [1],
                "prompt_text": "p",
            }
        ),
    ),
    # The client's model of a completion demands a finish_reason: not held against the chunks before it.
    "completion_chunk_text": (None, completion_chunk({"text": "Hi"}, include_usage=True)),
    "completion_chunk_finish": (sdk.Completion, completion_chunk({"text": "", "finish_reason": STOP})),
    "completion_chunk_usage": (sdk.Completion, completion_chunk(include_usage=True, usage=USAGE)),
    "embeddings_float": (
        sdk.CreateEmbeddingResponse,
        openai_json.dump_embedding_response(
            embeddings_pb2.CreateEmbeddingResponse(
                model="e",
                data=[{"index": 0, "floats": {"values": [0.5, -1.0]}}, {"index": 1, "floats": {}}],
                usage={"prompt_tokens": 2, "total_tokens": 2},
            )
        ),
    ),
    "embeddings_base64": (
        None,
        openai_json.dump_embedding_response(
            embeddings_pb2.CreateEmbeddingResponse(
                model="e", data=[{"index": 0, "base64": b"\x00\x00\x00?\x00\x00\x80\xbf"}]
            )
        ),
    ),
    "models": (
        None,
        openai_json.dump_models(
            models_pb2.ListModelsResponse(data=[{"id": "org/demo", "created": 5, "owned_by": "triton"}])
        ),
    ),
    "model": (
        sdk.Model,
        openai_json.dump_model(
            models_pb2.RetrieveModelResponse(
                model={"id": "org/demo", "created": 5, "owned_by": "triton", "max_model_len": 4096}
            )
        ),
    ),
    "error": (
        None,
        openai_json.dump_error(BridgeError(Reason.INVALID_TYPE, 'Not "this".', param="messages[0].content")),
    ),
    "error_without_code": (None, openai_json.dump_error(BridgeError(Reason.INVALID_JSON, "Not JSON."))),
    "stream_error": (
        None,
        openai_json.dump_stream_error(BridgeError(Reason.BACKEND_UNAVAILABLE, "Triton is gone.")),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_bytes_are_golden(name: str) -> None:
    assert CASES[name][1] == (GOLDEN / f"{name}.json").read_bytes().removesuffix(b"\n")


def test_every_golden_file_has_a_case() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(CASES)


@pytest.mark.parametrize("name", [name for name, (model, _) in CASES.items() if model])
def test_the_openai_client_validates_it(name: str) -> None:
    model, data = CASES[name]
    parsed = model.model_validate(orjson.loads(data), strict=True)
    assert orjson.loads(data).items() <= parsed.model_dump(exclude_unset=True).items()


@pytest.mark.parametrize("reason", list(Reason))
def test_an_error_has_four_keys(reason: Reason) -> None:
    row = TABLE[reason]
    error = BridgeError(reason, "text", param="a.b")
    expected = {"message": "text", "type": row.type, "param": "a.b", "code": row.code}
    assert orjson.loads(openai_json.dump_error(error)) == {"error": expected}
    expected["code"] = row.stream_code
    assert orjson.loads(openai_json.dump_stream_error(error)) == {"error": expected}


def test_null_usage_needs_include_usage() -> None:
    assert b"usage" not in chunk({"delta": {"content": "a"}})
    assert chunk({"delta": {"content": "a"}}, include_usage=True).endswith(b',"usage":null}')
    assert b"usage" not in completion_chunk({"text": "a"})
    assert completion_chunk({"text": "a"}, include_usage=True).endswith(b',"usage":null}')


def test_usage_is_written_wherever_it_is_set() -> None:
    assert b'"total_tokens":12' in chunk({"delta": {"content": "a"}}, usage=USAGE)


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_has_the_name_that_is_asked_for(name: str) -> None:
    message = {"message": {"role": ASSISTANT, "content": "Hi", "reasoning_content": "why"}}
    answer = chat_pb2.CreateChatCompletionResponse(choices=[message, {"message": {"content": "Hi"}}])  # type: ignore[list-item]
    first, second = orjson.loads(openai_json.dump_chat_response(answer, name))["choices"]
    assert {key: first["message"][key] for key in first["message"] if "reasoning" in key} == {name: "why"}
    assert "why" not in str(second)
