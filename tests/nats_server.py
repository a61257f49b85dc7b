"""A real NATS server on a free port of the loopback, which a test may kill and have back."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.demo.ports import HOST, bound
from tests.stopped import stopped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from nats.aio.client import Client

WITHIN = 5.0
COMMAND = Path(sys.executable).parent / "nats-server"


class NatsServer:
    """One server; it keeps its port when it is started again."""

    def __init__(self, tmp: Path, held: ExitStack, *, settings: str = "", scheme: str = "nats") -> None:
        self.port = bound(HOST, 0, held)
        self._config = tmp / "nats.conf"
        self._config.write_text(settings)
        self._log = tmp / "nats.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"{scheme}://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        options = ["-a", "127.0.0.1", "-p", str(self.port), "-c", str(self._config), "-l", str(self._log)]
        said = self._log.stat().st_size if self._log.exists() else 0
        self._process = subprocess.Popen([COMMAND, *options])
        deadline = time.monotonic() + WITHIN
        while not self._listens(said):
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, "NATS did not start in time"
            time.sleep(0.005)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(WITHIN)
            self._process = None

    def stopped(self) -> AbstractContextManager[None]:
        """Let it stand still until the block ends."""
        assert self._process is not None
        return stopped(self._process.pid)

    def _listens(self, since: int) -> bool:
        with suppress(OSError):
            return "Server is ready" in self._log.read_text()[since:]
        return False


@contextmanager
def nats_server(tmp: Path, *, settings: str = "", scheme: str = "nats") -> Iterator[NatsServer]:
    """Run a server until the block ends."""
    with ExitStack() as held:
        server = NatsServer(tmp, held, settings=settings, scheme=scheme)
        server.start()
        try:
            yield server
        finally:
            server.kill()


async def taken(client: Client) -> None:
    """Return when the server has taken all that a client of the library's has said.

    The library's PING is written at once, before what its other task is still to write (nats-py 2.16): the
    second one comes after that.
    """
    for _ in range(2):
        await client.flush()
