"""The Prometheus metrics. Labels take values of small, known sets only.

A model is a label only under a name that the bridge lists, an ignored field only under a name of
OpenAI's API: a client must not be able to make time series.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from bridge.observability.counts import LocalCounts
from bridge.observability.instruments import Counter, Gauge, Histogram, Instrument

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prometheus_client.core import Metric

    from bridge.observability.counts import Counts

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4

_DURATIONS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_FIRST_TOKEN: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_INTER_TOKEN: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 5)


class Metrics:
    """All metrics, of this process or of all that share its counts."""

    def __init__(self, counts: Counts | None = None) -> None:
        """Begin at zero, or where shared counts stand; None shares nothing."""
        self._counts = counts = counts or LocalCounts()
        self.requests = Counter(
            counts,
            "openai_bridge_requests",
            "Requests that have ended. code: the gRPC status name, OK or CANCELLED included.",
            ("door", "endpoint", "model", "code"),
        )
        self.in_flight = Gauge(
            counts,
            "openai_bridge_requests_in_flight",
            "Requests that have begun and not ended.",
            ("door", "endpoint"),
        )
        self.duration = Histogram(
            counts,
            "openai_bridge_request_duration_seconds",
            "Time from the request's arrival to its end.",
            ("door", "endpoint"),
            _DURATIONS,
        )
        self.first_token = Histogram(
            counts,
            "openai_bridge_time_to_first_token_seconds",
            "Time from the request's arrival to the model's first response.",
            ("endpoint", "model"),
            _FIRST_TOKEN,
        )
        self.inter_token = Histogram(
            counts,
            "openai_bridge_inter_token_seconds",
            "Time between two responses of one request; responses that came together have none between them.",
            ("endpoint", "model"),
            _INTER_TOKEN,
        )
        self.tokens = Counter(
            counts,
            "openai_bridge_tokens",
            "Tokens, where the model counts them. kind: prompt or completion.",
            ("model", "kind"),
        )
        self.upstream_errors = Counter(
            counts,
            "openai_bridge_upstream_errors",
            "Failures of Triton or of its models, by reason.",
            ("reason",),
        )
        self.ignored_fields = Counter(
            counts,
            "openai_bridge_ignored_fields",
            "Request fields without effect that were tolerated. field: other if it is not known.",
            ("field",),
        )
        self._registry = CollectorRegistry()
        self._registry.register(self)

    @property
    def instruments(self) -> Sequence[Instrument[Any]]:
        """All of them, in the order that they are shown."""
        return [thing for thing in vars(self).values() if isinstance(thing, Instrument)]

    def collect(self) -> Iterator[Metric]:
        """Yield every metric with its values; called by the registry."""
        rows: defaultdict[str, list[tuple[Sequence[str], Sequence[float]]]] = defaultdict(list)
        for (name, *values), numbers in self._counts.totals().items():
            rows[name].append((values, numbers))
        for instrument in self.instruments:
            yield instrument.family(rows[instrument.name])

    def text(self) -> bytes:
        """Return the exposition, of content type `CONTENT_TYPE`."""
        return generate_latest(self._registry)
