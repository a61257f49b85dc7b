"""The names and labels of the metrics: dashboards are made of them."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from bridge.observability.metrics import CONTENT_TYPE, Metrics

LABELS = {
    "requests": ("door", "endpoint", "model", "code"),
    "requests_in_flight": ("door", "endpoint"),
    "request_duration_seconds": ("door", "endpoint"),
    "time_to_first_token_seconds": ("endpoint", "model"),
    "inter_token_seconds": ("endpoint", "model"),
    "tokens": ("model", "kind"),
    "upstream_errors": ("reason",),
    "ignored_fields": ("field",),
}
KINDS = {
    "requests": "counter",
    "requests_in_flight": "gauge",
    "request_duration_seconds": "histogram",
    "time_to_first_token_seconds": "histogram",
    "inter_token_seconds": "histogram",
    "tokens": "counter",
    "upstream_errors": "counter",
    "ignored_fields": "counter",
}


def families(metrics: Metrics) -> dict[str, str]:
    found = text_string_to_metric_families(metrics.text().decode())
    return {family.name.removeprefix("openai_bridge_"): family.type for family in found}


def test_the_metrics_are_those_and_all_begin_with_the_programs_name() -> None:
    metrics = Metrics()
    assert families(metrics) == KINDS
    assert metrics.text().count(b"# TYPE openai_bridge_") == len(KINDS)


def test_their_labels_are_those() -> None:
    made = {
        instrument.name.removeprefix("openai_bridge_"): instrument.label_names
        for instrument in Metrics().instruments
    }
    assert made == LABELS


def test_counters_end_in_total_and_have_no_series_for_their_creation() -> None:
    metrics = Metrics()
    metrics.tokens.labels("m", "prompt").inc(3)
    lines = metrics.text().decode().splitlines()
    assert [line for line in lines if line.startswith("openai_bridge_tokens")] == [
        'openai_bridge_tokens_total{kind="prompt",model="m"} 3.0'
    ]


def test_two_processes_in_one_do_not_share_their_counts() -> None:
    first, second = Metrics(), Metrics()
    first.ignored_fields.labels("x").inc()
    assert b'field="x"' not in second.text()


def test_the_content_type_is_prometheus_text() -> None:
    assert CONTENT_TYPE.startswith("text/plain")
