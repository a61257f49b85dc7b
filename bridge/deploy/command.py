"""The command itself: its arguments, the file it reads, what it tells while it runs."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
import tomllib
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from bridge import loop
from bridge.config import ConfigError
from bridge.deploy import logs
from bridge.deploy.file import read
from bridge.deploy.ground import Ground
from bridge.deploy.plan import NatsCheck
from bridge.deploy.readiness import not_ready
from bridge.deploy.stages import DeploymentFailed, Stages

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from bridge.deploy.file import Deployment

LOG_DIR: Final = Path("logs")
LEVELS: Final = (0, 1, 2)
POLL: Final = 0.2
"""Seconds between two looks at a NATS that somebody else runs."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `deploy`."""
    # It is a configuration file, so that complaints begin with it.
    parser.add_argument("config", type=Path, metavar="FILE", help="deployment file, TOML")
    parser.add_argument(
        "--clear-logs", action="store_true", help="delete the logs of earlier runs of these processes first"
    )
    parser.add_argument(
        "--log-dir", type=Path, default=LOG_DIR, metavar="DIR", help=f"where logs go (default: {LOG_DIR})"
    )
    parser.add_argument(
        "--log-level",
        type=int,
        choices=LEVELS,
        metavar="N",
        help="of all processes: 0 errors, 1 info, 2 debug (default: as each one is configured)",
    )


def run(args: argparse.Namespace) -> int:
    """Run a deployment; return the exit code.

    Raises:
        ConfigError: the file is wrong; the text begins with the path of what is.
        OSError: a file cannot be read or written, or a port is in use.
    """
    return loop.run(_run(args, sys.stdout, sys.stderr))


async def _run(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    begun = time.monotonic()
    say = partial(_say, out)

    def started() -> None:
        seconds = time.monotonic() - begun
        say(f"Everything is ready after {seconds:.1f} s. Logs are in {args.log_dir}. Press Ctrl-C to exit.")

    deployment, base = _read(args.config)
    with ExitStack() as held, tempfile.TemporaryDirectory(prefix="openai-bridge-deploy-") as scratch:
        ground = Ground(deployment, base, held=held, work_dir=Path(scratch), level=args.log_level)
        stages = ground.stages()
        args.log_dir.mkdir(parents=True, exist_ok=True)
        if args.clear_logs:
            cleared = logs.clear(args.log_dir, [entry.name for _, entry in deployment.entries])
            say(f"Deleted {cleared} old logs in {args.log_dir}")
        try:
            await _reach_nats(deployment, say)
            running = Stages(stages, log_dir=args.log_dir, timeouts=deployment.timeouts, say=say)
            await running.run(started)
        except DeploymentFailed as exc:
            err.write(f"openai-bridge deploy: {exc}\n")
            return 1
    say("Everything has ended.")
    return 0


def _say(out: TextIO, text: str) -> None:
    with suppress(BrokenPipeError):  # nobody listens any more: the deployment goes on
        out.write(f"{text}\n")
        out.flush()


def _read(path: Path) -> tuple[Deployment, Path]:
    """Return what a file says, and the directory that paths in it are relative to."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"not TOML: {exc}") from exc
    base = path.parent.absolute()
    return read(table, base), base


async def _reach_nats(deployment: Deployment, say: Callable[[str], None]) -> None:
    """Wait for the NATS that somebody else runs, if the file names one."""
    urls = None if deployment.nats is None else deployment.nats.url
    if urls is None:
        return
    places = [url.partition("://")[2].rpartition(":") for url in urls.split(",")]
    checks = [NatsCheck(host.strip("[]"), int(port)) for host, _, port in places]
    say(f"Waiting for NATS at {urls}")
    late = time.monotonic() + deployment.timeouts.start_timeout
    while None not in [await not_ready(check, 0) for check in checks]:
        if time.monotonic() > late:
            raise DeploymentFailed(f"nats.url: no NATS server answers at {urls}")
        await asyncio.sleep(POLL)
