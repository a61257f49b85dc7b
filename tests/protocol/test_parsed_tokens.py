"""Streams whose text is read: their tokens and counts, and what a parser that finds nothing does to them."""

from __future__ import annotations

from typing import Any

import pytest
from openai_bridge.v1.common_pb2 import CompletionUsage

from bridge.protocol import openai_json
from bridge.protocol.answer_parser import AnswerParser
from bridge.protocol.exchange import Exchange
from bridge.protocol.sse import ChatRenderer
from bridge.protocol.tokenizer import Tokenizer
from bridge.protocol.tool_calls.hermes import HermesParser
from tests.protocol.models import says
from tests.protocol.parsed_streams import LOGPROBS, TRANSLATOR, chunks, generations, opened, reading, stream
from tests.tokenizers import small


def test_no_token_is_lost_and_each_goes_with_its_piece() -> None:
    pieces = [
        "<think>",
        "why",
        "</think>",
        "so",
        "<tool_",
        'call>{"name": "f", ',
        '"arguments": {}}',
        "</tool_call>",
    ]
    responses = [says(piece, logprobs=LOGPROBS.format(piece.replace('"', "'"))) for piece in pieces]
    messages = stream(opened(logprobs=0), *responses)
    tokens = [
        token.token for message in messages for step in message.choices for token in step.logprobs.content
    ]
    assert tokens == [piece.replace('"', "'") for piece in pieces]
    beside = {
        token.token: openai_json.dump_chat_chunk(message, include_usage=False)
        for message in messages
        for step in message.choices
        for token in step.logprobs.content
    }
    assert b'"reasoning_content":"why"' in beside["why"]
    assert b'"content":"so"' in beside["so"]
    assert b'"name":"f"' in beside["call>{'name': 'f', "]
    assert b'"arguments":"{}"' in beside["'arguments': {}}"]
    assert b'"content":""' in beside["<tool_"]


def tokenizer() -> Tokenizer:
    return Tokenizer(small.source(small.byte_level()))


def counted(text: str) -> Any:
    return says(text, num_input_tokens=4, num_output_tokens=1)


def test_reasoning_is_counted_once_at_the_end() -> None:
    exchange = opened(tokenizer=tokenizer(), continuous_usage=True)
    messages = stream(exchange, counted("<think>why"), counted("</think>so"))
    usages = [message.usage for message in messages]
    expected = len(tokenizer().encode("why", add_special_tokens=False))
    assert [usage.completion_tokens_details.reasoning_tokens for usage in usages[-2:]] == [expected] * 2
    assert not any(usage.HasField("completion_tokens_details") for usage in usages[:-2])
    assert usages[-1].completion_tokens == 2


@pytest.mark.parametrize(
    ("parser", "options"),
    [
        pytest.param(
            AnswerParser(None, HermesParser({})), {"tokenizer": tokenizer()}, id="no reasoning parser"
        ),
        pytest.param(reading(), {}, id="no tokenizer"),
    ],
)
def test_reasoning_that_cannot_be_counted_is_not(parser: AnswerParser, options: dict[str, Any]) -> None:
    usage = stream(opened(parser, **options), counted("<think>why</think>so"))[-1].usage
    assert usage == CompletionUsage(prompt_tokens=4, completion_tokens=1, total_tokens=5)


def rendered(exchange: Any, responses: list[Any]) -> bytes:
    render = ChatRenderer(include_usage=True).render
    said = [render(exchange.feed(0, [response])) for response in responses]
    return b"".join([*said, render(exchange.end(0)), render(exchange.finish())])


@pytest.mark.parametrize("options", [{}, {"continuous_usage": True}, {"interval": 3}])
def test_a_parser_that_finds_nothing_changes_no_byte(options: dict[str, Any]) -> None:
    texts = [
        "Hel",
        "lo",
        "",
        " \n",
        "€".encode()[:2],
        "€".encode()[2:],
        "<think> <tool_call>",
        "cut: ",
        b"\xe2",
    ]
    responses = [
        says(text, num_input_tokens=4, num_output_tokens=1, logprobs=LOGPROBS.format("x")) for text in texts
    ]
    plain = Exchange(
        TRANSLATOR, generations(1, logprobs=0), chunks(), per_prompt=1, include_usage=True, **options
    )
    parsed = opened(AnswerParser(None, None), logprobs=0, **options)
    assert rendered(parsed, responses) == rendered(plain, responses)
