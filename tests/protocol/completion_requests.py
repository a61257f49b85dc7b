"""Completion requests made into exchanges at a fixed time, with fixed ids, and what comes of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from openai_bridge.v1.completions_pb2 import CreateCompletionRequest

from bridge.errors import BridgeError
from bridge.protocol import openai_json
from bridge.protocol.completion_chunks import CompletionFold
from bridge.protocol.completions import completion_exchange
from tests.protocol.chat_requests import NOW
from tests.protocol.models import sent, served

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openai_bridge.v1.completions_pb2 import CreateCompletionResponse

    from bridge.protocol.exchange import Exchange
    from bridge.protocol.kserve import ModelInferResponse
    from bridge.protocol.model import Model


def ask(model: Model | None = None, *, streaming: bool = True, **fields: Any) -> Exchange[Any]:
    """Return the exchange of a request in OpenAI's JSON."""
    body = {"prompt": "Hi", "stream": streaming} | fields
    request = openai_json.read(CreateCompletionRequest, body).message
    return opened(request, model or served("echo_vllm"), streaming=streaming)


def opened(request: CreateCompletionRequest, model: Model, *, streaming: bool = True) -> Exchange[Any]:
    return completion_exchange(
        request, model, completion_id="cmpl-0", request_id="r", now=NOW, streaming=streaming
    )


def fault(model: Model | None = None, *, streaming: bool = True, **fields: Any) -> BridgeError:
    with pytest.raises(BridgeError) as caught:
        ask(model, streaming=streaming, **fields)
    return caught.value


def sampling(exchange: Exchange[Any], index: int = 0) -> dict[str, Any]:
    """Return the sampling parameters that a vLLM model is sent."""
    keys: dict[str, Any] = json.loads(sent(exchange.requests[index])["sampling_parameters"][0])
    return keys


def prompts(exchange: Exchange[Any]) -> list[str]:
    return [sent(request)["text_input"][0] for request in exchange.requests]


def answer(exchange: Exchange[Any], *said: Sequence[ModelInferResponse]) -> CreateCompletionResponse:
    """Return the whole answer where call k of Triton says `said[k]`."""
    fold = CompletionFold()
    for index, responses in enumerate(said):
        fold.add(exchange.feed(index, responses))
        fold.add(exchange.end(index))
    fold.add(exchange.finish())
    return fold.result()
