"""Chat requests made into exchanges at a fixed time, with fixed ids and padding."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest

from bridge.protocol import openai_json
from bridge.protocol.chat import chat_exchange
from tests.protocol.models import CREATED

if TYPE_CHECKING:
    from bridge.protocol.exchange import Exchange
    from bridge.protocol.model import Model

NOW = datetime.fromtimestamp(CREATED, UTC)
HI = [{"role": "user", "content": "Hi"}]


def ask(model: Model, *, streaming: bool = True, **fields: Any) -> Exchange[Any]:
    """Return the exchange of a request in OpenAI's JSON."""
    body = {"messages": HI, "stream": True} | fields
    request = openai_json.read(CreateChatCompletionRequest, body).message
    return opened(request, model, streaming=streaming)


def opened(request: CreateChatCompletionRequest, model: Model, *, streaming: bool = True) -> Exchange[Any]:
    return chat_exchange(
        request,
        model,
        completion_id="chatcmpl-0",
        request_id="r",
        now=NOW,
        streaming=streaming,
        obfuscate=lambda: "padding",
        call_id=map("call_{}".format, count()).__next__,
    )
