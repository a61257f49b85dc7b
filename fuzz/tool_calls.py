"""Parsers of tool calls on texts made of their own words: the same events however the text is split.

What is no call comes out as it is, nothing is told of a call before its start, and nothing is made up.
"""

from __future__ import annotations

import re

from bridge.protocol.events import CallArguments, CallEnd, CallStart, Text
from bridge.protocol.tool_calls import PARSERS
from bridge.protocol.tool_calls.forced import NamedCall, RequiredCalls
from fuzz.source import Source
from tests.protocol.tool_calls.cases import FUNCTIONS
from tests.protocol.tool_calls.reading import merged, samples_of

EVERY = {**PARSERS, "required": RequiredCalls, "named": lambda functions: NamedCall(next(iter(functions)))}
WORDS = {
    name: tuple(
        dict.fromkeys(
            word
            for sample in samples_of(name if name in PARSERS else "hermes").values()
            for word in re.findall(r"<[^<>\s]*>|\[\w+\]|\w+|\W", sample.text)
        )
    )[:120]
    for name in EVERY
}


def one_input(data: bytes) -> None:
    """Read one text with one parser, whole and in pieces."""
    source = Source(data)
    name = source.pick(sorted(EVERY))
    text = source.text(WORDS[name])
    check(name, text, source.cut(text))


def check(name: str, text: str, pieces: list[str]) -> None:
    """Check what must hold of any text."""
    whole = _read(name, [text])
    assert _read(name, pieces) == whole
    assert _read(name, list(text)) == whole
    within, prose = False, ""
    for event in whole:
        match event:
            case CallStart(called):
                within = True
                assert called
            case CallArguments(arguments):
                assert within
                assert arguments
            case CallEnd():
                assert within
                within = False
            case Text(said):
                assert said
                prose += said
    # Harmony's answer is messages, which become lines.
    assert is_part(prose.replace("\n", "") if name == "harmony" else prose, text)


def _read(name: str, pieces: list[str]) -> tuple[object, ...]:
    reading = EVERY[name](FUNCTIONS)
    events = [event for piece in pieces for event in reading.feed(piece)]
    return merged([*events, *reading.finish()])


def is_part(said: str, text: str) -> bool:
    """Tell whether `said` is what is left of a text when some of it is taken out."""
    rest = iter(text)
    return all(character in rest for character in said)
