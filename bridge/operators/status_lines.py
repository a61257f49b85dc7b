"""A snapshot of the request plane as lines of text, no wider and no more than there is room for. No I/O.

What matters most stands on the left: a narrow terminal cuts lines at the right.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.operators.survey import Load, ModelPart, Part, Snapshot

LOAD: Final = ("REQUESTS/S", "RESPONSES/S", "ERRORS")
FRONT_ENDS: Final = ("FRONT END", "STATE", "IN FLIGHT", *LOAD, "UP", "HOST", "PID")
WORKERS: Final = ("WORKER", "STATE", "IN FLIGHT", *LOAD, "UP", "HOST", "PID", "MODELS")
MODELS: Final = ("MODEL", "WORKERS", "IN FLIGHT", *LOAD, "VERSIONS")
RIGHT: Final = frozenset({"WORKERS", "IN FLIGHT", *LOAD, "UP", "PID"})
"""Columns of numbers."""
CUT: Final = ".."
"""Stands for the rest of a line."""
EXACT: Final = 10.0
"""Rates below it are shown with a decimal."""


def lines(
    snapshot: Snapshot, where: str, now: datetime, width: int | None = None, height: int | None = None
) -> list[str]:
    """Return the lines.

    Args:
        snapshot: what to show.
        where: the plane's address, and what else tells it from others.
        now: what the ages of parts are counted to.
        width: characters in a line; None: as many as there are.
        height: lines; None: as many as there are.
    """
    shown = [f"{where}: {_summary(snapshot)}"]
    for headings, rows, none in (
        (FRONT_ENDS, [_front_end(one, now) for one in snapshot.front_ends], "no front ends"),
        (WORKERS, [_worker(one, now) for one in snapshot.workers], "no workers"),
        (MODELS, [_model(one) for one in snapshot.models], "no models"),
    ):
        shown += ["", *(_table(headings, rows) if rows else [none])]
    if height is not None and len(shown) > height:
        left = len(shown) - (height - 1)
        shown[height - 1 :] = [f"{CUT} {left} more lines"]
    return [_cut(line, width) for line in shown]


def _summary(snapshot: Snapshot) -> str:
    load = snapshot.load
    counts = (("front end", snapshot.front_ends), ("worker", snapshot.workers), ("model", snapshot.models))
    there = ", ".join(f"{len(found)} {name}{'' if len(found) == 1 else 's'}" for name, found in counts)
    return (
        f"{there}; {load.inflight} of {snapshot.capacity} in flight, "
        f"{_rate(load.requests_per_second)} requests/s, {_rate(load.responses_per_second)} responses/s"
    )


def _front_end(part: Part, now: datetime) -> tuple[str, ...]:
    return (part.component_id, part.state, str(part.load.inflight), *_load(part.load), *_place(part, now))


def _worker(part: Part, now: datetime) -> tuple[str, ...]:
    inflight = f"{part.load.inflight}/{part.capacity}"
    models = " ".join(sorted(part.models))
    return (part.component_id, part.state, inflight, *_load(part.load), *_place(part, now), models)


def _model(part: ModelPart) -> tuple[str, ...]:
    return (part.name, str(part.workers), str(part.load.inflight), *_load(part.load), part.versions)


def _load(load: Load) -> tuple[str, ...]:
    return _rate(load.requests_per_second), _rate(load.responses_per_second), str(load.errors)


def _place(part: Part, now: datetime) -> tuple[str, ...]:
    return _age(part.started, now), part.host, str(part.pid)


def _rate(rate: float | None) -> str:
    if rate is None:
        return "-"
    return f"{rate:.1f}" if rate < EXACT else f"{rate:.0f}"


def _age(started: str, now: datetime) -> str:
    """Return for how long something has run, by two clocks that may differ."""
    try:
        began = datetime.fromisoformat(started)
    except ValueError:
        return "-"
    seconds = max(0, int((now - (began if began.tzinfo else began.replace(tzinfo=UTC))).total_seconds()))
    for unit, smaller, size, of in (("d", "h", 86400, 3600), ("h", "m", 3600, 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}{seconds % size // of:02d}{smaller}"
    return f"{seconds // 60}m" if seconds >= 60 else f"{seconds}s"  # noqa: PLR2004


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    table = [headings, *([_clean(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if heading in RIGHT else cell.ljust(width)
            for heading, cell, width in zip(headings, row, widths, strict=True)
        ).rstrip()
        for row in table
    ]


def _clean(text: str) -> str:
    """Return a text of others as it may stand on a terminal: no control sequences, one column a character."""
    return "".join(one if _narrow(one) else "?" for one in text)


def _narrow(one: str) -> bool:
    wide = unicodedata.east_asian_width(one) in "WF" or unicodedata.combining(one)
    return one.isprintable() and not wide


def _cut(line: str, width: int | None) -> str:
    if width is None or len(line) <= width:
        return line
    return line[: max(0, width - len(CUT))] + CUT[:width]
