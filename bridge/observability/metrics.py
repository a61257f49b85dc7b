"""The Prometheus metrics. Labels take values of small, known sets only.

A model is a label only under a name that the bridge lists, an ignored field only under a name of
OpenAI's API: a client must not be able to make time series.
"""

from __future__ import annotations

import os
from collections import defaultdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import InfoMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from bridge.observability import processes
from bridge.observability.counts import LocalCounts
from bridge.observability.instruments import Counter, Gauge, Histogram, Instrument

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prometheus_client.core import Metric

    from bridge.observability.counts import Counts

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4

_PROCESSES: Final = "openai_bridge_processes"

_DURATIONS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_WAITS: Final = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_FIRST_TOKEN: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_LAG: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
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
        self.queue_waiting = Gauge(
            counts, "openai_bridge_queue_waiting", "Requests that wait for others to end.", ()
        )
        self.queue_slots_held = Gauge(
            counts, "openai_bridge_queue_slots_held", "Requests that are with the models, past the queue.", ()
        )
        self.queue_slots = Gauge(
            counts,
            "openai_bridge_queue_slots",
            "Requests that may be with the models at once, in all processes together; 0: without limit.",
            (),
        )
        self.queue_wait = Histogram(
            counts,
            "openai_bridge_queue_wait_seconds",
            "Time that requests waited in the queue, however that ended; 0 for those that need not wait.",
            (),
            _WAITS,
        )
        self.queue_refused = Counter(
            counts,
            "openai_bridge_queue_refused",
            "Requests that were not let to the models. reason: QUEUE_FULL, RATE_LIMIT_EXCEEDED, ...",
            ("reason",),
        )
        self.upstream_errors = Counter(
            counts,
            "openai_bridge_upstream_errors",
            "Failures of Triton or of its models, also those that a retry made good. upstream: its address.",
            ("upstream", "reason"),
        )
        self.upstream_requests = Counter(
            counts,
            "openai_bridge_upstream_requests",
            "Generations and embeddings that were sent to an upstream.",
            ("upstream",),
        )
        self.upstream_in_flight = Gauge(
            counts,
            "openai_bridge_upstream_requests_in_flight",
            "Those that run there now.",
            ("upstream",),
        )
        self.upstream_ejected = Gauge(
            counts,
            "openai_bridge_upstream_ejected",
            "Processes of the bridge that leave an upstream out, because it failed or cannot be reached.",
            ("upstream",),
        )
        self.retries = Counter(
            counts,
            "openai_bridge_retries",
            "Generations tried again, before anything came of them, by what failed and why.",
            ("upstream", "reason"),
        )
        self.abandoned = Counter(
            counts,
            "openai_bridge_abandoned_generations",
            "Generations of ensembles that were given up. end: stopped, ended (by itself) or cut.",
            ("upstream", "end"),
        )
        self.abandoned_in_flight = Gauge(
            counts,
            "openai_bridge_abandoned_generations_in_flight",
            "Those that still run.",
            ("upstream",),
        )
        self.stop_failures = Counter(
            counts,
            "openai_bridge_stop_failures",
            "Stop requests for abandoned generations that an upstream did not take.",
            ("upstream",),
        )
        self.ignored_fields = Counter(
            counts,
            "openai_bridge_ignored_fields",
            "Request fields without effect that were tolerated. field: other if it is not known.",
            ("field",),
        )
        self.resumes = Counter(
            counts,
            "openai_bridge_resumes",
            "Answers that went on elsewhere when their upstream was lost in mid-stream.",
            ("model",),
        )
        self.loop_lag = Histogram(
            counts,
            "openai_bridge_event_loop_lag_seconds",
            "By how much the event loop of a process wakes too late, looked at four times a second.",
            (),
            _LAG,
        )
        self._processes = Gauge(counts, _PROCESSES, "1 for each process that serves.", ("pid",))
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def serve(self) -> None:
        """Show this process from now on, until it ends."""
        self._processes.labels(str(os.getpid())).inc()

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
        yield InfoMetricFamily("openai_bridge", "The program.", {"version": version("openai-bridge")})
        yield from processes.families(int(pid) for (pid,), _ in rows[_PROCESSES])

    def text(self) -> bytes:
        """Return the exposition, of content type `CONTENT_TYPE`."""
        return generate_latest(self._registry)
