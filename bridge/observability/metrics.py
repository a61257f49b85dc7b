"""The Prometheus metrics. Labels take values of small, known sets only.

A model is a label only under a name that the bridge lists, an ignored field only under a name of
OpenAI's API: a client must not be able to make time series.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from bridge.observability.token_times import TokenTimes

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4

_DURATIONS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_FIRST_TOKEN: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_INTER_TOKEN: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 5)


class Metrics:
    """All metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series per series, which nobody reads
        registry = self._registry = CollectorRegistry()
        self.requests = Counter(
            "openai_bridge_requests",
            "Requests that have ended. code: the gRPC status name, OK or CANCELLED included.",
            ("door", "endpoint", "model", "code"),
            registry=registry,
        )
        self.in_flight = Gauge(
            "openai_bridge_requests_in_flight",
            "Requests that have begun and not ended.",
            ("door", "endpoint"),
            registry=registry,
        )
        self.duration = Histogram(
            "openai_bridge_request_duration_seconds",
            "Time from the request's arrival to its end.",
            ("door", "endpoint"),
            buckets=_DURATIONS,
            registry=registry,
        )
        self.first_token = Histogram(
            "openai_bridge_time_to_first_token_seconds",
            "Time from the request's arrival to the model's first response.",
            ("endpoint", "model"),
            buckets=_FIRST_TOKEN,
            registry=registry,
        )
        self.inter_token = TokenTimes(
            "openai_bridge_inter_token_seconds",
            "Time between two responses of one request; responses that came together have none between them.",
            _INTER_TOKEN,
        )
        registry.register(self.inter_token)
        self.tokens = Counter(
            "openai_bridge_tokens",
            "Tokens, where the model counts them. kind: prompt or completion.",
            ("model", "kind"),
            registry=registry,
        )
        self.upstream_errors = Counter(
            "openai_bridge_upstream_errors",
            "Failures of Triton or of its models, by reason.",
            ("reason",),
            registry=registry,
        )
        self.ignored_fields = Counter(
            "openai_bridge_ignored_fields",
            "Request fields without effect that were tolerated. field: other if it is not known.",
            ("field",),
            registry=registry,
        )

    def text(self) -> bytes:
        """Return the exposition, of content type `CONTENT_TYPE`."""
        return generate_latest(self._registry)
