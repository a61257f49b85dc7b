"""What each reason tells of a server: one row per reason, so that a new one must take its place here."""

from __future__ import annotations

import pytest

from bridge.backends.blame import ELSEWHERE, Blame, blame
from bridge.errors import BridgeError, Reason

NOBODY, SERVER, MODEL, SUSPECT = Blame.NOBODY, Blame.SERVER, Blame.MODEL, Blame.SUSPECT

GUILTY = {
    Reason.BACKEND_UNAVAILABLE: SERVER,
    Reason.BACKEND_REFUSED: SERVER,
    Reason.MODEL_NOT_READY: MODEL,
    Reason.TIMEOUT: MODEL,
    Reason.MODEL_NOT_FOUND: SUSPECT,
    Reason.BACKEND_CONTRACT: SUSPECT,
}


@pytest.mark.parametrize("reason", Reason)
def test_who_is_at_fault_before_the_first_response(reason: Reason) -> None:
    found = blame(BridgeError(reason, "x"), answered=False, expired=False)
    assert found is GUILTY.get(reason, NOBODY)


@pytest.mark.parametrize(
    ("reason", "model", "answered", "expired", "expected"),
    [
        pytest.param(Reason.BACKEND_UNAVAILABLE, "m", False, False, MODEL, id="a crashed model process"),
        pytest.param(Reason.BACKEND_UNAVAILABLE, None, True, False, SERVER, id="a connection lost later"),
        pytest.param(Reason.TIMEOUT, "m", True, False, MODEL, id="a model that stopped"),
        pytest.param(Reason.TIMEOUT, "m", False, True, NOBODY, id="the client's own deadline"),
        pytest.param(Reason.BACKEND_CONTRACT, "m", True, False, NOBODY, id="tensors nobody promised"),
        pytest.param(Reason.MODEL_NOT_FOUND, "m", True, False, NOBODY, id="a name within an answer"),
    ],
)
def test_who_is_at_fault_depends_on_when(
    reason: Reason, model: str | None, answered: bool, expired: bool, expected: Blame
) -> None:
    assert blame(BridgeError(reason, "x", model=model), answered=answered, expired=expired) is expected


def test_no_fault_of_a_request_is_tried_elsewhere() -> None:
    server_side = {
        Reason.BACKEND_UNAVAILABLE,
        Reason.BACKEND_REFUSED,
        Reason.MODEL_NOT_READY,
        Reason.MODEL_NOT_FOUND,
        Reason.BACKEND_CONTRACT,
        Reason.QUEUE_FULL,
    }
    assert server_side == ELSEWHERE
