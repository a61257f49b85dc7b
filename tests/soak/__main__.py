"""`python -m tests.soak`: a load of all kinds on two Tritons that keep failing, and what came of it.

Exit code 0: no token was lost or came twice, and nothing was left behind; 1: not so, and the logs are kept;
2: wrong arguments.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from pathlib import Path
from random import Random, randrange
from typing import Final

from bridge import loop
from tests.soak.faults import Faults
from tests.soak.load import Load
from tests.soak.stage import stage
from tests.soak.verdict import verdict
from tests.soak.watch import Watch

SECONDS: Final = 600.0
CLIENTS: Final = 24
SAMPLE: Final = 1.0
PROGRESS: Final = 5


async def _run(directory: Path, seconds: float, clients: int, seed: int) -> int:
    async with stage(directory) as playing:
        faults = Faults(playing.tritons, playing.proxies, Random(f"faults {seed}"))  # noqa: S311 - no secret
        load = Load(playing.doors, faults, Random(f"load {seed}"))  # noqa: S311
        watch = Watch(playing)
        failing = asyncio.create_task(faults.run())
        try:
            await load.warm_up(clients)
            await faults.calm()
            await watch.begin()
            faults.loose.set()
            await _follow(load, faults, failing, watch, seconds=seconds, clients=clients)
        finally:
            failing.cancel()
            await asyncio.wait([failing])
        return await verdict(playing, faults, load, watch, seconds)


async def _follow(
    load: Load, faults: Faults, failing: asyncio.Task[None], watch: Watch, *, seconds: float, clients: int
) -> None:
    """Let the clients loose, and watch and tell until they have gone.

    Raises:
        TritonFailed: one did not start again.
    """
    end = time.monotonic() + seconds
    loading = asyncio.create_task(load.run(clients, end))
    while not loading.done():
        await asyncio.wait([loading, failing], timeout=SAMPLE, return_when=asyncio.FIRST_COMPLETED)
        if failing.done():
            failing.result()
        watch.sample()
        if len(watch.samples) % PROGRESS == 0:
            left = max(end - time.monotonic(), 0)
            parts = (f"{left:4.0f} s left", load.progress(), watch.progress(), faults.progress())
            sys.stderr.write("  ".join(parts) + "\n")
    loading.result()


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long (default: %(default)g)")
    parser.add_argument("--clients", type=int, default=CLIENTS, help="at once (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="repeats the draws of an earlier run")
    args = parser.parse_args()
    seed = randrange(10**6) if args.seed is None else args.seed  # noqa: S311
    sys.stderr.write(f"soak: {args.seconds:g} s, {args.clients} clients, --seed {seed}\n")
    directory = Path(tempfile.mkdtemp(prefix="openai-bridge-soak-"))
    code = 1
    try:
        code = loop.run(_run(directory, args.seconds, args.clients, seed))
    finally:
        if code:
            sys.stderr.write(f"what was logged and recorded is in {directory}\n")
        else:
            shutil.rmtree(directory)
    return code


if __name__ == "__main__":
    sys.exit(main())
