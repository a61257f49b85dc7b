"""Conversations through every built-in chat template: a prompt, or a BridgeError that names the field."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest

from bridge.chat_templates import BUILTIN, builtin_source, builtin_tokens
from bridge.errors import BridgeError
from bridge.protocol import openai_json
from bridge.protocol.chat_prompt import chat_prompt
from bridge.protocol.chat_template import ChatTemplate
from fuzz.openai_json import tell
from fuzz.source import Source
from tests.protocol.models import served

NOW = datetime(2024, 7, 26, tzinfo=UTC)
MODELS = [
    replace(served("echo_vllm"), template=ChatTemplate(builtin_source(name), builtin_tokens(name)))
    for name in BUILTIN
]
ROLES = ("system", "developer", "user", "assistant", "tool", "function")
WORDS = (
    *(
        "{{ 7 * 7 }}",
        "{% for x in y %}",
        "{#",
        "<|im_start|>",
        "<|im_end|>",
        "<s>",
        "[INST]",
        "</s>",
        "\n",
        " ",
    ),
    *(
        "CONTINUE_FINAL_MESSAGE_TAG ",
        "<|eot_id|>",
        "é",
        "😀",
        "\x00",
        '"',
        "\\",
        "{}",
        '{"a": [1]}',
        "<think>",
    ),
)
NAMES = (
    "a",
    "enable_thinking",
    "thinking",
    "messages",
    "date_string",
    "tools",
    "bos_token",
    "raise_exception",
)


def one_input(data: bytes) -> None:
    """Render one conversation with every template."""
    source = Source(data)
    body = {"messages": [_message(source) for _ in range(1 + source.below(5))], **_options(source)}
    try:
        request = openai_json.read(
            CreateChatCompletionRequest, openai_json.parse_body(json.dumps(body).encode())
        ).message
    except BridgeError as error:
        tell(error)
        return
    for model in MODELS:
        try:
            prompt = chat_prompt(request, model, NOW)
        except BridgeError as error:
            tell(error)
        else:
            prompt.encode()


def _message(source: Source) -> dict[str, object]:
    message: dict[str, object] = {"role": source.pick(ROLES)}
    if source.below(6):
        text = source.text(WORDS, 6)
        message["content"] = text if source.below(4) else [{"type": "text", "text": text}] * source.below(3)
    for name in ("name", "tool_call_id", "reasoning_content", "refusal"):
        if not source.below(5):
            message[name] = source.text(("c", "f", "call_123456789"), 2)
    if not source.below(3):
        message["tool_calls"] = [_call(source) for _ in range(1 + source.below(2))]
    return message


def _call(source: Source) -> dict[str, object]:
    arguments = source.text(WORDS, 3) if source.flag() else json.dumps(source.json(NAMES, WORDS, 2))
    function = {"name": source.pick(("f", "", "é")), "arguments": arguments}
    return {"id": source.pick(("c", "call_123456789", "")), "function": function}


def _options(source: Source) -> dict[str, object]:
    """Return what else a request may tell its template."""
    options: dict[str, object] = {}
    if not source.below(3):
        parameters = {"type": "object", "properties": source.json(NAMES, WORDS, 2)}
        options["tools"] = [{"type": "function", "function": {"name": "f", "parameters": parameters}}]
    if not source.below(4):
        options["chat_template_kwargs"] = {source.pick(NAMES): source.json(NAMES, WORDS, 2)}
    if not source.below(4):
        options["documents"] = [{"title": source.text(WORDS, 2)}]
    for name in ("add_generation_prompt", "continue_final_message"):
        if not source.below(3):
            options[name] = source.flag()
    if not source.below(5):
        options["reasoning_effort"] = source.pick(("none", "low", "high"))
    return options
