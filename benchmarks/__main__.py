"""`python -m benchmarks`: the whole run, or `--smoke` for a short one that judges ratios only.

Exit code 0: measured (whether targets are met is told, not judged); 1: an answer was not whole, a server did
not start, or a ratio of the smoke run is over its limit; 2: wrong arguments.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import plan, report
from benchmarks.document import rewrite
from benchmarks.figures import figures, ratios
from benchmarks.measure import LostTokenError
from benchmarks.memory import raise_limit
from benchmarks.peers.starting import start_peers
from benchmarks.plane import start_plane
from benchmarks.plot import draw
from benchmarks.processes import Cores, StartError
from benchmarks.rounds import run_rounds
from benchmarks.servers import Servers

if TYPE_CHECKING:
    from benchmarks.rows import Results


async def _smoke(cores: Cores) -> int:
    async with Servers(cores) as servers:
        await servers.start()
        why = start_plane(servers)
        scenarios = plan.SMOKE if why else (*plan.SMOKE, *plan.SMOKE_PLANE)
        results = await run_rounds(servers, scenarios, plan.SMOKE_ROUNDS, memory=False)
    if why:
        results.skipped["plane"] = why
    rows = ratios(results)
    print(report.loads(results), report.targets(rows), sep="\n\n")
    return 0 if all(figure.met or figure.reason for figure in rows) else 1


async def _whole(args: argparse.Namespace, cores: Cores) -> Results:
    async with Servers(cores) as servers:
        await servers.start()
        scenarios = [*plan.HTTP, *plan.WHOLE, *plan.GRPC, *plan.FIRST_TOKEN]
        skipped = {}
        if why := servers.start_workers():
            skipped["http-2-workers"] = why
        else:
            scenarios += plan.WORKERS
        if why := start_plane(servers):
            skipped["plane"] = why
        else:
            scenarios += plan.PLANE
        if len(cores.two_servers) == 1:
            skipped["two cores for the server"] = "this needs four cores"
        more, without = await start_peers(servers) if args.peers else ((), {"dynamo": "run with PEERS=1"})
        scenarios += more
        wanted = [scenario for scenario in scenarios if args.only in scenario.name]
        results = await run_rounds(servers, wanted, args.rounds, memory=not args.only)
        results.skipped |= skipped | without
        for name in {scenario.server for scenario in more}:
            results.peer_memory[name] = servers.by_name[name].process.most_rss()
    return results


def main() -> int:
    """Run the command."""
    args = _parser().parse_args()
    if not Path("/proc/self/stat").exists():
        sys.stderr.write("benchmarks: this needs Linux and its /proc\n")
        return 2
    raise_limit()
    cores = Cores.of_this_machine()
    os.sched_setaffinity(0, cores.load)
    try:
        if args.smoke:
            return asyncio.run(_smoke(cores))
        results = asyncio.run(_whole(args, cores))
    except (LostTokenError, StartError) as exc:
        sys.stderr.write(f"\nbenchmarks: {exc}\n")
        return 1
    print(report.loads(results), report.targets(figures(results)), sep="\n\n")
    print(f"\n{report.write(report.as_json(results, vars(args)))}")
    if args.plot:
        draw(results, args.plot)
    if args.document:
        rewrite(Path(args.document), results, args.rounds)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="What a streamed token costs.")
    parser.add_argument(
        "--rounds", type=int, default=plan.ROUNDS, help="medians are of these (default: %(default)s)"
    )
    parser.add_argument(
        "--peers", action="store_true", help="measure Dynamo's frontend and LiteLLM's proxy too"
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="only loads whose name has this text")
    parser.add_argument("--plot", metavar="FILE.png", help="draw CPU per token over streams")
    parser.add_argument("--document", metavar="FILE.md", help="put the figures between its marks")
    parser.add_argument("--smoke", action="store_true", help="half a minute, judged by ratios: for CI")
    return parser


if __name__ == "__main__":
    sys.exit(main())
