"""The way out: protobuf answers, chunks and errors to compact UTF-8 JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from openai_bridge.v1 import chat_pb2, completions_pb2, embeddings_pb2, models_pb2

from bridge.protocol.openai_json.writer import compile_writer

if TYPE_CHECKING:
    from bridge.errors import BridgeError

REASONING: Final = "reasoning_content"
"""The schema's name of reasoning, which SGLang and llama.cpp have too; vLLM says `reasoning`."""

_chat_response: Final = compile_writer(chat_pb2.CreateChatCompletionResponse.DESCRIPTOR)
_chat_chunk: Final = compile_writer(chat_pb2.CreateChatCompletionStreamResponse.DESCRIPTOR)
_completion_response: Final = compile_writer(completions_pb2.CreateCompletionResponse.DESCRIPTOR)
_completion_chunk: Final = compile_writer(completions_pb2.CreateCompletionStreamResponse.DESCRIPTOR)
_embedding_response: Final = compile_writer(embeddings_pb2.CreateEmbeddingResponse.DESCRIPTOR)
_models: Final = compile_writer(models_pb2.ListModelsResponse.DESCRIPTOR)
_model: Final = compile_writer(models_pb2.RetrieveModelResponse.DESCRIPTOR)


def dump_chat_response(
    message: chat_pb2.CreateChatCompletionResponse, reasoning_field: str = REASONING
) -> bytes:
    """Return a `chat.completion`; `reasoning_field` is the name that clients know reasoning by."""
    json = _chat_response(message)
    _rename_reasoning(json, "message", reasoning_field)
    return orjson.dumps(json)


def dump_completion_response(message: completions_pb2.CreateCompletionResponse) -> bytes:
    """Return a `text_completion`."""
    return orjson.dumps(_completion_response(message))


def dump_embedding_response(message: embeddings_pb2.CreateEmbeddingResponse) -> bytes:
    """Return a `list` of embeddings."""
    return orjson.dumps(_embedding_response(message))


def dump_models(message: models_pb2.ListModelsResponse) -> bytes:
    """Return a `list` of models."""
    return orjson.dumps(_models(message))


def dump_model(message: models_pb2.RetrieveModelResponse) -> bytes:
    """Return one `model`."""
    return orjson.dumps(_model(message))


def dump_chat_chunk(
    message: chat_pb2.CreateChatCompletionStreamResponse,
    include_usage: bool,
    reasoning_field: str = REASONING,
) -> bytes:
    """Return a `chat.completion.chunk`.

    Args:
        message: the chunk.
        include_usage: write an absent usage as null.
        reasoning_field: the name that clients know reasoning by.
    """
    json = _chat_chunk(message)
    _rename_reasoning(json, "delta", reasoning_field)
    return _chunk(json, include_usage)


def dump_completion_chunk(
    message: completions_pb2.CreateCompletionStreamResponse, include_usage: bool
) -> bytes:
    """Return a `text_completion` of a stream; `include_usage` writes an absent usage as null."""
    return _chunk(_completion_chunk(message), include_usage)


def _rename_reasoning(json: dict[str, Any], part: str, name: str) -> None:
    if name != REASONING:
        for choice in json["choices"]:
            said = choice[part]
            if REASONING in said:
                said[name] = said.pop(REASONING)


def _chunk(json: dict[str, Any], include_usage: bool) -> bytes:
    if include_usage:
        json.setdefault("usage", None)
    return orjson.dumps(json)


def dump_error(error: BridgeError) -> bytes:
    """Return the body of an error answer, with all four keys."""
    return _envelope(error, error.row.code)


def dump_stream_error(error: BridgeError) -> bytes:
    """Return the data of the error event in a stream that has begun."""
    return _envelope(error, error.row.stream_code)


def _envelope(error: BridgeError, code: str | None) -> bytes:
    row = {"message": error.message, "type": error.row.type, "param": error.param, "code": code}
    return orjson.dumps({"error": row})
