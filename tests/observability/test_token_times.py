"""The cheap histogram says what the library's would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from bridge.observability.token_times import TokenTimes

BOUNDS = (0.001, 0.01, 0.1)
LABELS = ("endpoint", "model")


def samples(registry: CollectorRegistry) -> dict[tuple[str, str], float]:
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        (sample.name, sample.labels.get("le", "")): round(sample.value, 9)
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.0005, 0.001, 0.002, 0.05, 0.1, 7.0]), st.integers(0, 3))))
def test_it_agrees_with_the_librarys(observed: list[tuple[float, int]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    times = TokenTimes("t_seconds", "Times.", BOUNDS)
    ours.register(times)
    reference = Histogram("t_seconds", "Times.", LABELS, buckets=BOUNDS, registry=theirs).labels("chat", "m")
    series = times.labels("chat", "m")
    for seconds, together in observed:
        series.add(seconds, together)
        for value in (seconds, *[0.0] * together):
            reference.observe(value)
    assert samples(ours) == samples(theirs)


def test_one_set_of_labels_is_one_series() -> None:
    times = TokenTimes("t_seconds", "Times.", BOUNDS)
    assert times.labels("chat", "m") is times.labels("chat", "m")
    assert times.labels("chat", "m") is not times.labels("chat", "other")
