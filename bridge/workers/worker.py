"""One worker: `python -m bridge.workers.worker`, started by a parent, of no use by hand.

It runs a bridge as a single process would. When its parent ends, however that may be, it drains and ends too.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import shutil
import signal
import sys
from typing import TYPE_CHECKING

from bridge.app import Bridge
from bridge.config import ConfigError
from bridge.loop import run
from bridge.observability import log
from bridge.observability.metrics import Metrics
from bridge.observability.shared_counts import SharedCounts
from bridge.workers.job import Answer, Outcome
from bridge.workers.single import serve

if TYPE_CHECKING:
    from bridge.workers.job import Job


def main() -> int:
    """Do the job on standard input; return the exit code."""
    answers = _take_standard_output()
    try:
        job: Job = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the parent's own memory
    except EOFError:  # the parent has ended already
        return 1
    log.configure(
        job.config.log_level,
        job.config.log_format,
        prefix=f"{job.log_prefix}[worker {job.number}] ",
        facts={"worker": job.number},
    )
    try:
        run(_work(job, answers))
    except ConfigError as exc:
        os.write(answers, Answer(Outcome.WRONG_SETTING, str(exc)).pack())
    except OSError as exc:
        os.write(answers, Answer(Outcome.NO_ADDRESS, str(exc)).pack())
    else:
        return 0
    return 1


async def _work(job: Job, answers: int) -> None:
    orphaned = asyncio.Event()

    def parent_ended() -> None:
        loop.remove_reader(sys.stdin.fileno())
        orphaned.set()
        os.kill(os.getpid(), signal.SIGTERM)

    def listening(_http_port: int, _grpc_port: int) -> None:
        os.write(answers, Answer(Outcome.LISTENING).pack())

    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), parent_ended)
    counts = SharedCounts(job.counts, job.number)
    await serve(Bridge(job.config, metrics=Metrics(counts), reuse_port=True), listening)
    if orphaned.is_set():
        shutil.rmtree(job.counts, ignore_errors=True)


def _take_standard_output() -> int:
    """Keep standard output for the answer; what is printed by mistake goes to standard error."""
    answers = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


if __name__ == "__main__":
    sys.exit(main())
