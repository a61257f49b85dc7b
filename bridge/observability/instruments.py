"""Counters, gauges and histograms that cost one addition in place: for every token, and for shared memory.

The exposition is prometheus_client's; its own instruments take 1.1 us an observation, ours 0.2, and count in
objects of one process. Rule: how to count and how to show it; which metrics there are is `metrics`.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING, Generic, TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prometheus_client.core import Metric

    from bridge.observability.counts import Counts, Key, Row

    Rows = Iterable[tuple[Sequence[str], Sequence[float]]]
    """Values of labels, and numbers."""

S = TypeVar("S")


class Number:
    """A counter or gauge of one set of labels."""

    __slots__ = ("_row",)

    def __init__(self, row: Row) -> None:
        self._row = row

    def inc(self, amount: float = 1.0) -> None:
        """Add."""
        self._row[0] += amount

    def dec(self, amount: float = 1.0) -> None:
        """Take away; for gauges."""
        self._row[0] -= amount


class Series:
    """The observations of one set of labels."""

    __slots__ = ("_bounds", "_row", "_sum")

    def __init__(self, bounds: Sequence[float], row: Row) -> None:
        """Count in a row of one number more than there are buckets.

        They are the observations up to each bound and above the one before, those above all, and the sum.
        """
        self._bounds, self._row, self._sum = bounds, row, len(bounds) + 1

    def add(self, seconds: float, together: int = 0) -> None:
        """Take one observation, and `together` more of no time at all."""
        row = self._row
        row[bisect_left(self._bounds, seconds)] += 1
        row[self._sum] += seconds
        if together:
            row[0] += together


class Instrument(Generic[S]):
    """A metric: a thing to count with for each set of labels."""

    def __init__(self, counts: Counts, name: str, documentation: str, label_names: tuple[str, ...]) -> None:
        self.name, self.label_names = name, label_names
        self._counts, self._documentation = counts, documentation
        self._made: dict[Key, S] = {}

    def labels(self, *values: str) -> S:
        """Return what counts for these values of the labels."""
        found = self._made.get(values)
        if found is None:
            found = self._made[values] = self._make((self.name, *values))
        return found

    def family(self, rows: Rows) -> Metric:
        """Return the metric as it is shown."""
        raise NotImplementedError

    def _make(self, key: Key) -> S:
        raise NotImplementedError


class Counter(Instrument[Number]):
    """Only grows; shown with the suffix `_total`."""

    def family(self, rows: Rows) -> Metric:
        """Return the metric as it is shown."""
        shown = CounterMetricFamily(self.name, self._documentation, labels=self.label_names)
        for values, numbers in rows:
            shown.add_metric(values, numbers[0])
        return shown

    def _make(self, key: Key) -> Number:
        return Number(self._counts.row(key, 1))


class Gauge(Instrument[Number]):
    """Goes up and down; a process that has ended has none."""

    def family(self, rows: Rows) -> Metric:
        """Return the metric as it is shown."""
        shown = GaugeMetricFamily(self.name, self._documentation, labels=self.label_names)
        for values, numbers in rows:
            shown.add_metric(values, numbers[0])
        return shown

    def _make(self, key: Key) -> Number:
        return Number(self._counts.row(key, 1, lasting=False))


class Histogram(Instrument[Series]):
    """Times in seconds, counted by bucket."""

    def __init__(
        self,
        counts: Counts,
        name: str,
        documentation: str,
        label_names: tuple[str, ...],
        bounds: Sequence[float],
    ) -> None:
        super().__init__(counts, name, documentation, label_names)
        self._bounds = tuple(map(float, bounds))

    def family(self, rows: Rows) -> Metric:
        """Return the metric as it is shown."""
        shown = HistogramMetricFamily(self.name, self._documentation, labels=self.label_names)
        names = (*map(str, self._bounds), "+Inf")
        for values, numbers in rows:
            shown.add_metric(values, list(zip(names, accumulate(numbers[:-1]), strict=True)), numbers[-1])
        return shown

    def _make(self, key: Key) -> Series:
        return Series(self._bounds, self._counts.row(key, len(self._bounds) + 2))
