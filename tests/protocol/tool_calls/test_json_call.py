"""One call as a JSON object: what is told of it, and where it ends."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.protocol.events import CallArguments, CallEnd, CallStart, Text
from bridge.protocol.markers import Markers
from bridge.protocol.source import SteppedParser
from bridge.protocol.tool_calls.json_call import JsonCall
from tests.protocol.tool_calls.json_samples import call
from tests.protocol.tool_calls.reading import cut_at, merged

if TYPE_CHECKING:
    from collections.abc import Container

    from bridge.protocol.events import Event
    from bridge.protocol.source import Source, Steps

STOPS = Markers("</end>")


def read_call(source: Source, offered: Container[str] | None = None) -> Steps[None]:
    source.hold()
    if not (yield from JsonCall(source, STOPS, offered).read()):
        source.give_back()
    yield from source.prose(Markers())


def read(pieces: list[str], offered: Container[str] | None = None) -> tuple[Event, ...]:
    parser = SteppedParser(partial(read_call, offered=offered))
    return merged([*(event for piece in pieces for event in parser.feed(piece)), *parser.finish()])


def both_ways(text: str, offered: Container[str] | None = None) -> tuple[Event, ...]:
    whole = read([text], offered)
    assert read(list(text), offered) == whole
    return whole


@pytest.mark.parametrize(
    ("text", "events"),
    [
        pytest.param('{"name":"f","arguments":{"a":1}}', call("f", '{"a":1}'), id="name and arguments"),
        pytest.param('{"arguments":[1],"name":"f"}', call("f", "[1]"), id="the name last"),
        pytest.param('{"name":"f","parameters":"a"}', call("f", '"a"'), id="a string as arguments"),
        pytest.param('{"name":"f","arguments":null}', call("f", "null"), id="null as arguments"),
        pytest.param('{"name":"f"}', call("f", "{}"), id="no arguments"),
        pytest.param('{"name":"f","arguments":}', call("f", "{}"), id="arguments without a value"),
        pytest.param(
            '{"id":"1","name":"f","type":"function","arguments":{},"x":[{"}":1}]}', call("f", "{}"), id="more"
        ),
        pytest.param(
            '{"arguments":{"a":1},"parameters":{"b":2},"name":"f"}', call("f", '{"a":1}'), id="twice"
        ),
        pytest.param('{"name":"f","arguments":{},"name":"g"}', call("f", "{}"), id="two names"),
        pytest.param('{"name":"\\u0066\\"\\\\ é"}', call('f"\\ é', "{}"), id="escapes in the name"),
        pytest.param('{"name":"f","arguments":{"a":1},}', call("f", '{"a":1}'), id="a comma too many"),
        pytest.param('{"name":"f",}', call("f", "{}"), id="a comma too many after the name"),
    ],
)
def test_the_first_name_and_arguments_are_told(text: str, events: tuple[Event, ...]) -> None:
    assert both_ways(text) == events


@pytest.mark.parametrize(
    ("text", "events"),
    [
        pytest.param('{"name":"f","arguments":a = 1}', call("f", "a = 1"), id="no JSON"),
        pytest.param('{"name":"f","arguments":(1, {2}), 3}', call("f", "(1, {2}), 3"), id="brackets within"),
        pytest.param('{"name":"f","arguments":{"a":1} x}', call("f", '{"a":1} x'), id="more after them"),
        pytest.param('{"name":"f","arguments":{"a":1},b}', call("f", '{"a":1},b'), id="a comma, then more"),
        pytest.param('{"name":"f" "arguments":{}}', call("f", ' "arguments":{}'), id="no comma"),
        pytest.param('{"name":"f","arguments" {}}', call("f", ',"arguments" {}'), id="no colon"),
        pytest.param('{"name":"f","arguments":{"a":1</end>', call("f", '{"a":1'), id="not closed"),
        pytest.param(
            '{"name":"f","arguments":{"a":1}\n</end>', call("f", '{"a":1}'), id="the object not closed"
        ),
        pytest.param('{"name":"f"</end>', call("f", "{}"), id="not closed after the name"),
        pytest.param('{"name":"f","arguments":x</end>', call("f", "x"), id="no JSON, not closed"),
    ],
)
def test_wrong_json_after_the_name_is_passed_on_as_it_stands(text: str, events: tuple[Event, ...]) -> None:
    after = "</end>" if text.endswith("</end>") else ""
    assert both_ways(text) == (*events, *([Text(after)] if after else []))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param(" [1]", id="an array"),
        pytest.param("{}", id="an empty object"),
        pytest.param('{"a":1}', id="no name"),
        pytest.param('{"name":1,"arguments":{}}', id="a number as name"),
        pytest.param('{"name":"","arguments":{}}', id="an empty name"),
        pytest.param('{"name":"a\\nb"}', id="a name of two lines"),
        pytest.param('{"name":"\\ud800"}', id="half a character as name"),
        pytest.param('{"name":"\\x"}', id="an escape that is none"),
        pytest.param("{name: 'f'}", id="names without quotes"),
        pytest.param('{"arguments":{"a":1</end>,"name":"f"}', id="arguments not closed before the name"),
        pytest.param('{"arguments":{"a":1}', id="cut off before the name"),
        pytest.param('{"name":"f', id="cut off in the name"),
    ],
)
def test_what_has_no_name_is_no_call(text: str) -> None:
    assert both_ways(text) == ((Text(text),) if text else ())


def test_only_offered_functions_are_called_where_no_marker_says_so() -> None:
    assert both_ways('{"type":"function","name":"f"}', {"f"}) == call("f", "{}")
    for text in ('{"name":"g"}', '{"title":"x","name":"f"}'):
        assert both_ways(text, {"f"}) == (Text(text),)


def test_an_object_of_another_kind_is_given_back_at_its_first_key() -> None:
    parser = SteppedParser(partial(read_call, offered={"f"}))
    assert parser.feed('{"title":') == [Text('{"title":')]


def test_name_and_arguments_are_told_at_once() -> None:
    parser = SteppedParser(read_call)
    assert parser.feed('{"name": "f') == []
    assert parser.feed('"') == [CallStart("f")]
    assert parser.feed(', "arguments": ') == []
    for piece in ("{", '"a\\', '"', "b", '"', "}"):
        assert parser.feed(piece) == [CallArguments(piece)]
    assert parser.feed("}") == [CallEnd()]
    assert parser.finish() == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(data=st.data(), arguments=st.dictionaries(st.text(), JSON, max_size=4), ascii_only=st.booleans())
def test_any_arguments_come_back_as_they_were_written(
    data: st.DataObject, arguments: dict[str, object], *, ascii_only: bool
) -> None:
    written = json.dumps(arguments, ensure_ascii=ascii_only, indent=data.draw(st.sampled_from([None, 1])))
    members = data.draw(st.permutations([f'"arguments": {written}', '"name": "f"', '"x": {"name": "g"}']))
    text = "{" + " ,\n".join(members) + "}"
    places = data.draw(st.lists(st.integers(0, len(text)), max_size=8))
    assert read(cut_at(text, places)) == call("f", written)
