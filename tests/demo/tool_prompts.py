"""Prompts for the model `demo-tools`, written by the bridge's own template, and what it answers to them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from rule_lm import answer, constraint

from bridge.chat_templates import builtin_source, builtin_tokens
from bridge.protocol.chat_template import ChatTemplate

TEMPLATE = ChatTemplate(builtin_source("chatml"), builtin_tokens("chatml"))
NOW = datetime(2025, 1, 1, tzinfo=UTC)


def tool(name: str, description: str, required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    """Declare a function, all of whose parameters are required unless some are named."""
    parameters = {"type": "object", "properties": properties, "required": required or list(properties)}
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": parameters},
    }


WEATHER = tool(
    "get_weather",
    "Get the current weather for a location",
    ["city"],
    city={"type": "string"},
    unit={"enum": ["celsius", "fahrenheit"]},
    days={"type": "integer"},
)
ADD = tool("add", "Add two numbers", a={"type": "number"}, b={"type": "number"})
EMAIL = tool("send_email", "Send a mail", to={"type": "string"}, text={"type": "string"})
TOOLS = (ADD, WEATHER, EMAIL)


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def called(name: str, **arguments: Any) -> dict[str, Any]:
    call = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def returned(content: str) -> dict[str, Any]:
    return {"role": "tool", "content": content, "tool_call_id": "call_1"}


def prompt(*messages: dict[str, Any], tools: tuple[dict[str, Any], ...] = ()) -> str:
    return TEMPLATE.render(list(messages), now=NOW, tools=list(tools) or None, add_generation_prompt=True)


def answered(
    *messages: dict[str, Any] | str,
    tools: tuple[dict[str, Any], ...] = (),
    key: str = "structured_outputs",
    **wanted: Any,
) -> str:
    """Return the answer to a conversation under a constraint, if `wanted` holds one."""
    sampling = {key: json.dumps(wanted)} if wanted else {}
    constrained, _ = constraint.taken(sampling)
    spoken = [user(each) if isinstance(each, str) else each for each in messages]
    return answer.text(prompt(*spoken, tools=tools), constrained)


def calls_in(text: str) -> list[tuple[str, Any]]:
    """Return name and arguments of the calls that a text consists of."""
    calls = [
        json.loads(part.removesuffix("\n</tool_call>")) for part in f"\n{text}".split("\n<tool_call>\n")[1:]
    ]
    return [(call["name"], call["arguments"]) for call in calls]
