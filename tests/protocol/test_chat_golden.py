"""Chat from OpenAI's JSON to tensors, and from responses to chunks.

A directory of tests/golden/chat is a case: the request, what the model says, response by response, and what
comes of both: `triton.txtpb` and `chunks.jsonl`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest

from bridge.protocol import openai_json
from tests.golden_files import golden
from tests.protocol.chat_requests import opened
from tests.protocol.models import says, served

CASES = Path(__file__).parents[1] / "golden" / "chat"


def spoken(line: str) -> tuple[int, Any]:
    outputs = json.loads(line)
    choice = outputs.pop("choice", 0)
    text = outputs.pop("text_output")
    return choice, says(bytes.fromhex(text["hex"]) if isinstance(text, dict) else text, **outputs)


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.iterdir()))
def test_a_case_says_what_it_said(name: str) -> None:
    body = json.loads((CASES / name / "request.json").read_text())
    request = openai_json.read(CreateChatCompletionRequest, body).message
    exchange = opened(request, served(request.model))
    include_usage = request.stream_options.include_usage
    lines: list[bytes] = []

    def tell(messages: Any) -> None:
        lines.extend(openai_json.dump_chat_chunk(message, include_usage) + b"\n" for message in messages)

    for line in (CASES / name / "says.jsonl").read_text().splitlines():
        choice, response = spoken(line)
        tell(exchange.feed(choice, [response]))
    for choice in range(len(exchange.requests)):
        tell(exchange.end(choice))
    tell(exchange.finish())
    calls = [
        f"# choice {at}\n{text_format.MessageToString(item)}" for at, item in enumerate(exchange.requests)
    ]
    golden(CASES / name / "triton.txtpb", "\n".join(calls))
    golden(CASES / name / "chunks.jsonl", b"".join(lines).decode())
