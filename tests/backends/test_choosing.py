"""The policies: whose turn it is, and who has the least to do."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.backends.choosing import Turns, least_outstanding


@pytest.mark.parametrize(
    ("weights", "order"),
    [
        pytest.param({"a": 1}, "aaa", id="alone"),
        pytest.param({"a": 1, "b": 1}, "abab", id="two alike"),
        pytest.param({"a": 2, "b": 1}, "abaaba", id="mixed, not in a row"),
        pytest.param({"a": 5, "b": 1, "c": 1}, "aabacaa" * 2, id="one large, two small"),
        pytest.param({"a": 1.0, "b": 0.125}, "aaaabaaaaaaaab", id="a part of a weight"),
    ],
)
def test_turns_follow_the_weights(weights: dict[str, float], order: str) -> None:
    turns: Turns[str] = Turns()
    assert "".join(turns.next(weights) for _ in order) == order


def test_one_that_goes_and_comes_back_gets_its_turns_again() -> None:
    turns: Turns[str] = Turns()
    both, one = {"a": 1.0, "b": 1.0}, {"a": 1.0}
    assert [turns.next(both), turns.next(one), turns.next(one)] == ["a", "a", "a"]
    assert Counter(turns.next(both) for _ in range(10)) == {"a": 5, "b": 5}


@given(st.dictionaries(st.sampled_from("abcd"), st.integers(1, 5), min_size=1), st.integers(1, 5))
def test_over_a_round_everybody_gets_exactly_his_weight(weights: dict[str, int], rounds: int) -> None:
    turns: Turns[str] = Turns()
    total = sum(weights.values())
    assert Counter(turns.next(weights) for _ in range(rounds * total)) == {
        one: weight * rounds for one, weight in weights.items()
    }


@pytest.mark.parametrize(
    ("weights", "running", "least"),
    [
        pytest.param({"a": 1, "b": 1}, {"a": 0, "b": 0}, "ab", id="nothing runs"),
        pytest.param({"a": 1, "b": 1}, {"a": 3, "b": 2}, "b", id="the one with less"),
        pytest.param({"a": 2, "b": 1}, {"a": 0, "b": 0}, "a", id="the heavier one first"),
        pytest.param({"a": 2, "b": 1}, {"a": 1, "b": 0}, "ab", id="as full for its weight"),
        pytest.param({"a": 2, "b": 1}, {"a": 2, "b": 0}, "b", id="fuller for its weight"),
        pytest.param({"a": 1, "b": 0.1}, {"a": 8, "b": 0}, "a", id="one that comes back has little room"),
        pytest.param({"a": 1, "b": 0.1}, {"a": 10, "b": 0}, "b", id="and gets it when others are full"),
    ],
)
def test_the_least_outstanding_are_those_with_most_room(
    weights: dict[str, float], running: dict[str, int], least: str
) -> None:
    assert "".join(sorted(least_outstanding(weights, running.__getitem__))) == least


def test_the_weights_of_the_least_outstanding_are_kept() -> None:
    assert least_outstanding({"a": 2.0, "b": 1.0, "c": 1.0}, {"a": 1, "b": 0, "c": 9}.__getitem__) == {
        "a": 2.0,
        "b": 1.0,
    }
