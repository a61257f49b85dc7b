"""What the processes of a bridge take of the machine, under the names that Prometheus's clients share.

With workers any of them answers for all, so each process has a label, its number in the system.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import ProcessCollector
from prometheus_client.core import Metric

if TYPE_CHECKING:
    from collections.abc import Iterable


def families(pids: Iterable[int]) -> Iterable[Metric]:
    """Return `process_resident_memory_bytes` and such of each process; nothing where there is no /proc."""
    found: dict[str, Metric] = {}
    for pid in pids:
        for family in ProcessCollector(pid=partial(int, pid), registry=None).collect():
            shown = found.setdefault(
                family.name, Metric(family.name, family.documentation, family.type, family.unit)
            )
            for sample in family.samples:
                shown.add_sample(sample.name, {"pid": str(pid)}, sample.value)
    return found.values()
