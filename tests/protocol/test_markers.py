"""Markers searched for in text that comes in pieces."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.protocol.markers import Markers

TAGS = Markers("<call>", "[C]")


@pytest.mark.parametrize(
    ("text", "place", "marker"),
    [
        pytest.param("", 0, "", id="no text"),
        pytest.param("abc", 3, "", id="nothing alike"),
        pytest.param("ab<call>c", 2, "<call>", id="one"),
        pytest.param("ab[C]<call>", 2, "[C]", id="the first of two"),
        pytest.param("ab<", 2, "", id="its first character at the end"),
        pytest.param("ab<call", 2, "", id="half of it at the end"),
        pytest.param("<cal[C", 4, "", id="a false start, then half of the other"),
        pytest.param("<c<call>", 2, "<call>", id="a false start before it"),
        pytest.param("<[C<", 3, "", id="only the last may become one"),
        pytest.param("<callx", 6, "", id="a false start at the end"),
    ],
)
def test_the_first_marker_is_found_or_the_place_where_one_may_begin(
    text: str, place: int, marker: str
) -> None:
    assert TAGS.search(text) == (place, marker)


@pytest.mark.parametrize(
    ("text", "marker"),
    [
        pytest.param("<call>x", "<call>", id="one"),
        pytest.param("x<call>", "", id="one further on"),
        pytest.param("<cal", None, id="it may still become one"),
        pytest.param("", None, id="no text yet"),
        pytest.param("<calx", "", id="a false start"),
    ],
)
def test_a_marker_stands_at_a_place_or_not_or_it_is_too_early_to_say(text: str, marker: str | None) -> None:
    assert TAGS.match(text) == marker
    assert TAGS.match("ab" + text, 2) == marker


def test_no_markers_are_never_found() -> None:
    assert Markers().search("abc", 1) == (3, "")
    assert Markers().match("abc") == ""


def test_marks_of_regular_expressions_are_characters_like_others() -> None:
    assert Markers("a.*", "(|)").search("abc (| (|) a.*") == (7, "(|)")


@settings(max_examples=500)
@given(
    markers=st.lists(st.text("ab<", min_size=1, max_size=4), min_size=1, max_size=3),
    text=st.text("ab<", max_size=20),
    cuts=st.lists(st.integers(0, 20), max_size=6),
)
def test_pieces_are_searched_as_the_whole_is(markers: list[str], text: str, cuts: list[int]) -> None:
    chosen = {one for one in markers if not any(other in one[:-1] for other in markers)}
    places = [(text.find(one), one) for one in chosen if one in text]
    search = Markers(*chosen)
    bounds = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    before, held = "", ""
    for a, b in pairwise(bounds):
        held += text[a:b]
        place, marker = search.search(held)
        before, held = before + held[:place], held[place:]
        if marker:
            assert (len(before), marker) == min(places)
            return
    assert not places
    assert before + held == text
