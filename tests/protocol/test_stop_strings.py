"""Stop strings over every split of a text."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.protocol.stop_strings import StopStrings


def run(stops: list[str], pieces: list[str], *, include: bool = False) -> tuple[str, str | None]:
    stage = StopStrings(stops, include=include)
    text = "".join(stage.feed(piece) for piece in pieces) + stage.finish()
    return text, stage.found


def splits(text: str) -> list[list[str]]:
    cuts = [[at] for at in range(len(text) + 1)] + [list(range(len(text)))]
    return [[text[a:b] for a, b in pairwise([0, *cut, len(text)])] for cut in cuts]


@pytest.mark.parametrize(
    ("stops", "text", "shown", "found"),
    [
        pytest.param([], "abc", "abc", None, id="none asked for"),
        pytest.param(["END"], "one END two", "one ", "END", id="in the middle"),
        pytest.param(["END"], "END", "", "END", id="the whole text"),
        pytest.param(["END"], "one EN", "one EN", None, id="only its beginning at the end"),
        pytest.param(["END"], "one ENEND", "one EN", "END", id="a false start before it"),
        pytest.param(["aab"], "aaab", "a", "aab", id="a false start that overlaps it"),
        pytest.param(["abc", "b"], "abc", "a", "b", id="the one that is complete first"),
        pytest.param(["c", "abc"], "xabc", "x", "abc", id="the longer of two that end together"),
        pytest.param(["\n\n"], "a\nb\n\nc", "a\nb", "\n\n", id="newlines"),
        pytest.param(["é"], "caf\u00e9 au lait", "caf", "é", id="beyond ASCII"),
        pytest.param(["END", "END"], "xEND", "x", "END", id="given twice"),
    ],
)
def test_every_split_cuts_at_the_same_place(
    stops: list[str], text: str, shown: str, found: str | None
) -> None:
    for pieces in splits(text):
        assert run(stops, pieces) == (shown, found), pieces


def test_the_found_string_stays_if_asked_for() -> None:
    for pieces in splits("one END two"):
        assert run(["END"], pieces, include=True) == ("one END", "END"), pieces


def test_nothing_is_held_back_that_cannot_become_a_stop_string() -> None:
    stage = StopStrings(["END"])
    assert [stage.feed("abc"), stage.feed("E"), stage.feed("x"), stage.feed("EN")] == ["abc", "", "Ex", ""]


@given(
    stops=st.lists(st.text("ab", min_size=1, max_size=4), max_size=3),
    pieces=st.lists(st.text("abc", max_size=5), max_size=8),
)
def test_a_split_text_says_what_the_whole_text_says(stops: list[str], pieces: list[str]) -> None:
    text = "".join(pieces)
    shown, found = run(stops, pieces)
    assert (shown, found) == run(stops, list(text))
    assert not any(stop in shown for stop in stops)
    assert text.startswith(shown + (found or ""))
