"""The servers that are measured, and how each one is asked. Started once, for all rounds."""

from __future__ import annotations

import subprocess
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from benchmarks.floor import sends
from benchmarks.load import grpc
from benchmarks.load.http import HttpConnection
from benchmarks.plan import MODELS
from benchmarks.processes import Cores, Process, python

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.load.client import Asking

_DOORS: Final = (r"HTTP on http://(\S+)", r"gRPC on (\S+)")


@dataclass(frozen=True, slots=True)
class Server:
    """A process and one of its doors."""

    process: Process
    address: str
    """HOST:PORT."""
    connect: Callable[[str], Asking]
    """Makes a connection that asks a model."""
    beside: Mapping[str, Process] = field(default_factory=dict)
    """Processes without which it could not serve, by name."""


class Servers(AsyncExitStack):
    """All servers by name; `async with` stops them."""

    def __init__(self, cores: Cores) -> None:
        """Prepare; nothing runs yet."""
        super().__init__()
        self.cores = cores
        self.by_name: dict[str, Server] = {}
        self.mock: Process
        self.floor: Process
        self.receiver: sends.Receiver

    async def start(self) -> None:
        """Start what every run needs: the mock, the bridge, both floors.

        Raises:
            StartError: one does not start.
        """
        load = self.cores.load
        models = [part for model in MODELS for part in ("--model", model)]
        mock = python("-m", "benchmarks.mock_triton", "--port", "0", *models)
        self.mock = self.enter_context(Process(mock, load, ready=[r"mock on (\S+)", r"HTTP .*on (\S+)"]))
        self.by_name["triton"] = Server(self.mock, self.mock.found[0], grpc.triton)
        self.receiver, address = await self.enter_async_context(sends.receiving())
        command = python("-m", "benchmarks.floor.sends", address)
        self.floor = Process(command, self.cores.server, ready=["connecting"])
        self.enter_context(self.floor)
        for _ in range(sends.SOCKETS):
            await self.receiver.connected.acquire()
        handler = python("-m", "benchmarks.floor.grpc_handler")
        floor = self.enter_context(Process(handler, self.cores.server, ready=_DOORS[1:]))
        self.by_name["grpc-floor"] = Server(floor, floor.found[0], grpc.chat)
        bridge = self.bridge()
        self.by_name["http"] = Server(bridge, bridge.found[0], HttpConnection)
        self.by_name["http-whole"] = Server(bridge, bridge.found[0], _whole)
        self.by_name["grpc"] = Server(bridge, bridge.found[1], grpc.chat)

    def bridge(
        self, *arguments: str, cores: frozenset[int] | None = None, upstream: tuple[str, str] | None = None
    ) -> Process:
        """Start a bridge, in front of the mock where no `upstream` is given, else with its defaults."""
        before = upstream or ("--triton", self.mock.found[0])
        command = python("-m", "bridge", "serve", *before, "--http-port", "0")
        process = Process(
            [*command, "--grpc-port", "0", *arguments], cores or self.cores.server, ready=_DOORS
        )
        return self.enter_context(process)

    def start_workers(self) -> str:
        """Start a bridge of two processes; return why that is not possible, or nothing."""
        options = subprocess.run(  # noqa: S603 - our own command
            python("-m", "bridge", "serve", "--help"), capture_output=True, text=True, check=True
        ).stdout
        if "--workers" not in options:
            return "this bridge has no --workers"
        bridge = self.bridge("--workers", "2", cores=self.cores.two_servers)
        self.by_name["http-2-workers"] = Server(bridge, bridge.found[0], HttpConnection)
        return ""


def _whole(model: str) -> HttpConnection:
    return HttpConnection(model, stream=False)
