"""Bodies that tests send over HTTP, and the events that come back."""

from __future__ import annotations

import json
import re
from typing import Any

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
DONE = b"data: [DONE]\n\n"


def directed(prompt: str = "one two three", /, **directive: Any) -> str:
    """Return a prompt that steers a stand-in model; tests/models/README.md tells the keys."""
    return f"{prompt} @@{json.dumps(directive)}"


def chat(prompt: str | None = None, *, model: str = "echo_vllm", **fields: Any) -> dict[str, Any]:
    """Return the body of a chat request with one message of the user."""
    content = directed(text="one two three") if prompt is None else prompt
    return {"model": model, "messages": [{"role": "user", "content": content}], **fields}


def completion(prompt: str = "one two three", *, model: str = "echo_vllm", **fields: Any) -> dict[str, Any]:
    """Return the body of a completion request."""
    return {"model": model, "prompt": prompt, **fields}


def said(body: bytes) -> list[Any]:
    """Return the JSON of every event of a stream, which must end with `[DONE]`; comments are left out."""
    blocks = body.split(b"\n\n")
    assert blocks[-2:] == [b"data: [DONE]", b""]
    events = [block for block in blocks[:-2] if not block.startswith(b":")]
    assert all(event.startswith(b"data: ") and b"\n" not in event for event in events)
    return [json.loads(event.removeprefix(b"data: ")) for event in events]


def text_of(events: list[Any]) -> str:
    """Return the concatenated deltas of a stream of one choice, chat or completions."""
    steps = [event["choices"][0] for event in events if event["choices"]]
    return "".join(step["text"] if "text" in step else step["delta"].get("content") or "" for step in steps)


def masked(body: bytes) -> bytes:
    """Return a body with what differs from request to request replaced: ids and times."""
    body = re.sub(rb'"id":"(chatcmpl-|cmpl-|call_)[0-9a-f]{32}"', rb'"id":"\g<1>0"', body)
    return re.sub(rb'"created":\d+', b'"created":0', body)
