"""OpenAI's JSON <-> `openai_bridge.v1` messages, compiled from the descriptors when first imported.

ProtoJSON is another language: this package is the only one that knows OpenAI's. It checks types, widths,
words and shapes; ranges are validation's, which sees protobuf messages from both doors.
"""

from bridge.protocol.openai_json.requests import Read, header_names, parse_body, read, reject_unknown
from bridge.protocol.openai_json.responses import (
    REASONING,
    dump_chat_chunk,
    dump_chat_response,
    dump_completion_chunk,
    dump_completion_response,
    dump_embedding_response,
    dump_error,
    dump_model,
    dump_models,
    dump_stream_error,
)

__all__ = [
    "REASONING",
    "Read",
    "dump_chat_chunk",
    "dump_chat_response",
    "dump_completion_chunk",
    "dump_completion_response",
    "dump_embedding_response",
    "dump_error",
    "dump_model",
    "dump_models",
    "dump_stream_error",
    "header_names",
    "parse_body",
    "read",
    "reject_unknown",
]
