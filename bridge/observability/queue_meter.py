"""What is counted of the queue before the models: who waits, who is let in, who is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.errors import Reason
    from bridge.observability.metrics import Metrics


class QueueMeter:
    """The metrics of one process's queue; see `access.slots.Meter`."""

    def __init__(self, metrics: Metrics, slots: int) -> None:
        """Show a queue that is empty.

        Args:
            metrics: where to count.
            slots: how many requests may be with the models at once; 0 is no limit.
        """
        self._refused = metrics.queue_refused
        self._waiting = metrics.queue_waiting.labels()
        self._held = metrics.queue_slots_held.labels()
        self._waits = metrics.queue_wait.labels()
        metrics.queue_slots.labels().inc(slots)

    def queued(self) -> None:
        """Count one that waits."""
        self._waiting.inc()

    def unqueued(self) -> None:
        """Count it no longer, however its wait ended."""
        self._waiting.dec()

    def waited(self, seconds: float) -> None:
        """Count a wait that is over, or none."""
        self._waits.add(seconds)

    def entered(self) -> None:
        """Count one that holds a slot."""
        self._held.inc()

    def left(self) -> None:
        """Count it no longer."""
        self._held.dec()

    def refused(self, reason: Reason) -> None:
        """Count one that is not let in."""
        self._refused.labels(reason.name).inc()
