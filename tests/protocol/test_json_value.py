"""Where JSON values end, however their text is split."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.protocol.json_value import JsonValue, Until
from bridge.protocol.markers import Markers

STOPS = Markers("</end>", "```", "[NEXT]")


def split(text: str, until: Until, pieces: list[int]) -> tuple[str, bool]:
    """Return how much of a text belongs to the value, fed in pieces, and whether it is done."""
    value = JsonValue(STOPS, until)
    taken, held, at = "", "", 0
    while at < len(text) and not value.done:
        size = pieces[at % len(pieces)]
        held += text[at : at + size]
        at += size
        end = value.scan(held, 0)
        taken, held = taken + held[:end], held[end:]
    return taken, value.done


@pytest.mark.parametrize(
    ("text", "taken", "done"),
    [
        pytest.param('{"a": 1} b', '{"a": 1}', True, id="an object"),
        pytest.param("[[1], {}], 2", "[[1], {}]", True, id="an array"),
        pytest.param('"a{" b', '"a{"', True, id="a string"),
        pytest.param('{"}": "]}"}}', '{"}": "]}"}', True, id="brackets in strings"),
        pytest.param('{"\\"}": "\\\\"}}', '{"\\"}": "\\\\"}', True, id="escapes"),
        pytest.param('{"a": "</end>"}</end>', '{"a": "</end>"}', True, id="a marker in a string"),
        pytest.param('{"a": 1</end>', '{"a": 1', True, id="a marker ends what is not closed"),
        pytest.param('{"a": [1[NEXT]', '{"a": [1', True, id="a marker that begins as an array does"),
        pytest.param('{"a": [[N]]}', '{"a": [[N]]}', True, id="an array that begins as a marker does"),
        pytest.param('{"a": 1 </e >}', '{"a": 1 </e >}', True, id="a false start of a marker"),
        pytest.param('{"a": 1</en', '{"a": 1', False, id="half a marker"),
        pytest.param('{"a": "b', '{"a": "b', False, id="cut off in a string"),
        pytest.param('{"a": "b\\', '{"a": "b\\', False, id="cut off in an escape"),
        pytest.param("{a: [1}", "{a: [1}", False, id="brackets that do not match"),
    ],
)
def test_a_value_ends_where_its_brackets_close(text: str, taken: str, *, done: bool) -> None:
    for size in (1, 2, 3, len(text)):
        assert split(text, Until.CLOSED, [size]) == (taken, done)


@pytest.mark.parametrize(
    ("until", "text", "taken", "done"),
    [
        pytest.param(Until.BRACKET, ' x {"}": [1]} y} z', ' x {"}": [1]} y', True, id="a bracket not opened"),
        pytest.param(Until.BRACKET, "x], 2", "x", True, id="a square bracket not opened"),
        pytest.param(Until.BRACKET, "x, y", "x, y", False, id="no bracket"),
        pytest.param(Until.BRACKET, "x```y", "x", True, id="a marker before a bracket"),
        pytest.param(Until.MARKER, "a} b]``` c", "a} b]", True, id="only a marker"),
        pytest.param(Until.MARKER, '{"a": 1} b</end>', '{"a": 1} b', True, id="a closed object and more"),
    ],
)
def test_wrong_json_ends_with_what_is_around_it(until: Until, text: str, taken: str, *, done: bool) -> None:
    for size in (1, 2, 3, len(text)):
        assert split(text, until, [size]) == (taken, done)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(
    value=JSON.filter(lambda value: isinstance(value, dict | list | str)),
    after=st.text('}]",:{[</end>`N ', max_size=8),
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    ascii_only=st.booleans(),
)
def test_any_json_ends_where_it_ends(
    value: object, after: str, sizes: list[int], *, ascii_only: bool
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert split(text + after, Until.CLOSED, sizes) == (text, True)
