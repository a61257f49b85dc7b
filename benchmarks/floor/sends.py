"""The send floor: one send(2) of 250 bytes to each of 128 sockets every 2 ms, and nothing else.

Two ways of it. `together`: all sends of a tick one right behind the other, as a server may that has rendered
everything before; the reader is awake from the first to the last. `spread`: evenly over the tick, so that
each send has to wake the reader, which costs the sender more; a server that works between sends is nearer
to this one. The process connects to the address in its arguments, makes a run for every line of its
standard input, and prints what a send cost. `Receiver` is the other side, in the process that measures.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SOCKETS: Final = 128
SIZE: Final = 250
STEPS: Final = 400
TICK: Final = 0.002
MODES: Final = ("together", "spread")


class Receiver:
    """Counts what arrives."""

    def __init__(self) -> None:
        self.connected = asyncio.Semaphore(0)
        self.whole: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._missing = 0

    def expect(self) -> None:
        """Begin a run: `whole` is done when all its bytes are here."""
        self.whole = asyncio.get_running_loop().create_future()
        self._missing = STEPS * SOCKETS * SIZE

    def arrived(self, size: int) -> None:
        """Take the size of a read."""
        self._missing -= size
        if not self._missing:
            self.whole.set_result(None)


class _Reading(asyncio.Protocol):
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def connection_made(self, _: asyncio.BaseTransport) -> None:
        self._receiver.connected.release()

    def data_received(self, data: bytes) -> None:
        self._receiver.arrived(len(data))


@asynccontextmanager
async def receiving() -> AsyncIterator[tuple[Receiver, str]]:
    """Listen until the block ends; gives the receiver and its HOST:PORT."""
    receiver = Receiver()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Reading(receiver), "127.0.0.1", 0, backlog=SOCKETS)
    try:
        yield receiver, f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def main() -> None:
    """Connect; then one run per line of standard input."""
    print("connecting", flush=True)
    host, _, port = sys.argv[1].rpartition(":")
    sockets = [socket.create_connection((host, int(port))) for _ in range(SOCKETS)]
    for each in sockets:
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for line in sys.stdin:
        cost = _together(sockets) if line.strip() == MODES[0] else _spread(sockets)
        print(f"a send cost {cost * 1e6:.3f} us", flush=True)


def _together(sockets: list[socket.socket]) -> float:
    """Return the seconds of CPU per send, all of the process's."""
    data = bytes(SIZE)
    began, due = time.process_time(), time.monotonic()
    for _ in range(STEPS):
        due += TICK
        for each in sockets:
            each.sendall(data)
        time.sleep(max(0.0, due - time.monotonic()))
    return (time.process_time() - began) / (STEPS * SOCKETS)


def _spread(sockets: list[socket.socket]) -> float:
    """Return the seconds of CPU per send; what is spent on waiting for the next one's time is left out."""
    data, gap, spent = bytes(SIZE), TICK / SOCKETS, 0.0
    due = time.monotonic()
    for _ in range(STEPS):
        for each in sockets:
            began = time.thread_time()
            each.sendall(data)
            spent += time.thread_time() - began
            due = max(due + gap, time.monotonic())
            while time.monotonic() < due:
                pass
    return spent / (STEPS * SOCKETS)


if __name__ == "__main__":
    main()
