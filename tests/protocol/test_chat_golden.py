"""Chat from OpenAI's JSON to tensors, and from responses to chunks.

A directory of tests/golden/chat is a case: the request, what the model says, response by response, and
what comes of both: `triton.txtpb`, `chunks.jsonl` and, of answers that are read, `answer.json`. Its
`settings.json` holds parsers of the model and `reasoning_field`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest

from bridge.protocol import openai_json
from bridge.protocol.chat_fold import ChatFold
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
    path = CASES / name / "settings.json"
    settings = json.loads(path.read_text()) if path.exists() else {}
    field = settings.pop("reasoning_field", openai_json.REASONING)
    exchange = opened(request, served(request.model, **settings))
    include_usage = request.stream_options.include_usage
    lines: list[bytes] = []
    fold = ChatFold()

    def tell(messages: Any) -> None:
        for message in messages:
            lines.append(openai_json.dump_chat_chunk(message, include_usage, field) + b"\n")
            fold.add([message])

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
    if settings:
        golden(
            CASES / name / "answer.json", openai_json.dump_chat_response(fold.result(), field).decode() + "\n"
        )
