"""The body of a request as a frontend sends it on: OpenAI's JSON, with what Dynamo does to it undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.errors import BridgeError, Reason
from bridge.protocol.openai_json import parse_body

if TYPE_CHECKING:
    from collections.abc import Mapping

RENAMED: Final = {"chat_template_args": "chat_template_kwargs"}
"""Fields that a frontend sends on by other names."""


def read_body(body: bytes | None, model: str, limit: int) -> dict[str, Any]:
    """Return the request that a body holds, as its client would have sent it.

    For a client that wants no stream the frontend adds it up, and then it should have its usage.

    Args:
        body: from `frames.Request`.
        model: what the request is for, by where it came.
        limit: bytes of the largest body.

    Raises:
        BridgeError: REQUEST_TOO_LARGE or INVALID_JSON.
    """
    if body is None:
        raise BridgeError(Reason.REQUEST_TOO_LARGE, f"the body is larger than the limit of {limit} bytes")
    json = parse_body(body)
    for sent, name in RENAMED.items():
        if sent in json:
            json.setdefault(name, json.pop(sent))
    json["model"] = model
    if not json.get("stream"):
        json |= {"stream": True, "stream_options": {"include_usage": True}}
    return json


def is_chat(json: Mapping[str, Any]) -> bool:
    """Tell whether a request is for chat; else it is for completions."""
    return "messages" in json
