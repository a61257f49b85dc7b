"""A snapshot as lines: what each column shows, and that nothing is wider than the terminal."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.operators.status_lines import lines
from bridge.operators.survey import Load, ModelPart, Part, Snapshot

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
PAGE = Path(__file__).parents[2] / "docs" / "request-plane.md"
EXAMPLE = re.findall(r"^```text\n(.*?)\n```", PAGE.read_text(), re.MULTILINE | re.DOTALL)[0]


def load(inflight: int, requests: float | None, responses: float | None, errors: int = 0) -> Load:
    return Load(
        inflight=inflight,
        requests=9,
        errors=errors,
        requests_per_second=requests,
        responses_per_second=responses,
    )


FRONT_END = Part(
    component_id="f48824fa980f16b6",
    host="bridge-0",
    pid=1,
    started="2026-11-22T08:47:30Z",
    state="ready",
    capacity=0,
    models={},
    load=load(8, 4.8, 300.4),
)
OTHER = replace(FRONT_END, component_id="a5c370499027fca4", host="bridge-1", load=load(8, 4.8, 293.0))
WORKER = replace(
    FRONT_END,
    component_id="4a3472b7399354e5",
    host="triton-4f",
    started="2026-11-20T07:59:59.123Z",
    capacity=64,
    models={"qwen": "1", "llama": "1"},
    load=load(9, 6.54, 354.6),
)
DRAINING = replace(
    WORKER,
    component_id="103ba8b154f1e59c",
    host="triton-9c",
    started="2026-11-22T11:47:59Z",
    state="draining",
    models={},
    load=load(7, 3.0, 238.0, 2),
)
MODEL = ModelPart(name="llama", versions="1", workers=1, load=load(16, 9.6, 593.0, 2))
IDLE = replace(MODEL, name="qwen", load=load(0, 0.0, 0.0))
PLANE = Snapshot(
    front_ends=[FRONT_END, OTHER],
    workers=[WORKER, DRAINING],
    models=[MODEL, IDLE],
    capacity=128,
    load=load(16, 9.6, 593.0, 2),
)
NOBODY = Snapshot(front_ends=[], workers=[], models=[], capacity=0, load=Load())


def shown(snapshot: Snapshot, **room: int) -> list[str]:
    return lines(snapshot, "nats://nats:4222 icp", NOW, **room)


def test_a_plane_is_shown_as_the_documentation_shows_it() -> None:
    assert "\n".join(shown(PLANE)) == EXAMPLE


def test_a_plane_of_nobody_says_so() -> None:
    first, *rest = shown(NOBODY)
    assert first.endswith(" 0 workers, 0 models; 0 of 0 in flight, - requests/s, - responses/s")
    assert rest == ["", "no front ends", "", "no workers", "", "no models"]


@pytest.mark.parametrize(
    ("started", "age"),
    [
        pytest.param("2026-11-22T11:59:59.5Z", "0s", id="just now"),
        pytest.param("2026-11-22T11:59:01Z", "59s", id="seconds"),
        pytest.param("2026-11-22T11:59:00Z", "1m", id="a minute"),
        pytest.param("2026-11-22T11:00:01Z", "59m", id="minutes"),
        pytest.param("2026-11-22T11:00:00Z", "1h00m", id="an hour"),
        pytest.param("2026-11-21T12:00:01Z", "23h59m", id="hours"),
        pytest.param("2026-11-01T00:00:00Z", "21d12h", id="days"),
        pytest.param("2026-11-22T12:00:05Z", "0s", id="by a clock that goes ahead"),
        pytest.param("2026-11-22T11:59:01", "59s", id="without a zone"),
        pytest.param("yesterday", "-", id="no time"),
    ],
)
def test_an_age_is_shown_in_its_largest_units(started: str, age: str) -> None:
    row = shown(replace(PLANE, front_ends=[replace(FRONT_END, started=started)]))[3]
    assert row.split()[6] == age


@pytest.mark.parametrize(
    ("rate", "text"),
    [(None, "-"), (0.0, "0.0"), (9.94, "9.9"), (10.0, "10"), (1234.5, "1234")],
)
def test_a_rate_has_a_decimal_where_it_is_small(rate: float | None, text: str) -> None:
    models = [replace(MODEL, load=load(1, rate, None))]
    assert shown(replace(PLANE, models=models))[-1].split()[3:5] == [text, "-"]


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        pytest.param("a\x1b[2Jb", "a?[2Jb", id="an escape sequence"),
        pytest.param("a\r\nb", "a??b", id="line ends"),
        pytest.param("\u202eab", "?ab", id="a change of direction"),
        pytest.param("\u4f60b", "?b", id="wide"),
        pytest.param("e\u0301", "e?", id="combining"),
        pytest.param("caf\u00e9", "caf\u00e9", id="an accent"),
    ],
)
def test_what_others_call_themselves_does_nothing_to_the_terminal(name: str, clean: str) -> None:
    rows = shown(replace(PLANE, models=[replace(MODEL, name=name)], workers=[replace(WORKER, host=name)]))
    assert rows[-1].startswith(f"{clean} ")
    assert f" {clean} " in rows[7]


def test_more_lines_than_there_is_room_for_are_counted() -> None:
    assert shown(PLANE, height=4)[3:] == [".. 10 more lines"]
    assert shown(PLANE, height=12) == [*shown(PLANE)[:11], ".. 2 more lines"]
    assert shown(PLANE, height=12) != shown(PLANE, height=13) == shown(PLANE)


@given(width=st.integers(1, 200), height=st.integers(1, 30), workers=st.integers(0, 30))
def test_no_line_is_wider_and_no_table_higher_than_there_is_room(
    width: int, height: int, workers: int
) -> None:
    whole = replace(PLANE, workers=[WORKER] * workers)
    room = shown(whole, width=width, height=height)
    assert len(room) <= height
    assert max(map(len, room)) <= width
    full = shown(whole, height=height)
    assert all(one == other or one.endswith(".."[:width]) for one, other in zip(room, full, strict=True))
