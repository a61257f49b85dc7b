"""Which faults the soak takes for the reason of a failure, and when it may have no server to blame."""

from __future__ import annotations

import pytest

from tests.soak.faults import REST, Hit


@pytest.mark.parametrize(
    ("begin", "end", "felt"),
    [
        pytest.param(0, 9, False, id="before"),
        pytest.param(0, 10, True, id="ends when it begins"),
        pytest.param(11, 12, True, id="meanwhile"),
        pytest.param(20 + REST, 30, True, id="begins when its end is seen"),
        pytest.param(20.1 + REST, 30, False, id="after"),
    ],
)
def test_a_fault_is_felt_until_the_bridge_has_seen_its_end(begin: float, end: float, felt: bool) -> None:
    assert Hit("kill", 0, 10.0, 20.0).felt(begin, end) is felt


def test_two_faults_leave_no_server_only_if_they_hit_both_at_once() -> None:
    one = Hit("kill", 0, 10.0, 20.0)
    assert one.meets(Hit("crash", 1, 15.0, 30.0))
    assert not one.meets(Hit("crash", 0, 15.0, 30.0))
    assert not one.meets(Hit("crash", 1, 20.1 + REST, 30.0))
