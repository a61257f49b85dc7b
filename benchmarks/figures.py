"""From samples to figures: medians with their span, targets met or not."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

from benchmarks import plan, plane
from benchmarks.rows import Figure, Results, paired

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.measure import Sample

_DYNAMO: Final = {"dynamo": "for token ids", "dynamo-text": "for text"}
_HTTP_128: Final = "http tick-2ms x128"


def figures(results: Results) -> list[Figure]:
    """Return the rows of performance.md's table of targets."""
    return [
        *_per_token(results),
        *_per_request(results),
        *_memory(results),
        *_stalled(results),
        *_grpc(results),
        *_workers(results),
        *plane.figures(results),
    ]


def ratios(results: Results) -> list[Figure]:
    """Return the ratios that a run on a noisy machine may be judged by, with wide limits."""
    grpc = _ratio(results, "grpc tick-2ms x32", "grpc-floor tick-2ms x32", "token_us")
    return [
        Figure(
            "HTTP SSE, 128 streams: CPU per token / send, spread",
            "x",
            _over_floor(results, "spread"),
            SMOKE_HTTP,
        ),
        Figure("gRPC, 32 streams: CPU per token / bare handler", "x", grpc, SMOKE_GRPC),
        plane.ratio(results),
    ]


SMOKE_HTTP: Final = 6.0
SMOKE_GRPC: Final = 2.5
"""About twice what was measured: a run on a noisy machine may fail only for a reason."""


def _per_token(results: Results) -> list[Figure]:
    rows = [
        *(
            Figure(f"send floor: one send(2) of 250 bytes, {mode}", "us", tuple(costs))
            for mode, costs in results.floor.items()
        ),
        *(
            Figure(f"HTTP SSE, tick 2 ms, 128 streams: CPU per token / send, {mode}", "x", values, limit)
            for mode, limit in (("together", 2.0), ("spread", None))
            for values in (_over_floor(results, mode),)
        ),
    ]
    for streams, (peer, what) in product((64, 256), _DYNAMO.items()):
        ours, theirs = f"http tick-20ms x{streams}", f"{peer} tick-20ms x{streams}"
        values = _ratio(results, ours, theirs, "token_us")
        name = f"HTTP SSE, tick 20 ms, {streams} streams: CPU per token / Dynamo's {what}"
        rows.append(Figure(name, "x", values, 0.5, reason=_why(results, "dynamo")))
    folded = _ratio(results, "http-whole tick-2ms x128", _HTTP_128, "token_us")
    rows.append(Figure("answer in one piece: CPU per token / streamed", "x", folded, 1.0))
    return rows


def _per_request(results: Results) -> list[Figure]:
    direct, cost = plan.first_token("triton").name, plan.one_token("http").name
    rows = [
        Figure(
            f"{title}: TTFT p50 added, one stream on a warm connection",
            "ms",
            paired(results, plan.first_token(door).name, direct, "ttft_p50_ms", lambda a, b: a - b),
            limit,
        )
        for door, title, limit in (("http", "HTTP SSE", 1.0), ("grpc", "gRPC", None))
    ]
    values = tuple(sample.request_ms for sample in results.samples.get(cost, ()))
    rows.append(Figure("HTTP SSE, answers of one token, 16 clients: CPU per request", "ms", values, 0.25))
    return rows


def _memory(results: Results) -> list[Figure]:
    memory = results.memory
    why = _why(results, "memory")
    return [
        Figure("RSS idle", "MB", (memory.idle / 1e6,) if memory else (), 60.0, reason=why),
        Figure("RSS per open stream", "KB", (memory.per_stream / 1e3,) if memory else (), 20.0, reason=why),
        Figure(
            "streams open at once in one process, none lost",
            "",
            (memory.streams,) if memory else (),
            plan.OPEN.load.streams,
            at_least=True,
            reason=why,
        ),
    ]


def _stalled(results: Results) -> list[Figure]:
    alone = results.samples.get(plan.BESIDE.name, ())
    pairs = tuple(zip(results.beside_stalled, alone, strict=False))
    return [
        Figure(
            "32 streams beside 8 clients that do not read: time / alone",
            "x",
            tuple(beside.sample.seconds / sample.seconds for beside, sample in pairs),
            1.05,
        ),
        Figure("memory for a client that does not read", "KB", tuple(b.per_stalled / 1e3 for b, _ in pairs)),
    ]


def _grpc(results: Results) -> list[Figure]:
    return [
        Figure(
            f"gRPC, {model}, {streams} streams: CPU per token / bare handler",
            "x",
            _ratio(results, f"grpc {model} x{streams}", f"grpc-floor {model} x{streams}", "token_us"),
            1.2,
        )
        for model, streams in (("tick-2ms", 32), ("tick-2ms", 128), ("tick-20ms", 64), ("tick-20ms", 256))
    ]


def _workers(results: Results) -> list[Figure]:
    cost = _ratio(results, "http-2-workers tick-2ms x128", _HTTP_128, "token_us")
    speed = _ratio(results, "http-2-workers burst x128", "http burst x128", "tokens_per_second")
    why, few = _why(results, "http-2-workers"), _why(results, "two cores for the server")
    return [
        Figure("two processes: CPU per token / one process", "x", cost, 1.1, reason=why),
        Figure(
            "two processes: tokens per second / one process",
            "x",
            () if few else speed,
            1.9,
            at_least=True,
            reason=why or few,
        ),
    ]


def _over_floor(results: Results, mode: str) -> tuple[float, ...]:
    samples: Sequence[Sample] = results.samples.get(_HTTP_128, ())
    floors = results.floor.get(mode, ())
    return tuple(sample.token_us / floor for sample, floor in zip(samples, floors, strict=False))


def _ratio(results: Results, ours: str, theirs: str, attribute: str) -> tuple[float, ...]:
    return paired(results, ours, theirs, attribute, lambda a, b: a / b)


def _why(results: Results, what: str) -> str:
    return results.skipped.get(what, "")
