"""The rows of the request plane, and the model of large ones: the page says what the script prints."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks import plane
from benchmarks.measure import Sample
from benchmarks.plane_scale import FLEETS, Fleet, Limits, Load, heartbeat, limits_table, table
from benchmarks.plane_validation import MANY, ONE, SOME, Found, Used
from benchmarks.report import markdown
from benchmarks.rows import Results
from bridge.backends.nats_wire import Connection
from bridge.backends.roster import Roster
from bridge.protocol import kserve
from bridge.protocol.icp_subjects import DESCRIBE, Subjects
from tests.eventually import eventually
from tests.nats_server import nats_server

if TYPE_CHECKING:
    from bridge.protocol.nats_wire import Message

PAGE = Path(__file__).parents[2] / "docs" / "request-plane-scale.md"


def sample(token_us: float, *, ttft: float = 0.0, **beside: float) -> Sample:
    zero = dict.fromkeys(Sample.__slots__, 0)
    named = {name.replace("_", "-"): value for name, value in beside.items()}
    return Sample(**(zero | {"token_us": token_us, "ttft_p50_ms": ttft, "beside_us": named}))


def results() -> Results:
    made = Results()
    made.samples["http tick-2ms x64"] = [sample(8.0), sample(10.0), sample(9.0)]
    made.samples["plane tick-2ms x64"] = [
        sample(own, worker=worker, nats_server=1.0) for own, worker in ((10.0, 6.0), (40.0, 5.0), (10.0, 5.5))
    ]
    made.samples["http tick-2ms x1 5 tokens"] = [sample(0, ttft=1.0)]
    made.samples["plane tick-2ms x1 5 tokens"] = [sample(0, ttft=3.0)]
    return made


def test_what_the_plane_adds_is_told_by_side_and_judged() -> None:
    made = {figure.name: figure for figure in plane.figures(results())}
    full = "request plane, tick-2ms, 64 streams: CPU per token"
    assert made[f"{full} added by the front end"].values == (2.0, 30.0, 1.0)
    assert made[f"{full} added by the front end"].met
    assert made[f"{full} of worker"].values == (6.0, 5.0, 5.5)
    assert made[f"{full} of nats-server"].met is None
    first = made["request plane: TTFT p50 added, one stream on a warm connection"]
    assert (first.values, first.met) == ((2.0,), False)


def test_the_short_run_judges_both_sides_together() -> None:
    figure = plane.ratio(results())
    assert figure.values == (2.0, 4.5, pytest.approx(15.5 / 9))
    assert figure.met


def test_a_plane_that_was_not_measured_says_why() -> None:
    made = [
        *plane.figures(Results(skipped={"plane": "no server"})),
        plane.ratio(Results(skipped={"plane": "x"})),
    ]
    assert [figure.values for figure in made] == [()] * 11
    assert made[0].reason == "no server"


def test_the_page_has_the_tables_that_the_script_prints() -> None:
    page = PAGE.read_text()
    assert markdown(table()) in page
    assert markdown(limits_table()) in page


def test_what_a_fleet_does_grows_as_it_must() -> None:
    small, large = Load(Fleet(workers=100, front_ends=10)), Load(Fleet(workers=200, front_ends=20))
    assert large.beats == 2 * small.beats
    assert large.beats * 20 == 4 * small.beats * 10
    assert large.token_cores == pytest.approx(2 * small.token_cores)
    assert large.front_end_token_cores == pytest.approx(small.front_end_token_cores)
    assert large.worker_cores == small.worker_cores
    assert Fleet(workers=1, front_ends=1).served == 1
    assert Fleet(workers=1, front_ends=1000, streams=2).served == pytest.approx(2, abs=0.01)


def test_what_breaks_first_comes_first_and_everything_does_at_its_limit() -> None:
    room = Load(FLEETS[-1]).headroom(Limits())
    assert list(room.values()) == sorted(room.values())
    none = Load(FLEETS[-1]).headroom(
        Limits(broker_cores=0, process_cores=0, connections=0, pending=0, network=0)
    )
    assert set(none.values()) == {0.0}


def test_a_heartbeat_of_the_model_is_one() -> None:
    roster = Roster()
    roster.told(heartbeat(2, "w1"), 1.0)
    assert roster.workers["w1"].models == {"some-model-0": "1", "some-model-1": "1"}


def test_costs_are_found_in_what_fleets_use() -> None:
    taken, delivered, heard = 20e-6, 2e-6, 18e-6

    def used(workers: int, front_ends: int) -> Used:
        return Used(2 * workers * (taken + (front_ends + 1) * delivered), 2 * workers * heard, 0)

    found = Found.of(used(*ONE), used(*SOME))
    assert (found.broker_in, found.broker_out) == (pytest.approx(taken), pytest.approx(delivered))
    assert found.predict(*MANY) == (pytest.approx(used(*MANY).broker), pytest.approx(used(*MANY).front_end))


async def test_light_workers_beat_and_tell_of_their_models(tmp_path: Path) -> None:
    heard: dict[str, Message] = {}
    told: list[Message] = []
    subjects = Subjects("icp")
    with nats_server(tmp_path) as nats:
        command = ("-m", "benchmarks.plane_fleet", nats.url.removeprefix("nats://"), "3", "1")
        fleet = await asyncio.create_subprocess_exec(sys.executable, *command)
        connection = Connection()
        await connection.connect(nats.url, allow_reconnect=False)
        try:
            wire = connection.wire
            wire.subscribe(subjects.heartbeat("*"), lambda message: heard.update({message.subject: message}))
            wire.subscribe("inbox", told.append)
            await eventually(lambda: len(heard) == 3, 20)
            worker = next(iter(heard)).rpartition(".")[2]
            asked = kserve.ModelConfigRequest(name="some-model-0").SerializeToString()
            wire.publish(subjects.control(worker, DESCRIBE), asked, "inbox")
            await eventually(lambda: bool(told))
        finally:
            await connection.close()
            fleet.terminate()
            await fleet.wait()
    assert kserve.ModelConfigResponse.FromString(told[0].data).config.name == "some-model-0"
