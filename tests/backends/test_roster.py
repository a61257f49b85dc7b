"""What a front end knows of workers: who is there, who is silent, who is asked first."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from bridge.backends.roster import PATIENCE, SILENCE, Roster

JUST = 0.01


def beat(component_id: str, **more: Any) -> bytes:
    told = {"component_id": component_id, "inflight": 0, "capacity": 4, "models": {"m": "1 2"}}
    return orjson.dumps(told | more)


def roster(**workers: dict[str, Any]) -> Roster:
    """Return what is known of workers that were heard at a time of 0, or `at`."""
    made = Roster()
    for name, told in workers.items():
        at = told.pop("at", 0.0)
        made.told(beat(name, **told), at)
    return made


def names(made: Roster, *arguments: Any, **more: Any) -> list[str]:
    return [worker.component_id for worker in made.having(*arguments, **more)]


@pytest.mark.parametrize(
    ("now", "silent", "dead"),
    [
        pytest.param(SILENCE - JUST, [], [], id="it may be late"),
        pytest.param(SILENCE + JUST, ["a"], [], id="it is asked"),
        pytest.param(SILENCE + PATIENCE - JUST, ["a"], [], id="it may answer late"),
        pytest.param(SILENCE + PATIENCE + JUST, [], ["a"], id="it is dead"),
    ],
)
def test_a_silent_worker_is_asked_and_then_dead(now: float, silent: list[str], dead: list[str]) -> None:
    assert roster(a={}, b={"at": now}).silent(now) == (silent, dead)


def test_an_answer_is_as_good_as_a_heartbeat() -> None:
    made = roster(a={})
    made.answered("a", SILENCE)
    made.answered("nobody", SILENCE)
    assert made.silent(2 * SILENCE - JUST) == ([], [])


def test_nobody_is_blamed_for_time_in_which_we_did_not_listen() -> None:
    made = roster(a={})
    made.forgive(5.0)
    assert made.silent(5.0 + SILENCE - JUST) == ([], [])


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        pytest.param("m", "", ["a", "b"], id="any version"),
        pytest.param("m", "2", ["a"], id="a version"),
        pytest.param("m", "3", [], id="no such version"),
        pytest.param("n", "", [], id="no such model"),
    ],
)
def test_only_who_has_the_model_is_asked(name: str, version: str, expected: list[str]) -> None:
    assert names(roster(a={}, b={"models": {"m": "1"}}), name, version) == expected


def test_who_was_heard_since_then_comes_first_and_of_these_who_has_most_room() -> None:
    made = roster(
        silent={},
        full={"at": 2.0, "inflight": 4},
        half={"at": 2.0, "inflight": 4, "capacity": 8},
        tried={"at": 2.0},
    )
    assert names(made, "m", "", ["tried"], since=1.0) == ["half", "full", "silent"]


def test_models_are_those_of_all_workers() -> None:
    made = roster(a={}, b={"models": {"m": "3", "n": "1"}})
    assert made.models() == {"m": "1 2 | 3", "n": "1"}


def test_workers_that_drain_serve_no_more() -> None:
    assert not roster().serving
    assert not roster(a={"draining": True}).serving
    assert roster(a={"draining": True}, b={}).serving


@pytest.mark.parametrize("component_id", ["", "a b", "a.b", "*", ">", "a\r\nPUB x 0", "x" * 65])
def test_a_name_that_is_no_token_of_a_subject_is_ignored(component_id: str) -> None:
    made = Roster()
    made.told(beat(component_id), 0.0)
    assert made.workers == {}
