from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from ngram_lm.stop_strings import StopStrings

CASES = [
    pytest.param("one END two", ["END"], "one ", True, id="in the middle"),
    pytest.param("END", ["END"], "", True, id="all of it"),
    pytest.param("one EN", ["END"], "one EN", False, id="only its beginning"),
    pytest.param("EEND", ["END"], "E", True, id="a false start"),
    pytest.param("aab aaab", ["aaab"], "aab ", True, id="repeated letters"),
    pytest.param("one\n\ntwo", ["three", "\n\n"], "one", True, id="the second of two"),
    pytest.param("日本語", ["語"], "日本", True, id="a multi-byte one"),
    pytest.param("one two", [], "one two", False, id="none wanted"),
]


@pytest.mark.parametrize(("text", "stops", "shown", "found"), CASES)
def test_every_split_of_a_text_stops_at_the_same_place(
    text: str, stops: list[str], shown: str, found: bool
) -> None:
    whole = text.encode()
    for cuts in (cuts for n in range(4) for cuts in combinations(range(1, len(whole)), n)):
        edges = [0, *cuts, len(whole)]
        pieces = [whole[start:stop] for start, stop in pairwise(edges)]
        assert _run(StopStrings(stops), pieces) == (shown, found), pieces


def test_the_stop_string_stays_when_it_is_to_be_included() -> None:
    assert _run(StopStrings(["END"], include=True), [b"one E", b"ND two"]) == ("one END", True)


def test_text_that_cannot_stop_is_shown_at_once() -> None:
    stops = StopStrings(["END"])
    assert stops.feed(b"one E") == (b"one ", False)
    assert stops.feed(b"x") == (b"Ex", False)


def _run(stops: StopStrings, pieces: list[bytes]) -> tuple[str, bool]:
    shown = b""
    for piece in pieces:
        text, found = stops.feed(piece)
        shown += text
        if found:
            return shown.decode(), True
    return (shown + stops.flush()).decode(), False
