"""The cheap instruments say what the library's would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from bridge.observability import instruments
from bridge.observability.counts import LocalCounts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

BOUNDS = (0.001, 0.01, 1)
LABELS = ("endpoint", "model")
TIMES = st.sampled_from([0.0, 0.0005, 0.001, 0.002, 0.05, 1.0, 7.0])


class Shown:
    """One of our instruments as a collector of the library."""

    def __init__(self, instrument: instruments.Instrument[object], counts: LocalCounts) -> None:
        self._instrument, self._counts = instrument, counts

    def collect(self) -> Iterator[Metric]:
        rows = [(values, numbers) for (_, *values), numbers in self._counts.totals().items()]
        yield self._instrument.family(rows)


def samples(registry: CollectorRegistry) -> dict[tuple[str, tuple[str, ...]], float]:
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): round(sample.value, 9)
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def ours(instrument: instruments.Instrument[object], counts: LocalCounts) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(Shown(instrument, counts))
    return registry


@given(st.lists(st.tuples(TIMES, st.integers(0, 3)), min_size=1))
def test_a_histogram_agrees_with_the_librarys(observed: list[tuple[float, int]]) -> None:
    counts, theirs = LocalCounts(), CollectorRegistry()
    times = instruments.Histogram(counts, "t_seconds", "Times.", LABELS, BOUNDS)
    reference = Histogram("t_seconds", "Times.", LABELS, buckets=BOUNDS, registry=theirs)
    for seconds, together in observed:
        times.labels("chat", "m").add(seconds, together)
        for value in (seconds, *[0.0] * together):
            reference.labels("chat", "m").observe(value)
    assert samples(ours(times, counts)) == samples(theirs)


def test_a_counter_agrees_with_the_librarys() -> None:
    counts, theirs = LocalCounts(), CollectorRegistry()
    tokens = instruments.Counter(counts, "tokens", "Tokens.", LABELS)
    reference = Counter("tokens", "Tokens.", LABELS, registry=theirs)
    for metric in (tokens, reference):
        metric.labels("chat", "m").inc()
        metric.labels("chat", "m").inc(3)
        metric.labels("chat", "other").inc(2)
    assert samples(ours(tokens, counts)) == samples(theirs)


def test_a_gauge_agrees_with_the_librarys() -> None:
    counts, theirs = LocalCounts(), CollectorRegistry()
    running = instruments.Gauge(counts, "running", "Running.", LABELS)
    reference = Gauge("running", "Running.", LABELS, registry=theirs)
    for metric in (running, reference):
        metric.labels("chat", "m").inc()
        metric.labels("chat", "m").inc()
        metric.labels("chat", "m").dec()
        metric.labels("chat", "other").dec()
    assert samples(ours(running, counts)) == samples(theirs)


def test_one_set_of_labels_is_one_series() -> None:
    times = instruments.Histogram(LocalCounts(), "t_seconds", "Times.", LABELS, BOUNDS)
    assert times.labels("chat", "m") is times.labels("chat", "m")
    assert times.labels("chat", "m") is not times.labels("chat", "other")
