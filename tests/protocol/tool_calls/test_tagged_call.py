"""Keys and values between markers as JSON, in any split."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.protocol.events import CallEnd, CallStart
from bridge.protocol.tool_calls.glm45 import Glm45Parser
from bridge.protocol.tool_calls.qwen3_coder import Qwen3CoderParser
from tests.protocol.tool_calls.reading import calls, cut_at, read
from tests.protocol.tool_calls.samples import glm45, qwen3_coder

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.protocol.tool_calls.base import ToolCallParser

Written: TypeAlias = "Callable[..., str]"

# `a` has no schema: what it begins with says that it is no JSON.
VALUES = {
    "city": st.text().map(lambda text: (text, text)),
    "days": st.integers().map(lambda number: (str(number), number)),
    "record": st.recursive(st.text() | st.none(), st.lists).map(lambda value: (json.dumps(value), value)),
    "a": st.text().map(lambda text: (f"x{text}", f"x{text}")),
}
SCHEMA = {
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "record": {"type": "object"}}
}
formats = pytest.mark.parametrize(
    ("parser", "written"), [(Glm45Parser, glm45.written), (Qwen3CoderParser, qwen3_coder.written)]
)


@formats
@given(
    members=st.fixed_dictionaries({}, optional=VALUES),
    places=st.lists(st.integers(0, 300), max_size=6),
)
def test_what_a_template_writes_comes_back(
    parser: type[ToolCallParser], written: Written, members: dict[str, tuple[str, Any]], places: list[int]
) -> None:
    text = written(("f", {key: value for key, (value, _) in members.items()}))
    reading = parser({"f": SCHEMA})
    events = [
        event
        for piece in cut_at(text, [min(at, len(text)) for at in places])
        for event in reading.feed(piece)
    ]
    [call] = calls([*events, *reading.finish()])
    assert call.ended
    assert json.loads(call.arguments) == {key: value for key, (_, value) in members.items()}


@formats
def test_every_value_is_told_when_it_ends(parser: type[ToolCallParser], written: Written) -> None:
    reading = parser({"f": SCHEMA})
    text = written(("f", {"days": "12", "city": "Rome"}))
    fed = {at: list(reading.feed(character)) for at, character in enumerate(text)}
    said = "".join(event.text for events in fed.values() for event in events if hasattr(event, "text"))
    assert said == '{"days": 12, "city": "Rome"}'
    told = min(at for at, events in fed.items() if any("12" in getattr(e, "text", "") for e in events))
    assert told < text.index("Rome")


@formats
def test_arguments_that_are_never_closed_are_left_open(
    parser: type[ToolCallParser], written: Written
) -> None:
    text = written(("store", {"count": "12", "text": "abc"}))
    cut = text[: text.index("abc") + 2]
    events = read(parser, [cut])
    assert events[0] == CallStart("store")
    assert CallEnd() not in events
    assert calls(events)[0].arguments == '{"count": 12, "text": "ab'
