"""A real Dynamo: its environment, the one that the benchmarks make under .cache/peers, and what runs in it.

A cluster is a folder: frontends and workers that share it find each other by file discovery and speak over
the TCP request plane, so that neither NATS nor etcd is needed. Everything is synchronous, for fixtures of any
scope; whatever a cluster starts ends with it.

    with Cluster(tmp_path) as cluster:
        frontend = cluster.http()        # OpenAI's API: frontend.address, frontend.process
        frontend = cluster.kserve()      # or KServe over gRPC
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.peers.dynamo import installed
from benchmarks.peers.ports import free_port
from benchmarks.processes import Process, StartError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

WITHIN: Final = 60.0
"""Seconds that anything of Dynamo may take to start, on a busy machine."""
POLL: Final = 0.02

__all__ = ["Cluster", "Frontend", "installed"]


@dataclass(frozen=True, slots=True)
class Frontend:
    """A frontend that listens."""

    process: Process
    address: str
    """HOST:PORT of OpenAI's API, or of KServe's gRPC."""


class Cluster(ExitStack):
    """Frontends and workers that find each other in one folder; `with` stops them all."""

    def __init__(self, folder: Path) -> None:
        """Prepare, with Dynamo's environment, which the first one makes; nothing runs yet.

        Args:
            folder: empty, for what the workers say of themselves: `v1/instances` and `v1/mdc`.

        Raises:
            StartError: Dynamo cannot be installed.
        """
        super().__init__()
        self.folder = folder
        self.python = str(installed() / "python")
        self.variables = {
            "DYN_FILE_KV": str(folder),
            "DYN_DISCOVERY_BACKEND": "file",
            "DYN_REQUEST_PLANE": "tcp",
            "DYN_EVENT_PLANE": "zmq",
            "HF_HUB_OFFLINE": "1",
            "HOME": str(folder),  # or copies of the models' files would stay in the user's
        }
        """What joins a process to the cluster."""

    def run(self, *command: str, ready: Sequence[str] = (), **variables: str) -> Process:
        """Start a Python program of Dynamo's environment in the cluster, such as `"-m", "dynamo.mocker"`.

        Args:
            command: arguments of its interpreter, which begins in this repository's folder.
            ready: regular expressions of what it writes when it is ready.
            variables: further ones of its environment, or other values.

        Raises:
            StartError: it ended, or was not ready in time.
        """
        started = Process(
            [self.python, *command],
            frozenset(os.sched_getaffinity(0)),
            ready=ready,
            environment=self.variables | variables,
            limit=WITHIN,
        )
        return self.enter_context(started)

    def http(self, *arguments: str, **variables: str) -> Frontend:
        """Start a frontend of OpenAI's API; it has the models of all workers, those that come later too."""
        return self._frontend(*arguments, **variables)

    def kserve(self, *arguments: str, **variables: str) -> Frontend:
        """Start a frontend of KServe's gRPC."""
        metrics = str(free_port())
        return self._frontend("--kserve-grpc-server", "--grpc-metrics-port", metrics, *arguments, **variables)

    def _frontend(self, *arguments: str, **variables: str) -> Frontend:
        port = free_port()
        where = ("--http-host", "127.0.0.1", "--http-port", str(port))
        process = self.run("-m", "dynamo.frontend", *where, *arguments, **variables)
        until = time.monotonic() + WITHIN
        while not _listens(port):
            if not process.alive or time.monotonic() > until:
                raise StartError(f"Dynamo's frontend does not listen:\n{process.log[-2000:]}")
            time.sleep(POLL)
        return Frontend(process, f"127.0.0.1:{port}")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
