"""Parsers of reasoning on texts made of their marks: reasoning, then the answer, however they are split."""

from __future__ import annotations

from bridge.protocol.reasoning import REASONING
from fuzz.source import Source
from fuzz.tool_calls import is_part
from tests.protocol.reasoning.readings import Case, read

WORDS = (
    *("<think>", "</think>", "[THINK]", "[/THINK]", "Here is my thought process:", "Here is my response:"),
    *(
        "Here's my thought process:",
        "Here's my response:",
        "<response>",
        "</response>",
        "<th",
        "</thi",
        "[TH",
    ),
    *("\n", " ", "{", '"a": 1}', "[", "ok", "<", "H", "Here"),
)


def one_input(data: bytes) -> None:
    """Read one text with one parser, whole and in pieces."""
    source = Source(data)
    parser = REASONING[source.pick(sorted(REASONING))]
    prompt, constrained = source.text(WORDS, 4), source.flag()
    text = source.text(WORDS)
    case = Case(text=text, prompt=prompt, constrained=constrained)
    whole = read(parser, case, [text])
    assert read(parser, case, source.cut(text)) == whole
    assert read(parser, case, list(text)) == whole
    assert is_part("".join(whole), text)
