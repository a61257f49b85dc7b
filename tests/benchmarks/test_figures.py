"""Figures are ratios inside a round, and their targets are judged by the median."""

from __future__ import annotations

import pytest

from benchmarks import report
from benchmarks.figures import figures, ratios
from benchmarks.measure import Sample
from benchmarks.memory import Memory
from benchmarks.rows import Figure, Results


def sample(token_us: float, **values: float) -> Sample:
    zero = dict.fromkeys(Sample.__slots__, 0)
    return Sample(**(zero | {"token_us": token_us} | values))


def by_name(results: Results) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures(results)}


def test_ratios_are_made_inside_a_round() -> None:
    results = Results(floor={"together": [1.0, 2.0, 4.0], "spread": [2.0, 4.0, 8.0]})
    results.samples["http tick-2ms x128"] = [sample(2.0), sample(4.0), sample(9.0)]
    made = by_name(results)
    together = made["HTTP SSE, tick 2 ms, 128 streams: CPU per token / send, together"]
    assert together.values == (2.0, 2.0, 2.25)
    assert (together.median, together.met) == (2.0, True)
    assert ratios(results)[0].values == (1.0, 1.0, 1.125)


@pytest.mark.parametrize(
    ("values", "at_least", "met"),
    [
        ((1.0, 1.2, 9.0), False, True),
        ((1.0, 1.3, 1.3), False, False),
        ((1.0, 1.3, 1.3), True, True),
        ((), True, None),
    ],
)
def test_a_target_is_judged_by_the_median(
    values: tuple[float, ...], at_least: bool, met: bool | None
) -> None:
    assert Figure("f", "x", values, 1.2, at_least=at_least).met is met


def test_what_was_not_measured_says_why() -> None:
    results = Results(skipped={"dynamo": "run with PEERS=1"})
    table = report.targets(figures(results))
    assert "not measured: run with PEERS=1" in table
    assert "| met" in table.partition("\n")[0]


def test_memory_is_per_stream() -> None:
    memory = Memory(idle=50_000_000, most=150_000_000, streams=10_000, sample=sample(1.0))
    made = by_name(Results(memory=memory))
    assert made["RSS per open stream"].values == (10.0,)
    assert made["streams open at once in one process, none lost"].met


def test_the_table_of_loads_has_median_and_span() -> None:
    results = Results(samples={"a load": [sample(3.0), sample(1.0), sample(2.0)]})
    assert "2.0 (1.0-3.0)" in report.loads(results)
    assert report.as_json(results, {}).startswith(b"{")
