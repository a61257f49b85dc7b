"""What is counted of one upstream, whatever requests it serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.errors import Reason
    from bridge.observability.metrics import Metrics


class UpstreamMeter:
    """The metrics of one upstream; its address is the label."""

    def __init__(self, metrics: Metrics, upstream: str) -> None:
        self._metrics, self._upstream = metrics, upstream
        self._requests = metrics.upstream_requests.labels(upstream)
        self._in_flight = metrics.upstream_in_flight.labels(upstream)
        self._ejected = metrics.upstream_ejected.labels(upstream)
        self._abandoned = metrics.abandoned_in_flight.labels(upstream)
        self._out = False

    def began(self) -> None:
        """Count a generation that was sent there."""
        self._requests.inc()
        self._in_flight.inc()

    def ended(self) -> None:
        """Count its end."""
        self._in_flight.dec()

    def moved(self, reason: Reason) -> None:
        """Count one that failed there and goes on elsewhere: no client hears of it."""
        self._metrics.upstream_errors.labels(self._upstream, reason.name).inc()
        self._metrics.retries.labels(self._upstream, reason.name).inc()

    def abandoned(self) -> None:
        """Count one that was given up and must not be cancelled."""
        self._abandoned.inc()

    def gone(self, end: str) -> None:
        """Count how it ended: "stopped", "ended" or "cut"."""
        self._abandoned.dec()
        self._metrics.abandoned.labels(self._upstream, end).inc()

    def stop_failed(self) -> None:
        """Count a stop request that was not taken."""
        self._metrics.stop_failures.labels(self._upstream).inc()

    def left_out(self, out: bool) -> None:
        """Show whether it is asked."""
        if out != self._out:
            self._out = out
            self._ejected.inc(1.0 if out else -1.0)
