"""Cumulative text becomes deltas: whatever the split, nothing is lost, said twice or taken back."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BridgeError, Reason
from bridge.protocol.text_mode import CUT, Cumulative, text_decoder

TEXTS = st.text(st.sampled_from("ab \n\u0301é日🙂\ufffd"), max_size=12)


def said(*texts: str) -> list[str]:
    """Return what each text adds, and last what was held back."""
    cumulative = Cumulative()
    return [*map(cumulative.feed, texts), cumulative.finish()]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param([], [""], id="nothing"),
        pytest.param(["a", "ab", "ab", "abc"], ["a", "b", "", "c", ""], id="goes on"),
        pytest.param(["", "a"], ["", "a", ""], id="begins empty"),
        pytest.param(["n\ufffd", "né", "né!"], ["n", "é", "!", ""], id="a character in two tokens"),
        pytest.param(["\ufffd", "\ufffd\ufffd", "🙂"], ["", "", "🙂", ""], id="a character in three tokens"),
        pytest.param(["a\ufffd"], ["a", "\ufffd"], id="ends in the middle of a character"),
        pytest.param(["a\ufffd", "a\ufffdb"], ["a", "\ufffdb", ""], id="was no character after all"),
        pytest.param(["a EN", "a "], ["a EN", "", ""], id="the tokens of a stop string are taken back"),
        pytest.param(["ab\ufffd", "a"], ["ab", "", ""], id="taken back with what was held"),
        pytest.param(["ab", ""], ["ab", "", ""], id="a last response without text"),
    ],
)
def test_each_text_adds_what_is_new(texts: list[str], expected: list[str]) -> None:
    assert said(*texts) == expected


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("one", " two", id="deltas"),
        pytest.param("one", "One two", id="another beginning"),
        pytest.param("one two", "one tea", id="another end"),
    ],
)
def test_a_text_that_does_not_go_on_is_a_contract_failure(first: str, second: str) -> None:
    cumulative = Cumulative()
    cumulative.feed(first)
    with pytest.raises(BridgeError) as caught:
        cumulative.feed(second)
    assert caught.value.reason is Reason.BACKEND_CONTRACT
    assert second not in caught.value.message


@given(st.lists(TEXTS, max_size=8))
def test_any_split_adds_up_to_the_whole(parts: list[str]) -> None:
    texts = ["".join(parts[: at + 1]) for at in range(len(parts))]
    assert "".join(said(*texts)) == "".join(parts)


@given(st.text(max_size=20), st.lists(st.integers(min_value=0, max_value=80), max_size=8))
def test_bytes_cut_anywhere_add_up_to_the_whole_text(text: str, cuts: list[int]) -> None:
    whole = text.encode()
    decoder = text_decoder("cumulative")
    parts = [decoder.feed(whole[:cut]) for cut in [*sorted(min(cut, len(whole)) for cut in cuts), len(whole)]]
    assert "".join([*parts, decoder.finish()]) == text
    assert not any(part.endswith(CUT) for part in parts if CUT not in text)


@given(st.text(max_size=20), st.lists(st.integers(min_value=0, max_value=80), max_size=8))
def test_deltas_and_repeated_texts_are_one_text(text: str, cuts: list[int]) -> None:
    whole = text.encode()
    bounds = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    delta, cumulative = text_decoder("delta"), text_decoder("cumulative")
    deltas = [delta.feed(whole[start:end]) for start, end in pairwise(bounds)]
    repeats = [cumulative.feed(whole[:end]) for end in bounds[1:]]
    assert "".join([*deltas, delta.finish()]) == "".join([*repeats, cumulative.finish()]) == text
