"""When a worker is started again."""

from __future__ import annotations

import pytest

from bridge.workers.restarts import Restarts


@pytest.mark.parametrize(
    ("listened", "delays"),
    [
        pytest.param([0, 0, 0, 0, 0], [0.2, 0.4, 0.8, 1.6, None], id="never listens: longer and longer"),
        pytest.param([4.9] * 5, [0.2, 0.4, 0.8, 1.6, None], id="ends soon after"),
        pytest.param([5, 60, 5, 60, 5, 60], [0.2] * 6, id="lives a while each time"),
        pytest.param([0, 0, 60, 0, 0], [0.2, 0.4, 0.2, 0.2, 0.4], id="a long life forgets the rest"),
    ],
)  # fmt: skip
def test_ends_at_once_are_counted_in_a_row(listened: list[float], delays: list[float | None]) -> None:
    restarts = Restarts()
    assert [restarts.delay(seconds) for seconds in listened] == delays


def test_the_delay_has_a_limit() -> None:
    restarts = Restarts(limit=100)
    assert max(restarts.delay(0) or 0 for _ in range(20)) == restarts.longest_delay == 5


def test_who_never_gives_up_waits_as_long_in_the_end() -> None:
    restarts = Restarts(limit=None, longest_delay=30)
    assert [restarts.delay(0) for _ in range(2000)][-1] == 30
