"""The command lines of the processes. No I/O: all that is open has been chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.demo import DEMO_REPOSITORY
from bridge.demo.options import TritonOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from bridge.demo.ports import Ports
    from bridge.deploy.entries import BridgeEntry, FrontendEntry, NatsEntry, TritonEntry

DEMO: Final = "demo"
"""The repository of the demo."""

BRIDGE_LEVELS: Final = ("error", "info", "debug")
"""What the levels 0, 1 and 2 are to the bridge; to the others, these arguments:"""
TRITON_LEVELS: Final = (("--log-info=false", "--log-warning=false"), (), ("--log-verbose=1",))
NATS_LEVELS: Final[Sequence[tuple[str, ...]]] = ((), (), ("-D",))


def nats(program: str, entry: NatsEntry, port: int, level: int | None) -> tuple[str, ...]:
    """Return how nats-server is started."""
    own = () if entry.config is None else ("-c", str(entry.config))
    return (program, *own, "-a", entry.host, "-p", str(port), *NATS_LEVELS[level or 0])


def triton(
    program: str,
    entry: TritonEntry,
    base: Path,
    *,
    backends: Path | None,
    ports: Ports,
    run_id: str,
    level: int | None,
) -> tuple[str, ...]:
    """Return how tritonserver is started.

    Args:
        program: the executable.
        entry: of the file.
        base: the directory that its repository is relative to.
        backends: the directory of backends; None: the program knows its own.
        ports: all chosen.
        run_id: names the server.
        level: of its log.
    """
    options = TritonOptions(
        repository=DEMO_REPOSITORY if entry.repository == DEMO else base / entry.repository,
        work_dir=base,
        exit_timeout=entry.exit_timeout,
        extra_args=(*(() if level is None else TRITON_LEVELS[level]), *entry.arguments),
    )
    return (program, *options.arguments(ports=ports, backends=backends, run_id=run_id))


def worker(entry: BridgeEntry, *, url: str, server: str, level: int | None) -> tuple[str, ...]:
    """Return the arguments of a worker."""
    return ("worker", *_arguments({"nats": [url], "triton": [server]}), *_shared(entry, level))


def frontend(
    entry: FrontendEntry, upstream: Mapping[str, Iterable[str]], ports: Sequence[int], level: int | None
) -> tuple[str, ...]:
    """Return the arguments of a front end.

    Args:
        entry: of the file.
        upstream: `upstream` or `triton`, and its values.
        ports: of HTTP and gRPC.
        level: of its log.
    """
    own = {
        "host": entry.host,
        "http-port": ports[0],
        "grpc-port": ports[1],
        "workers": entry.workers,
        "default-model": entry.default_model,
    }
    given = {key: [str(value)] for key, value in own.items() if value is not None}
    return ("serve", *_arguments({**upstream, **given}), *_shared(entry, level))


def _shared(entry: BridgeEntry, level: int | None) -> tuple[str, ...]:
    own = {
        "config": entry.config,
        "log-format": entry.log_format,
        "log-level": None if level is None else BRIDGE_LEVELS[level],
    }
    return _arguments({key: [str(value)] for key, value in own.items() if value is not None})


def _arguments(flags: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    # As one word each: a value may begin with a dash.
    return tuple(f"--{key}={value}" for key, values in flags.items() for value in values)
