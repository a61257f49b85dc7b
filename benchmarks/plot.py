"""The picture of docs/performance.md: CPU per token over streams, for the loads of one run."""

from __future__ import annotations

import re
from statistics import median
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from benchmarks.measure import Sample
    from benchmarks.rows import Results

LINES: Final = {
    "http tick-2ms": ("HTTP SSE, a token every 2 ms", "#1f77b4", "-"),
    "http tick-20ms": ("HTTP SSE, a token every 20 ms", "#1f77b4", "--"),
    "grpc tick-2ms": ("gRPC, 2 ms", "#2ca02c", "-"),
    "grpc-floor tick-2ms": ("bare grpc.aio handler, 2 ms", "#98df8a", ":"),
    "dynamo tick-2ms": ("Dynamo's frontend, 2 ms", "#d62728", "-"),
    "dynamo tick-20ms": ("Dynamo's frontend, 20 ms", "#d62728", "--"),
    "dynamo-text tick-20ms": ("Dynamo's frontend, text passed through, 20 ms", "#ff9896", ":"),
    "litellm tick-2ms": ("LiteLLM's proxy, 2 ms", "#9467bd", "-"),
}
"""Server and model -> name, colour, line."""


def draw(results: Results, path: str) -> None:
    """Write the picture.

    Raises:
        ImportError: matplotlib is missing (extra `bench`).
    """
    import matplotlib as mpl  # noqa: PLC0415 - slow to import, and only some runs draw

    mpl.use("agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(9, 6), layout="constrained")
    for prefix, (name, colour, line) in LINES.items():
        _line(axes, points(results, prefix), name, colour, line)
    for (mode, costs), line in zip(results.floor.items(), ("-", ":"), strict=True):
        axes.axhline(median(costs), color="black", linestyle=line, label=f"one send(2) of 250 bytes, {mode}")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="streams",
        ylabel="CPU of the server per token, us (median, least to most)",
        title="What a streamed token costs",
    )
    ticks = (1, 32, 64, 128, 256)
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.grid(visible=True, alpha=0.3)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def points(results: Results, prefix: str) -> dict[int, list[Sample]]:
    """Return the samples of a server and a model by their number of streams."""
    found = {}
    for name, samples in results.samples.items():
        if match := re.fullmatch(rf"{re.escape(prefix)} x(\d+)", name):
            found[int(match[1])] = samples
    return dict(sorted(found.items()))


def _line(axes: Any, samples: dict[int, list[Sample]], name: str, colour: str, line: str) -> None:
    if not samples:
        return
    costs = [[sample.token_us for sample in each] for each in samples.values()]
    middle = [median(each) for each in costs]
    below = [mid - min(each) for mid, each in zip(middle, costs, strict=True)]
    above = [max(each) - mid for mid, each in zip(middle, costs, strict=True)]
    axes.errorbar(
        list(samples),
        middle,
        yerr=(below, above),
        label=name,
        color=colour,
        linestyle=line,
        marker="o",
        capsize=3,
    )
