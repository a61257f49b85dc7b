"""Starting all peers; one that does not start is told and left out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks import plan
from benchmarks.peers import dynamo, litellm
from benchmarks.processes import StartError

if TYPE_CHECKING:
    from benchmarks.plan import Scenario
    from benchmarks.servers import Servers


async def start_peers(servers: Servers) -> tuple[list[Scenario], dict[str, str]]:
    """Start both peers; return their loads, and which of them cannot be measured and why."""
    scenarios: list[Scenario] = []
    skipped = {}
    for name, start, loads in (
        ("dynamo", dynamo.start, plan.DYNAMO),
        ("litellm", litellm.start, plan.LITELLM),
    ):
        try:
            await start(servers)
        except StartError as exc:
            sys.stderr.write(f"{exc}\n")
            skipped[name] = "it did not start"
        else:
            scenarios += loads
    return scenarios, skipped
