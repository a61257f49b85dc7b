"""Streams of a vLLM model whose text is read for reasoning and calls."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from bridge.protocol import openai_json
from bridge.protocol.answer_parser import AnswerParser
from bridge.protocol.chat_chunks import ChatChunks
from bridge.protocol.generation import Generation
from bridge.protocol.parsed_exchange import ParsedExchange
from bridge.protocol.reasoning.think import ThinkParser
from bridge.protocol.tool_calls.hermes import HermesParser
from bridge.protocol.translators.vllm import VllmTranslator
from tests.protocol.models import CREATED, says, standin

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.protocol.exchange import Exchange

TRANSLATOR = VllmTranslator(standin("echo_vllm"))
CALL = '<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>'
LOGPROBS = '[{{"7": {{"logprob": -0.5, "rank": 1, "decoded_token": "{0}"}}}}]'


def reading(**options: Any) -> AnswerParser:
    return AnswerParser(ThinkParser(prompt="", constrained=False), HermesParser({}), **options)


def chunks(n: int = 1) -> ChatChunks:
    ids = iter(range(100))
    return ChatChunks("chatcmpl-0", CREATED, "m", choices=n, call_id=lambda: f"call_{next(ids)}")


def generations(n: int, *, logprobs: int | None = None, **options: Any) -> list[Generation]:
    return [
        Generation(request_id=f"r:{at}", prompt="p", max_tokens=50, logprobs=logprobs, **options)
        for at in range(n)
    ]


def opened(
    *parsers: AnswerParser, finish_with_calls: bool = True, logprobs: int | None = None, **options: Any
) -> ParsedExchange:
    made = parsers or (reading(),)
    return ParsedExchange(
        TRANSLATOR,
        generations(len(made), logprobs=logprobs),
        chunks(len(made)),
        parsers=made,
        finish_with_calls=finish_with_calls,
        per_prompt=len(made),
        include_usage=True,
        **options,
    )


def told(messages: Iterable[Any]) -> list[Any]:
    """Keep copies of messages: one is valid until the next is taken."""
    return [deepcopy(message) for message in messages]


def stream(exchange: ParsedExchange | Exchange[Any], *pieces: str | Any, reason: str = "stop") -> list[Any]:
    """Say pieces of text, or responses, and the end."""
    responses = [says(piece) if isinstance(piece, str) else piece for piece in pieces]
    messages = [message for response in responses for message in told(exchange.feed(0, [response]))]
    messages += told(exchange.feed(0, [says("", finish_reason=reason)]))
    return [*messages, *told(exchange.end(0)), *told(exchange.finish())]


def deltas(messages: list[Any]) -> list[dict[str, Any]]:
    """Return the deltas as clients get them."""
    written = [json.loads(openai_json.dump_chat_chunk(message, include_usage=False)) for message in messages]
    return [choice["delta"] for chunk in written for choice in chunk["choices"]]


def reason(messages: list[Any]) -> int:
    (found,) = [step.finish_reason for message in messages for step in message.choices if step.finish_reason]
    return int(found)
