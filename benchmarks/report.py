"""What a run prints and writes: the tables, the JSON."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import orjson

from benchmarks.figures import figures

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.measure import Sample
    from benchmarks.rows import Figure, Results

RESULTS: Final = Path(__file__).parent / "results"
PACKAGES: Final = ("openai-bridge", "aiohttp", "grpcio", "hpack", "orjson", "protobuf", "uvloop")

_LOADS: Final = (
    ("us per token", "token_us", "{:.1f}"),
    ("ms per request", "request_ms", "{:.2f}"),
    ("tokens/s", "tokens_per_second", "{:.0f}"),
    ("per read", "tokens_per_read", "{:.2f}"),
    ("TTFT p50 ms", "ttft_p50_ms", "{:.2f}"),
    ("p99 ms", "ttft_p99_ms", "{:.2f}"),
)


def loads(results: Results) -> str:
    """Return the table of all loads, as Markdown."""
    rows = [["load", *(title for title, _, _ in _LOADS)]]
    rows += [[name, *_cells(samples)] for name, samples in results.samples.items()]
    notes = [
        f"{name}: {size / 1e6:.0f} MB of memory at the most" for name, size in results.peer_memory.items()
    ]
    notes += [f"not measured: {name}: {why}" for name, why in results.skipped.items()]
    return "\n\n".join((markdown(rows), *notes))


def targets(rows: Iterable[Figure]) -> str:
    """Return the table of figures with their targets, as Markdown."""
    table = [["figure", "measured", "target", "met"]]
    for figure in rows:
        if figure.values:
            value = f"{_span(figure.values, '{:.2f}' if figure.unit else '{:.0f}')} {figure.unit}"
        else:
            value = f"not measured: {figure.reason or 'no load'}"
        sign = ">=" if figure.at_least else "<="
        limit = f"{sign} {figure.limit:g} {figure.unit}" if figure.limit is not None else "-"
        met = {True: "met", False: "NOT MET", None: "-"}[figure.met]
        table.append([figure.name, value, limit, met])
    return markdown(table)


def as_json(results: Results, arguments: dict[str, Any]) -> bytes:
    """Return everything, for later comparison."""
    everything = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "arguments": arguments,
        "results": asdict(results),
        "figures": [asdict(figure) | {"met": figure.met} for figure in figures(results)],
    }
    return orjson.dumps(everything, option=orjson.OPT_INDENT_2)


def write(content: bytes) -> Path:
    """Write a result; return where."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.write_bytes(content)
    return path


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    versions: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "processor": processor[1] if processor else platform.machine(),
        "cores": len(Path("/proc/cpuinfo").read_text().split("processor\t")) - 1,
        "kernel": platform.release(),
        "python": sys.version.split()[0],
        "packages": versions,
        "commit": _commit(),
    }


def _commit() -> str | None:
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"],  # noqa: S607 - whichever git there is
            capture_output=True,
            text=True,
            check=True,
            cwd=RESULTS.parent,
        )
    except (OSError, subprocess.CalledProcessError):
        return None  # a copy without its history
    return done.stdout.strip()


def _cells(samples: Sequence[Sample]) -> list[str]:
    return [_span([getattr(sample, key) for sample in samples], form) for _, key, form in _LOADS]


def _span(values: Sequence[float], form: str) -> str:
    """Return the median, and least and most where there are several values."""
    middle = form.format(median(values))
    if len(values) == 1:
        return middle
    return f"{middle} ({form.format(min(values))}-{form.format(max(values))})"


def markdown(rows: list[list[str]]) -> str:
    """Return a table; the first row is its head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
