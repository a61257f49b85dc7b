"""What is counted of an upstream."""

from __future__ import annotations

from bridge.errors import Reason
from bridge.observability.metrics import Metrics
from bridge.observability.upstream_meter import UpstreamMeter


def lines(metrics: Metrics) -> dict[str, float]:
    found = (line.rpartition(" ") for line in metrics.text().decode().splitlines() if '"a:1"' in line)
    return {
        name.removeprefix("openai_bridge_").replace('upstream="a:1"', "_"): float(n) for name, _, n in found
    }


def test_an_upstream_is_shown_from_the_start() -> None:
    metrics = Metrics()
    UpstreamMeter(metrics, "a:1")
    assert lines(metrics) == {
        "upstream_requests_total{_}": 0,
        "upstream_requests_in_flight{_}": 0,
        "upstream_ejected{_}": 0,
        "abandoned_generations_in_flight{_}": 0,
    }


def test_generations_are_counted_and_shown_while_they_run() -> None:
    metrics = Metrics()
    meter = UpstreamMeter(metrics, "a:1")
    meter.began()
    meter.began()
    meter.ended()
    assert lines(metrics)["upstream_requests_total{_}"] == 2
    assert lines(metrics)["upstream_requests_in_flight{_}"] == 1


def test_an_ejection_is_shown_until_it_ends_however_often_it_is_told() -> None:
    metrics = Metrics()
    meter = UpstreamMeter(metrics, "a:1")
    for out, shown in ((True, 1), (True, 1), (False, 0), (False, 0), (True, 1)):
        meter.left_out(out)
        assert lines(metrics)["upstream_ejected{_}"] == shown


def test_a_failure_that_a_retry_made_good_is_an_error_of_the_upstream_too() -> None:
    metrics = Metrics()
    UpstreamMeter(metrics, "a:1").moved(Reason.QUEUE_FULL)
    found = lines(metrics)
    assert found['upstream_errors_total{reason="QUEUE_FULL",_}'] == 1
    assert found['retries_total{reason="QUEUE_FULL",_}'] == 1
