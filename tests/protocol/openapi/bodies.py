"""Bodies that use every key of a request that may say something, and ways to spoil them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest
from openai_bridge.v1.completions_pb2 import CreateCompletionRequest
from openai_bridge.v1.embeddings_pb2 import CreateEmbeddingRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

Path = tuple[str | int, ...]

_SAMPLING: Final[dict[str, Any]] = {
    "model": "m",
    "temperature": 0.5,
    "top_p": 1,
    "n": 2,
    "stop": ["a", "b"],
    "presence_penalty": -2,
    "frequency_penalty": 2.0,
    "logit_bias": {"1": -100, "-2": 5.5},
    "seed": -9,
    "stream": True,
    "stream_options": {
        "include_usage": True, "include_obfuscation": False, "continuous_usage_stats": False,
    },
    "user": "u",
    "top_k": 5,
    "min_p": 0.1,
    "repetition_penalty": 1.1,
    "min_tokens": 0,
    "ignore_eos": False,
    "stop_token_ids": [1, 2],
    "include_stop_str_in_output": True,
    "no_stop_trim": True,
    "skip_special_tokens": True,
    "spaces_between_special_tokens": False,
    "bad_words": ["x"],
    "allowed_token_ids": [0],
    "add_special_tokens": True,
    "truncate_prompt_tokens": -1,
    "truncation_side": "left",
    "triton_parameters": {"a": True, "b": 1, "c": "d", "e": 0.5},
    "priority": 0,
    "cache_salt": "s",
    "extra_key": "s",
    "stream_interval": 1,
    "return_token_ids": True,
    "return_prompt_token_ids": True,
    "return_tokens_as_token_ids": False,
    "return_prompt_text": True,
    "request_id": "r",
    "rid": "r",
    "session_id": "s",
    "cache_prompt": True,
    "id_slot": 3,
    "guided_decoding_backend": "x",
    "use_beam_search": False,
    "length_penalty": 1,
    "max_tokens": 5,
}  # fmt: skip
_PARTS: Final = [
    {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}, "refusal": None},
    {"type": "image_url", "image_url": {"url": "data:", "detail": "low"}},
    {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
    {"type": "file", "file": {"filename": "f", "file_data": "d", "file_id": "i"}},
]
_CALLS: Final = [
    {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}},
    {"id": "c", "function": {"name": "f", "arguments": "{"}},
    {"id": "d", "type": "custom", "custom": {"name": "g", "input": ""}},
]
_TOOLS: Final = [
    {
        "type": "function",
        "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True},
    },
    {"type": "custom", "custom": {"name": "g", "description": "d", "format": {}}},
]
_SUBSET: Final = {
    "mode": "auto",
    "tools": [
        {"type": "function", "function": {"name": "f"}},
        {"type": "custom", "custom": {"name": "g"}},
    ],
}
CHAT: Final[dict[str, Any]] = {
    **_SAMPLING,
    "messages": [
        {"role": "system", "content": "be", "name": "n"},
        {"role": "user", "content": _PARTS},
        {
            "role": "assistant", "content": [{"type": "refusal", "refusal": "no"}], "refusal": "no",
            "tool_calls": _CALLS, "audio": {"id": "a"}, "function_call": {"name": "f", "arguments": ""},
            "reasoning_content": "hm", "reasoning": "hm", "annotations": [1],
        },
        {"role": "tool", "content": "r", "tool_call_id": "c"},
    ],
    "max_completion_tokens": 6,
    "logprobs": True,
    "top_logprobs": 20,
    "tools": _TOOLS,
    "tool_choice": {"type": "allowed_tools", "allowed_tools": _SUBSET},
    "parallel_tool_calls": True,
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "n", "description": "d", "schema": {}, "strict": True},
    },
    "reasoning_effort": "low",
    "verbosity": "low",
    "service_tier": "auto",
    "metadata": {"a": "b"},
    "store": False,
    "safety_identifier": "s",
    "prompt_cache_key": "k",
    "prompt_cache_retention": "24h",
    "prompt_cache_options": {"ttl": "30m", "mode": "implicit"},
    "prediction": {"type": "content", "content": [{"type": "text", "text": "x"}]},
    "modalities": ["text"],
    "functions": [],
    "chat_template_kwargs": {"a": [1]},
    "documents": [{"title": "t"}],
    "add_generation_prompt": True,
    "continue_final_message": False,
    "include_reasoning": True,
    "separate_reasoning": True,
    "structured_outputs": {
        "json": {"type": "object"}, "whitespace_pattern": " ", "disable_any_whitespace": False,
        "disable_additional_properties": True,
    },
    "echo": False,
    "stream_reasoning": True,
}  # fmt: skip
COMPLETION: Final[dict[str, Any]] = {
    **_SAMPLING,
    "prompt": [[1, 2], [3]],
    "logprobs": 5,
    "echo": True,
    "best_of": 2,
    "suffix": "",
    "structured_outputs": {"choice": ["a", "b"]},
}
EMBEDDING: Final[dict[str, Any]] = {
    "model": "m",
    "input": ["a", "b"],
    "encoding_format": "base64",
    "dimensions": 8,
    "user": "u",
    "truncate_prompt_tokens": -1,
    "input_type": "query",
    "triton_parameters": {},
    "request_id": "r",
    "rid": "r",
}
FURTHER: Final[list[tuple[type[Any], dict[str, Any]]]] = [
    *(
        (CreateChatCompletionRequest, {"messages": [{"role": "user", "content": "x"}], **fields})
        for fields in (
            {"tool_choice": "required", "stop": "x", "response_format": {"type": "text", "text": {}}},
            {"tool_choice": {"type": "function", "function": {"name": "f"}}, "guided_json": "{}"},
            {"tool_choice": {"type": "custom", "custom": {"name": "f"}}, "guided_regex": "a"},
            {"response_format": {"type": "json_object"}, "prediction": {"content": "x"}},
            {"guided_choice": ["a"], "guided_whitespace_pattern": " "},
            {"guided_grammar": "g"},
            {"structured_outputs": {"regex": "a"}},
            {"structured_outputs": {"grammar": "a"}},
            {"structured_outputs": {"json_object": True}},
            {"structured_outputs": {"structural_tag": {"a": 1}}},
        )
    ),
    *((CreateCompletionRequest, {"prompt": prompt}) for prompt in ("a", ["a", "b"], [1, 2])),
    *((CreateEmbeddingRequest, {"input": value}) for value in ("a", [1, 2], [[1], [2]])),
]
"""Shapes that the bodies above do not have."""
WHOLE: Final[list[tuple[type[Any], dict[str, Any]]]] = [
    (CreateChatCompletionRequest, CHAT),
    (CreateCompletionRequest, COMPLETION),
    (CreateEmbeddingRequest, EMBEDDING),
]


def places(value: Any, here: Path = ()) -> Iterator[Path]:
    """Yield the path of every value in a body, but of the body itself."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*here, key)
        yield from places(item, (*here, key))


def spoiled(body: Any, path: Path, put: Any) -> Any:
    """Return a copy of a body with another value at a path; `...` takes the key or the element out."""
    whole = copy.deepcopy(body)
    inner = whole
    for key in path[:-1]:
        inner = inner[key]
    if put is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = put
    return whole
