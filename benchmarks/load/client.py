"""What both clients share: a connection that asks, keeps what comes, and asks again."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, cast

from benchmarks.load.outcome import Answer, Outcome, add_up
from benchmarks.tokens import text

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST: Final = text(0).encode()
_CONNECT_AT_ONCE: Final = 256
"""Connections that are opened together: no backlog may be full."""


class Asking(asyncio.Protocol):
    """One connection: one answer after the other. What an answer's bytes mean is the subclass's matter."""

    def __init__(self) -> None:
        """Prepare to connect."""
        self.answers: list[Answer] = []
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._left = 0
        self._tokens = 0
        self._done: asyncio.Future[None] | None = None
        self.ready = self._loop.create_future()
        """Done when the first request may be sent."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self.ready.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the running answer."""
        if self._done is not None and not self._done.done():
            self.fail(f"the connection was lost: {exc}")

    def ask(self, requests: int, tokens: int) -> asyncio.Future[None]:
        """Make so many requests, one after the other; the future ends with the last answer."""
        self.answers = []
        self._left, self._tokens = requests, tokens
        self._done = self._loop.create_future()
        self._next()
        return self._done

    def request(self, tokens: int) -> bytes:
        """Return the bytes of the next request, for an answer of so many tokens."""
        raise NotImplementedError

    def check(self, answer: Answer) -> str:
        """Return what is wrong with an answer."""
        raise NotImplementedError

    def take(self, data: bytes) -> Answer:
        """Keep a piece of the running answer."""
        answer = self.answers[-1]
        answer.pieces.append(data)
        if not answer.first and FIRST in b"".join(answer.pieces):
            answer.first = self._loop.time()
        return answer

    def complete(self) -> None:
        """End the running answer."""
        self.answers[-1].ended = self._loop.time()
        self._left -= 1
        if self._left:
            self._next()
        elif self._done is not None and not self._done.done():
            self._done.set_result(None)

    def fail(self, why: str) -> None:
        """End the running answer and all that would follow: they would only fail once more."""
        self.answers[-1].broken = why
        self._left = 1
        self.complete()

    def close(self) -> None:
        """Close the connection."""
        self._done = None
        self._transport.abort()

    def _next(self) -> None:
        data = self.request(self._tokens)
        self.answers.append(Answer(self._tokens, self._loop.time()))
        self._transport.write(data)


class Measured(Protocol):
    """Hears when a run begins and ends."""

    def begin(self) -> None:
        """All connections are open and warm, nothing is asked yet."""

    def end(self) -> None:
        """The last answer is complete."""


@dataclass(frozen=True, slots=True)
class Load:
    """How much is asked."""

    streams: int
    """Connections, each with one answer at a time."""
    requests: int
    """One after the other on every connection."""
    tokens: int
    warm: bool = True
    """Whether every connection gets an answer of one token before."""
    limit: float = 120.0
    """Seconds that a run may take."""


async def run(
    address: str,
    load: Load,
    make: Callable[[], Asking],
    measured: Measured | None = None,
) -> Outcome:
    """Put a load on the server at HOST:PORT; `make` builds a connection."""
    host, _, port = address.rpartition(":")
    loop = asyncio.get_running_loop()
    connections: list[Asking] = []
    try:
        while len(connections) < load.streams:
            some = min(_CONNECT_AT_ONCE, load.streams - len(connections))
            made = [loop.create_connection(make, host, int(port)) for _ in range(some)]
            connections += [protocol for _, protocol in await asyncio.gather(*made)]
        async with asyncio.timeout(load.limit):
            await asyncio.gather(*(connection.ready for connection in connections))
        if load.warm:
            await _all(connections, 1, 1, load.limit)
        gc.collect()
        if measured is not None:
            measured.begin()
        await _all(connections, load.requests, load.tokens, load.limit)
        if measured is not None:
            measured.end()
    finally:
        for connection in connections:
            connection.close()
    answers = [answer for connection in connections for answer in connection.answers]
    failures = [
        why
        for connection in connections
        for answer in connection.answers
        if (why := answer.broken or connection.check(answer))
    ]
    return add_up(answers, failures)


async def _all(connections: list[Asking], requests: int, tokens: int, limit: float) -> None:
    loop = asyncio.get_running_loop()
    asked = [connection.ask(requests, tokens) for connection in connections]
    timer = loop.call_later(limit, _give_up, connections, limit)
    try:
        await asyncio.gather(*asked)
    finally:
        timer.cancel()


def _give_up(connections: list[Asking], limit: float) -> None:
    for connection in connections:
        connection.connection_lost(TimeoutError(f"no end after {limit:.0f} s"))
