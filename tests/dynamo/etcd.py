"""A real etcd on a free port of the loopback, which a test may kill and have back."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from base64 import b64decode, b64encode
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from benchmarks.peers.ports import free_port
from tests.programs import program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WITHIN = 20.0


class Etcd:
    """One server; it keeps its port and its data when it is started again."""

    def __init__(self, folder: Path) -> None:
        found = program("etcd", ".ci/run builds it with Go")
        self.address = f"127.0.0.1:{free_port()}"
        url, peer = f"http://{self.address}", f"http://127.0.0.1:{free_port()}"
        self._command = [
            *(found, "--data-dir", str(folder), "--log-level", "error", "--unsafe-no-fsync"),
            *("--listen-client-urls", url, "--advertise-client-urls", url),
            *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
            *("--initial-cluster", f"default={peer}"),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + WITHIN
        while True:
            try:
                self.leases()
            except OSError:
                assert self._process.poll() is None, "etcd has ended"
                assert time.monotonic() < until, "etcd did not start in time"
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(WITHIN)
            self._process = None

    def ask(self, method: str, **question: Any) -> Any:
        """Ask its JSON gateway."""
        data = json.dumps(question).encode()
        with urllib.request.urlopen(f"http://{self.address}/v3/{method}", data, WITHIN) as answer:
            return json.load(answer)

    def leases(self) -> dict[str, int]:
        """Return all keys and their leases."""
        every = b64encode(b"\0").decode()
        found = self.ask("kv/range", key=every, range_end=every).get("kvs", ())
        return {b64decode(item["key"]).decode(): int(item.get("lease", 0)) for item in found}


@contextmanager
def etcd_server(folder: Path) -> Iterator[Etcd]:
    """Run a server until the block ends."""
    server = Etcd(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()
