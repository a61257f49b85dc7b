"""The names and labels of the metrics: dashboards are made of them."""

from __future__ import annotations

import os
import time
from importlib.metadata import version

from prometheus_client.parser import text_string_to_metric_families

from bridge.observability.metrics import CONTENT_TYPE, Metrics

PROMISED = {
    "requests": ("counter", ("door", "endpoint", "model", "code")),
    "requests_in_flight": ("gauge", ("door", "endpoint")),
    "request_duration_seconds": ("histogram", ("door", "endpoint")),
    "time_to_first_token_seconds": ("histogram", ("endpoint", "model")),
    "inter_token_seconds": ("histogram", ("endpoint", "model")),
    "tokens": ("counter", ("model", "kind")),
    "upstream_errors": ("counter", ("upstream", "reason")),
    "ignored_fields": ("counter", ("field",)),
}
"""What dashboards of others are made of, and must not change; docs/observability.md has all of them."""


def families(metrics: Metrics) -> dict[str, str]:
    found = text_string_to_metric_families(metrics.text().decode())
    return {family.name.removeprefix("openai_bridge_"): family.type for family in found}


def test_the_metrics_that_were_promised_are_there() -> None:
    metrics = Metrics()
    labels = {
        instrument.name.removeprefix("openai_bridge_"): instrument.label_names
        for instrument in metrics.instruments
    }
    kinds = families(metrics)
    assert {name: (kinds[name], labels[name]) for name in PROMISED} == PROMISED


def test_all_metrics_begin_with_the_programs_name() -> None:
    text = Metrics().text()
    assert text.count(b"# TYPE openai_bridge_") == text.count(b"# TYPE ")


def test_the_program_tells_its_version() -> None:
    assert f'openai_bridge_info{{version="{version("openai-bridge")}"}} 1.0' in Metrics().text().decode()


def test_a_process_that_serves_is_shown_with_what_it_takes() -> None:
    metrics = Metrics()
    assert b"process_" not in metrics.text()
    metrics.serve()
    pid = str(os.getpid())
    shown = {
        sample.name: sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
        if sample.labels == {"pid": pid}
    }
    assert shown["openai_bridge_processes"] == 1
    assert 1e6 < shown["process_resident_memory_bytes"] < 1e10
    assert time.time() - 1e6 < shown["process_start_time_seconds"] < time.time()
    assert shown.keys() >= {"process_cpu_seconds_total", "process_open_fds", "process_max_fds"}


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
