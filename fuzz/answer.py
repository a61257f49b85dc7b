"""A model's text to what a client gets of it: reasoning, calls, events, the whole answer.

However the text is split, the whole answer is the same and the stream adds up to it, with one end.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

from bridge.protocol import openai_json, sse
from bridge.protocol.answer_parser import AnswerParser, Show
from bridge.protocol.chat_fold import ChatFold
from bridge.protocol.reasoning import REASONING
from bridge.protocol.tool_calls import PARSERS
from fuzz import reasoning, tool_calls
from fuzz.source import Source
from tests.protocol.parsed_streams import opened, stream
from tests.protocol.tool_calls.cases import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable


def one_input(data: bytes) -> None:
    """Answer with one text, whole and in pieces."""
    source = Source(data)
    thinks, calls = source.pick([None, *sorted(REASONING)]), source.pick([None, *sorted(PARSERS)])
    show, first_only = source.pick(get_args(Show)), source.flag()
    words = reasoning.WORDS + tool_calls.WORDS[calls or "hermes"][:90]
    text = source.text(words, 60)

    def parser() -> AnswerParser:
        return AnswerParser(
            REASONING[thinks](prompt="", constrained=False) if thinks else None,
            PARSERS[calls](FUNCTIONS) if calls else None,
            show=show,
            first_only=first_only,
        )

    whole = answer(parser, [text])
    assert answer(parser, source.cut(text)) == whole
    assert answer(parser, list(text)) == whole


def answer(parser: Callable[[], AnswerParser], pieces: list[str]) -> Any:
    """Return the whole answer, of which the stream must say as much."""
    messages = stream(opened(parser()), *pieces)
    fold = ChatFold()
    fold.add(messages)
    found = json.loads(openai_json.dump_chat_response(fold.result()))
    choice = found["choices"][0]
    found.pop("usage", None)  # a piece counts as a token
    rendered = sse.ChatRenderer(include_usage=True).render(messages)
    events = [json.loads(event.removeprefix(b"data: ")) for event in rendered.split(b"\n\n")[:-1]]
    steps = [event["choices"][0] for event in events if event["choices"]]
    assert [step["finish_reason"] for step in steps if step["finish_reason"]] == [choice["finish_reason"]]
    assert steps[-1]["finish_reason"]
    assert steps[0]["delta"]["role"] == "assistant"
    for key in ("content", "reasoning_content"):
        assert _joined(steps, key) == (choice["message"].get(key) or "")
    calls = choice["message"].get("tool_calls", [])
    pieces_of_calls = [call for step in steps for call in step["delta"].get("tool_calls", [])]
    assert [call["index"] for call in pieces_of_calls if "id" in call] == list(range(len(calls)))
    for at, call in enumerate(calls):
        arguments = [piece["function"]["arguments"] for piece in pieces_of_calls if piece["index"] == at]
        assert "".join(arguments) == call["function"]["arguments"]
    return found


def _joined(steps: list[dict[str, Any]], key: str) -> str:
    return "".join(step["delta"].get(key) or "" for step in steps)
