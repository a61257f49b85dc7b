"""What parts of a plane tell becomes a snapshot: states, sums, rates between two answers."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from bridge.operators.survey import FORGOTTEN, Survey
from bridge.protocol.icp_subjects import Subjects

SUBJECTS = Subjects("icp")


def endpoint(name: str, *, inflight: int = 0, requests: int = 0, **more: Any) -> dict[str, Any]:
    data = {"inflight": inflight, "responses": more.pop("responses", 0)}
    return {"name": name, "num_requests": requests, "num_errors": more.pop("errors", 0), "data": data}


def answer(at: str, *endpoints: dict[str, Any], name: str = "icp-worker", **status: Any) -> bytes:
    """Return what a worker of capacity 4 that offers `m` answers."""
    told = {"inflight": 0, "capacity": 4, "models": {"m": "1"}, "draining": False} | status
    metadata = {"host": f"host-{at}", "pid": "7", "status": orjson.dumps(told).decode()}
    facts = {"name": name, "id": at, "started": "2026-11-22T09:00:00Z"}
    return orjson.dumps(facts | {"metadata": metadata, "endpoints": endpoints})


def front_end(at: str, *endpoints: dict[str, Any], **status: Any) -> bytes:
    return answer(at, *endpoints, name="icp-front-end", capacity=0, models={}, **status)


def survey(*rounds: list[bytes], seconds: float = 2.0) -> Survey:
    """Ask as often as there are rounds, which follow each other after so many seconds."""
    made = Survey(SUBJECTS)
    for at, answers in enumerate(rounds):
        made.asking(at * seconds)
        for one in answers:
            made.told(one, at * seconds + 0.1)
    return made


@pytest.mark.parametrize(
    ("status", "state"),
    [
        pytest.param({}, "ready", id="ready"),
        pytest.param({"inflight": 4}, "full", id="full"),
        pytest.param({"models": {}}, "no models", id="no models"),
        pytest.param({"inflight": 4, "models": {}, "draining": True}, "draining", id="draining"),
    ],
)
def test_a_worker_has_a_state(status: dict[str, Any], state: str) -> None:
    (worker,) = survey([answer("a", **status)]).snapshot().workers
    assert (worker.state, worker.host, worker.pid) == (state, "host-a", 7)
    assert worker.load.inflight == status.get("inflight", 0)


def test_rates_are_differences_between_two_answers() -> None:
    before = answer("a", endpoint("m", requests=10, responses=100), endpoint("n", requests=1))
    after = answer("a", endpoint("m", requests=15, responses=300, errors=2), endpoint("n", requests=2))
    assert survey([before]).snapshot().load.requests_per_second is None
    snapshot = survey([before], [after]).snapshot()
    (worker,) = snapshot.workers
    assert worker.load.requests_per_second == pytest.approx(3.0)
    assert worker.load.responses_per_second == pytest.approx(100.0)
    assert (worker.load.requests, worker.load.errors) == (17, 2)
    assert snapshot.load == worker.load
    assert [(one.name, one.load.requests_per_second) for one in snapshot.models] == [
        ("m", pytest.approx(2.5)),
        ("n", pytest.approx(0.5)),
    ]


def test_rates_are_known_however_far_apart_looks_are() -> None:
    before, after = (answer("a", endpoint("m", requests=count)) for count in (10, 70))
    (worker,) = survey([before], [after], seconds=3 * FORGOTTEN).snapshot().workers
    assert worker.load.requests_per_second == pytest.approx(2.0)


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(answer("a", endpoint("m", requests=9)), id="counters that went back"),
        pytest.param(answer("a", endpoint("n", requests=20)), id="another model"),
    ],
)
def test_no_rate_is_made_up(after: bytes) -> None:
    (worker,) = survey([answer("a", endpoint("m", requests=10))], [after]).snapshot().workers
    assert worker.load.requests_per_second is None


def test_a_worker_that_is_too_old_to_count_responses_has_no_rate_of_them() -> None:
    old = endpoint("m", requests=3)
    del old["data"]["responses"]
    (worker,) = survey([answer("a", old)], [answer("a", old)]).snapshot().workers
    assert (worker.load.requests_per_second, worker.load.responses_per_second) == (0.0, None)


def test_models_are_summed_over_the_workers_that_have_them() -> None:
    snapshot = survey([
        answer("b", endpoint("m", inflight=1, requests=2), inflight=1, models={"m": "1 2"}),
        answer("a", endpoint("m", inflight=3, requests=5), inflight=3, models={"m": "1 | 3"}),
        answer("c", endpoint("m", inflight=2), inflight=2, models={}, draining=True),
    ]).snapshot()  # fmt: skip
    (model,) = snapshot.models
    assert (model.name, model.versions, model.workers) == ("m", "1 2 3", 2)
    assert (model.load.inflight, model.load.requests) == (6, 7)
    assert [one.component_id for one in snapshot.workers] == ["a", "b", "c"]
    assert (snapshot.capacity, snapshot.load.inflight) == (12, 6)


def test_front_ends_are_no_workers() -> None:
    snapshot = survey([front_end("f", endpoint("generations", inflight=2), inflight=2)]).snapshot()
    assert [one.state for one in snapshot.front_ends] == ["ready"]
    assert (snapshot.workers, snapshot.models, snapshot.load.inflight) == ([], [], 0)


def test_who_answers_no_more_is_silent_and_then_forgotten() -> None:
    told = answer("a", endpoint("m", requests=1))
    made = survey([told], [told], [])
    (worker,) = made.snapshot().workers
    assert (worker.state, worker.load.requests_per_second) == ("silent", None)
    made.asking(2.1 + FORGOTTEN)
    assert made.snapshot().workers != []
    made.asking(2.2 + FORGOTTEN)
    assert made.snapshot().workers == []


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b"\xff", id="no JSON"),
        pytest.param(answer("a", name="blue-worker"), id="another plane's"),
        pytest.param(answer("a", inflight="many"), id="no number"),
        pytest.param(answer("a", models=["m"]), id="models that are no object"),
        pytest.param(answer("a", {"name": "m"}), id="an endpoint without numbers"),
        pytest.param(b'{"name": "icp-worker", "id": "a", "metadata": {}}', id="no status"),
    ],
)
def test_what_is_no_answer_of_this_plane_is_ignored(data: bytes) -> None:
    assert survey([data]).snapshot().workers == []
