"""Calls that guided decoding has given their form, as their text comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.protocol.events import CallArguments, CallEnd, CallStart, Text
from bridge.protocol.tool_calls.forced import CallsOrAnswer, NamedCall, RequiredCalls
from tests.protocol.tool_calls.reading import calls, cut_at, merged, prose, two_pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.protocol.events import Event

ROME = '{"city": "Ro\\"m}e", "days": [1, {"a": 2}]}'


def named() -> NamedCall:
    return NamedCall("weather")


def required() -> RequiredCalls:
    return RequiredCalls({"weather": {}, "now": {}})


def either() -> CallsOrAnswer:
    return CallsOrAnswer({"weather": {}, "now": {}})


def read(make: Callable[[], Any], pieces: Iterable[str]) -> tuple[Event, ...]:
    parser = make()
    events = [event for piece in pieces for event in parser.feed(piece)]
    return merged([*events, *parser.finish()])


def call(name: str, arguments: str) -> str:
    return f'{{"name": "{name}", "parameters": {arguments}}}'


CASES = [
    pytest.param(named, ROME, [("weather", ROME, True)], "", id="named"),
    pytest.param(named, f" \n{ROME}\n ", [("weather", ROME, True)], "", id="named, in white space"),
    pytest.param(named, ROME[:20], [("weather", ROME[:20], False)], "", id="named, cut off"),
    pytest.param(named, "", [], "", id="named, nothing said"),
    pytest.param(named, "  ", [], "", id="named, white space"),
    pytest.param(
        named, "no form", [("weather", "no form", False)], "", id="named, an engine without the form"
    ),
    pytest.param(either, f" [{call('now', '{}')}]", [("now", "{}", True)], "", id="calls where both may be"),
    pytest.param(either, call("now", "{}"), [], call("now", "{}"), id="an answer that looks like a call"),
    pytest.param(either, ' {"a": [1]}', [], ' {"a": [1]}', id="an answer"),
    pytest.param(either, '["no call"]', [], '["no call"]', id="an array that is no call"),
    pytest.param(required, f"[{call('now', '{}')}]", [("now", "{}", True)], "", id="required"),
    pytest.param(
        required,
        f"[{call('weather', ROME)}, {call('now', '{}')}]",
        [("weather", ROME, True), ("now", "{}", True)],
        "",
        id="required, two",
    ),
    pytest.param(
        required,
        f" [\n {call('now', '{}')} ,\n{call('now', '{}')}\n]\n",
        [("now", "{}", True)] * 2,
        "",
        id="required, in white space",
    ),
    pytest.param(
        required,
        f'[{{"parameters": {ROME}, "name": "weather"}}]',
        [("weather", ROME, True)],
        "",
        id="required, arguments first",
    ),
    pytest.param(
        required, f"[{call('weather', ROME)[:40]}", [("weather", ROME[:6], False)], "", id="required, cut off"
    ),
    pytest.param(required, '[{"name": "wea', [], '[{"name": "wea', id="required, cut in the name"),
    pytest.param(required, "I would not.", [], "I would not.", id="required, an engine without the form"),
    pytest.param(required, f"[{call('other', '{}')}]", [], f"[{call('other', '{}')}]", id="not offered"),
]
every_case = pytest.mark.parametrize(("make", "text", "found", "said"), CASES)


@every_case
def test_calls_are_read_however_the_text_is_split(
    make: Callable[[], Any], text: str, found: list[tuple[str, str, bool]], said: str
) -> None:
    for pieces in [*two_pieces(text), list(text)]:
        events = read(make, pieces)
        assert [tuple(item) for item in calls(events)] == found, pieces
        assert prose(events) == said, pieces


def test_arguments_come_as_they_are_written() -> None:
    parser = NamedCall("weather")
    assert list(parser.feed('{"a"')) == [CallStart("weather"), CallArguments('{"a"')]
    assert list(parser.feed(": 1")) == [CallArguments(": 1")]
    assert list(parser.feed("}")) == [CallArguments("}"), CallEnd()]


@pytest.mark.parametrize("make", [named, required])
@given(text=st.text(max_size=30), places=st.lists(st.integers(0, 30), max_size=4))
def test_any_text_reads_the_same_however_it_is_split(
    make: Callable[[], Any], text: str, places: list[int]
) -> None:
    whole = read(make, [text])
    assert read(make, cut_at(text, [min(at, len(text)) for at in places])) == whole
    if make is required and not calls(whole):
        assert whole == ((Text(text),) if text else ())
