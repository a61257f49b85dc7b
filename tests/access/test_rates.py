"""Buckets: what flows in, what may be taken, and for how long to wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.access.rates import Bucket

STEPS = st.lists(st.tuples(st.floats(0, 30), st.integers(1, 5)), max_size=60)


def test_a_bucket_begins_full_and_fills_steadily() -> None:
    bucket = Bucket(60, now=100.0)
    for _ in range(60):
        assert bucket.wait(1, 100.0) == 0
        bucket.take(1, 100.0)
    assert bucket.wait(1, 100.0) == pytest.approx(1.0)
    assert bucket.wait(1, 100.5) == pytest.approx(0.5)
    assert bucket.wait(1, 101.0) == 0
    assert bucket.wait(3, 101.0) == pytest.approx(2.0)


def test_it_never_holds_more_than_a_minutes_worth() -> None:
    bucket = Bucket(10, now=0.0)
    bucket.take(10, 3600.0)
    assert bucket.wait(1, 3600.0) == pytest.approx(6.0)


def test_what_is_known_too_late_is_owed() -> None:
    bucket = Bucket(60, now=0.0)
    bucket.take(90, 0.0)
    assert bucket.wait(0, 0.0) == pytest.approx(30.0)
    assert bucket.wait(0, 30.0) == 0


def test_without_a_limit_nothing_is_counted() -> None:
    bucket = Bucket(0, now=0.0)
    bucket.take(1e9, 0.0)
    assert bucket.wait(1e9, 0.0) == 0


def test_a_clock_that_goes_back_fills_nothing() -> None:
    bucket = Bucket(60, now=100.0)
    bucket.take(60, 100.0)
    assert bucket.wait(1, 50.0) == pytest.approx(1.0)


@given(st.integers(1, 200), STEPS)
def test_over_any_time_no_more_is_let_through_than_flows_in(
    rate: int, steps: list[tuple[float, int]]
) -> None:
    bucket, now, taken = Bucket(rate, 0.0), 0.0, 0
    for pause, amount in steps:
        now += pause
        if bucket.wait(amount, now) == 0:
            bucket.take(amount, now)
            taken += amount
    assert taken <= rate * (1 + now / 60) + 1e-6


@given(st.integers(1, 200), STEPS, st.integers(1, 5))
def test_whoever_waits_as_long_as_it_says_gets_it(
    rate: int, steps: list[tuple[float, int]], amount: int
) -> None:
    bucket, now = Bucket(rate, 0.0), 0.0
    for pause, taken in steps:
        now += pause
        bucket.take(taken, now)
    if amount <= rate:
        assert bucket.wait(amount, now + bucket.wait(amount, now) + 1e-6) < 1e-6
