"""Who gets a request: the well before the others, the policy among them, limits, and the retry budget."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from bridge.backends.pool import ALWAYS, Budget, Pool
from bridge.backends.upstream import Upstream
from bridge.config import Balancing
from bridge.config import Upstream as Settings
from bridge.errors import BridgeError, Reason

NOW = 100.0


class Unread:
    """A meter that nobody looks at."""

    def began(self) -> None: ...
    def ended(self) -> None: ...
    def moved(self, reason: Reason) -> None: ...
    def left_out(self, out: bool) -> None: ...


def server(address: str, *, models: str = "m", **settings: Any) -> Upstream:
    backend: Any = object()  # nobody is asked here
    made = Upstream(backend, Settings(address=address, **settings), Balancing(), Unread())
    made.models = dict.fromkeys(models.split(), "1 3")
    return made


def pool(*servers: Upstream, **rules: Any) -> Pool:
    return Pool(servers, Balancing(**rules), Budget(0.5))


def chosen(made: Pool, *, model: str = "m", version: str = "", without: tuple[Upstream, ...] = ()) -> str:
    found = made.choose(model, version, model, NOW, without)
    return found.address if found else "nobody"


def order(made: Pool, count: int, *, keep: bool = False) -> str:
    """Return who gets that many requests one after the other; with `keep` all of them go on."""
    said = ""
    for _ in range(count):
        found = made.choose("m", "", "m", NOW)
        assert found is not None
        found.in_flight += keep
        said += found.address
    return said


@pytest.mark.parametrize(
    ("policy", "keep", "expected"),
    [
        pytest.param("round_robin", False, "aba" * 2, id="in turns"),
        pytest.param("round_robin", True, "aba" * 2, id="in turns, whatever runs"),
        pytest.param("least_outstanding", False, "aaaaaa", id="the one with more room"),
        pytest.param("least_outstanding", True, "aabaab", id="as much for its weight"),
    ],
)
def test_the_policy_decides(policy: str, keep: bool, expected: str) -> None:
    made = pool(server("a", weight=2), server("b"), policy=policy)
    assert Counter(order(made, 6, keep=keep)) == Counter(expected)


def test_servers_that_do_nothing_take_turns() -> None:
    assert order(pool(server("a"), server("b"), server("c")), 6) == "abcabc"


def test_models_have_turns_of_their_own() -> None:
    made = pool(server("a", models="m n"), server("b", models="m n"))
    assert [chosen(made, model=model) for model in "mnmn"] == ["a", "a", "b", "b"]


def test_one_that_has_the_model_is_preferred() -> None:
    made = pool(server("a", models="other"), server("b"), server("c", models=""))
    assert order(made, 3) == "bbb"


@pytest.mark.parametrize(
    ("version", "expected"),
    [("", "ab"), ("1", "ab"), ("3", "ab"), ("2", "b")],
)
def test_a_version_must_be_ready_there(version: str, expected: str) -> None:
    newer = server("b")
    newer.models = {"m": "1 2 3"}
    made = pool(server("a"), newer)
    assert {chosen(made, version=version) for _ in range(4)} == set(expected)


def failing(address: str) -> Upstream:
    made = server(address)
    made.failed_with("m", Reason.TIMEOUT, NOW)
    return made


def away(address: str) -> Upstream:
    made = server(address)
    made.error = BridgeError(Reason.BACKEND_UNAVAILABLE, "Triton cannot be reached")
    return made


@pytest.mark.parametrize("sick", [failing, away])
def test_what_has_failed_is_left_out(sick: Any) -> None:
    assert order(pool(sick("a"), server("b")), 4) == "bbbb"


@pytest.mark.parametrize("sick", [failing, away])
def test_what_has_failed_is_asked_when_there_is_nobody_else(sick: Any) -> None:
    made = pool(sick("a"), server("b", models="other"), sick("c"))
    assert order(made, 4) == "acac"


def test_when_nobody_has_the_model_one_is_asked_who_can_say_so() -> None:
    assert order(pool(server("a", models=""), server("b", models="")), 4) == "abab"


def test_another_model_of_a_server_that_fails_with_one_is_asked() -> None:
    one = server("a", models="m n")
    one.failed_with("m", Reason.TIMEOUT, NOW)
    made = pool(one, server("b", models="n"))
    assert {chosen(made, model="n") for _ in range(4)} == {"a", "b"}


def test_one_that_comes_back_gets_little_at_first() -> None:
    back = server("a")
    back.failed_with("m", Reason.TIMEOUT, NOW - 1.0)
    made = pool(back, server("b"), policy="round_robin")
    assert Counter(order(made, 11)) == {"a": 1, "b": 10}


def test_who_was_tried_is_not_asked_again() -> None:
    a, b = server("a"), server("b")
    made = pool(a, b)
    assert chosen(made, without=(a,)) == "b"
    assert chosen(made, without=(a, b)) == "nobody"


def test_one_at_its_limit_gets_nothing() -> None:
    made = pool(server("a", max_concurrent=2), server("b"), policy="round_robin")
    assert Counter(order(made, 10, keep=True)) == {"a": 2, "b": 8}


def test_all_at_their_limits_is_a_full_queue() -> None:
    made = pool(server("a", max_concurrent=1), server("b", max_concurrent=1))
    order(made, 2, keep=True)
    with pytest.raises(BridgeError) as caught:
        chosen(made)
    assert (caught.value.reason, caught.value.row.http) == (Reason.QUEUE_FULL, 429)


def test_what_has_failed_does_not_help_out_those_at_their_limits() -> None:
    made = pool(server("a", max_concurrent=1), failing("b"))
    order(made, 1, keep=True)
    with pytest.raises(BridgeError):
        chosen(made)


def test_alone_the_limit_holds_too() -> None:
    made = pool(server("a", max_concurrent=1))
    order(made, 1, keep=True)
    with pytest.raises(BridgeError):
        chosen(made)


def test_questions_go_to_the_best_first() -> None:
    a, b, c = server("a", models=""), away("b"), server("c")
    assert [one.address for one in pool(a, b, c).ranked("m", "", NOW)] == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("running", "trying", "allowed"),
    [
        pytest.param(1, 0, True, id="nothing is tried"),
        pytest.param(1, ALWAYS - 1, True, id="a few always may"),
        pytest.param(1, ALWAYS, False, id="no more than a few"),
        pytest.param(100, 49, True, id="half of those that run"),
        pytest.param(100, 50, False, id="not more than half"),
    ],
)
def test_the_budget_is_a_part_of_what_runs(running: int, trying: int, allowed: bool) -> None:
    budget = Budget(0.5)
    budget.running, budget.trying = running, trying
    assert budget.allows() is allowed
