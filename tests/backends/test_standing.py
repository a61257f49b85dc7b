"""Ejection: how long a failure counts, what makes it count longer, and the slow return."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.backends.standing import LEAST, Standing
from bridge.config import Balancing

RULES = Balancing(eject_time=1.0, max_eject_time=8.0, slow_start=10.0)


def standing(**rules: float) -> Standing:
    return Standing(Balancing(**rules) if rules else RULES)


def test_what_never_failed_gets_all() -> None:
    assert standing().share(0.0) == 1.0
    assert standing().share(-1e9) == 1.0


@pytest.mark.parametrize(
    ("after", "share"),
    [
        pytest.param(0.0, 0.0, id="at once nothing"),
        pytest.param(0.999, 0.0, id="nothing while it counts"),
        pytest.param(1.0, LEAST, id="a little at first"),
        pytest.param(6.0, LEAST + (1 - LEAST) / 2, id="half way"),
        pytest.param(11.0, 1.0, id="all in the end"),
    ],
)
def test_a_failure_counts_for_a_while_and_the_return_is_slow(after: float, share: float) -> None:
    made = standing()
    assert made.failed(100.0)
    assert made.share(100.0 + after) == pytest.approx(share)


def test_failures_together_are_one() -> None:
    made = standing()
    assert made.failed(0.0)
    assert not made.failed(0.0)
    assert not made.failed(0.9)
    assert made.failures == 1
    assert made.share(1.0) > 0


def test_each_failure_in_a_row_counts_twice_as_long_up_to_a_limit() -> None:
    made, now, waits = standing(), 0.0, []
    for _ in range(6):
        made.failed(now)
        begun = now
        while not made.share(now):
            now += 0.5
        waits.append(now - begun)
    assert waits == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_an_answer_during_the_return_clears_nothing() -> None:
    made = standing()
    made.failed(0.0)
    made.answered(5.0)
    assert made.failures == 1
    made.failed(5.0)
    assert not made.share(6.9)


def test_an_answer_after_the_return_clears_the_record() -> None:
    made = standing()
    made.failed(0.0)
    made.answered(11.0)
    assert made.failures == 0
    made.failed(20.0)
    assert made.share(21.0) == LEAST


def test_what_was_away_returns_slowly_too() -> None:
    made = standing()
    made.returned(50.0)
    assert made.share(50.0) == LEAST
    assert made.share(60.0) == 1.0


def test_being_back_does_not_end_a_failure_that_counts() -> None:
    made = standing()
    made.failed(0.0)
    made.returned(0.5)
    assert made.share(0.9) == 0.0


def test_without_a_slow_start_the_return_is_at_once() -> None:
    made = standing(slow_start=0.0)
    made.failed(0.0)
    assert made.share(1.0) == 1.0


def test_any_number_of_failures_can_be_counted() -> None:
    made = standing()
    for at in range(5000):
        made.failed(at * 10.0)
    assert made.failures == 5000
    assert made.share(4999 * 10.0 + 8.0) == LEAST


@given(st.lists(st.tuples(st.sampled_from(["failed", "answered", "returned"]), st.floats(0, 20))))
def test_the_share_is_always_a_part_and_grows_until_the_next_failure(steps: list[tuple[str, float]]) -> None:
    made, now = standing(), 0.0
    for what, wait in steps:
        now += wait
        getattr(made, what)(now)
        shares = [made.share(now + later) for later in (0, 1, 2, 5, 10, 20)]
        assert all(0 <= share <= 1 for share in shares)
        assert shares == sorted(shares)
        assert shares[-1] == 1
