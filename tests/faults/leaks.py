"""What a process holds, so that a test sees that nothing of it is left when it is over."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bridge.backends.relay import Relay
from bridge.handlers.outlet import Pump
from bridge.observability.record import RequestRecord
from bridge.protocol.exchange import Exchange
from tests.eventually import eventually
from tests.faults.fleet import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.app import Bridge
    from tests.tritonserver import RunningTriton

WITHIN = 5.0
OF_REQUESTS = {Exchange, Pump, Relay, RequestRecord}
"""What a request is made of: who keeps one of them keeps all that hangs on it."""


@dataclass(frozen=True)
class Held:
    """Counts of this process, where bridges, clients and proxies of a test run."""

    tasks: int
    files: int
    """Open file descriptors, sockets among them."""

    @classmethod
    def now(cls) -> Self:
        """Count; from now on the garbage collector knows new objects only, so that it finds them soon."""
        gc.freeze()
        return cls(len(asyncio.all_tasks()), len(list(Path("/proc/self/fd").iterdir())))

    async def again(self, bridges: Sequence[Bridge]) -> None:
        """Return when the bridges hold no more than this, have no requests, and nothing of earlier ones."""

        def left() -> dict[str, float]:
            files = len(list(Path("/proc/self/fd").iterdir()))
            found: dict[str, float] = {
                "tasks": max(len(asyncio.all_tasks()) - self.tasks, 0),
                "files": max(files - self.files, 0),
                "requests": sum(count(one, "requests_in_flight") for one in bridges),
                "generations": sum(count(one, "upstream_requests_in_flight") for one in bridges),
            }
            return {name: number for name, number in found.items() if number}

        try:
            await eventually(lambda: not left(), WITHIN)
        except TimeoutError:
            raise AssertionError(f"left after {WITHIN} s: {left()}") from None
        if _objects():
            gc.collect()  # they may hold one another, by the traceback of a failure
            assert _objects() == []


def _objects() -> list[object]:
    return [one for one in gc.get_objects() if type(one) in OF_REQUESTS]


async def all_ended(tritons: Sequence[RunningTriton], tag: str) -> None:
    """Return when every generation of a tag has ended on its server, however."""

    def running() -> list[str]:
        events = [event for one in tritons for event in one.events(tag)]
        ended = {event["id"] for event in events if event["event"] != "request"}
        return [event["id"] for event in events if event["id"] not in ended]

    try:
        await eventually(lambda: not running(), WITHIN)
    except TimeoutError:
        raise AssertionError(f"still running on Triton after {WITHIN} s: {running()}") from None
