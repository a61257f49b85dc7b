"""A connection to the request plane that comes back by itself.

Each connection is new: what was subscribed is subscribed again, what was not sent is forgotten. Whoever waits
for an answer is told of the loss instead.
"""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

from nats.errors import Error as NatsError

from bridge.backends.nats_wire import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

logger = logging.getLogger(__name__)

PAUSE: Final = 0.2
"""Seconds between two tries to connect, more or less."""
LOOK: Final = 0.25
"""Seconds between two looks at whether the connection still stands, should nobody have told."""
CONNECT_TIMEOUT: Final = 2
PING_INTERVAL: Final = 10
CLOSE_TIMEOUT: Final = 2.0
"""Seconds that a connection may take to send what is left."""
MOST_WAITING: Final = 16 * 1024 * 1024
"""Bytes that may wait for a server that stands still: it is found out by pings, requests must not pile up."""
MOST_REFUSED: Final = 10
"""Subjects without a permission that are told of; of inboxes there may be many."""


class Party(Protocol):
    """Who uses a link."""

    def connected(self, connection: Connection) -> None:
        """Subscribe, on a new connection."""

    def lost(self) -> None:
        """Give up what waits for an answer: it will not come."""


class Link:
    """See the module."""

    def __init__(
        self, urls: Sequence[str], party: Party, options: Callable[[], Mapping[str, Any]], name: str
    ) -> None:
        """Prepare; `start` connects.

        Args:
            urls: of the servers, any of which will do.
            party: subscribes, and hears of the loss.
            options: makes the login and the like, anew for each connection: files may have changed.
            name: shown by the server.
        """
        self._urls = list(urls)
        self._party = party
        self._options = options
        self._name = name
        self._connection = Connection()
        self._keeping: asyncio.Task[None] | None = None
        self._complained = False
        self._refused: set[str] = set()
        self.up = asyncio.Event()
        """Set while messages can be sent."""

    def start(self) -> None:
        """Begin to connect."""
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep())

    @property
    def max_payload(self) -> int:
        """Bytes of the largest message that the server takes."""
        return self._connection.max_payload

    @property
    def trouble(self) -> str:
        """Why nothing can be sent; empty: it can."""
        if not self.up.is_set():
            return "the request plane cannot be reached"
        behind = self._connection.wire.waiting > MOST_WAITING
        return "the request plane takes nothing any more" if behind else ""

    def post(
        self, subject: str, data: bytes = b"", reply: str = "", headers: dict[str, str] | None = None
    ) -> None:
        """Send a message; without a connection it is dropped. It must not be larger than `max_payload`."""
        if self.up.is_set():
            self._connection.wire.publish(subject, data, reply, headers)

    async def close(self) -> None:
        """Send what is left, and disconnect."""
        with suppress(TimeoutError, NatsError, OSError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                if self.up.is_set():
                    await self._connection.flush()
        self.up.clear()
        while self._keeping is not None and not self._keeping.done():
            self._keeping.cancel()  # asyncio.wait_for, in the library, may swallow one (Python 3.11)
            await asyncio.wait([self._keeping], timeout=0.1)
        await self._connection.close()

    async def _keep(self) -> None:
        while True:
            over = asyncio.Event()
            try:
                await self._connect(over)
            except Exception as exc:  # noqa: BLE001 - whatever it is: a file of the login may be right again
                self._complain(exc)
            else:
                while not self._connection.is_closed:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(LOOK):
                            await over.wait()
                logger.warning("the request plane is lost")
            self.up.clear()
            self._party.lost()
            await self._connection.close()
            await asyncio.sleep(PAUSE * random.uniform(0.5, 1.5))  # noqa: S311 - no secret

    async def _connect(self, over: asyncio.Event) -> None:
        async def closed() -> None:
            over.set()

        options = self._options()
        self._connection = connection = Connection(secure="tls" in options)
        await connection.connect(
            self._urls,  # in any order: the library shuffles them
            name=self._name,
            closed_cb=closed,
            error_cb=self._heard,
            allow_reconnect=False,
            reconnect_time_wait=0,  # each server is tried twice; then it is for us to wait
            max_reconnect_attempts=1,
            connect_timeout=CONNECT_TIMEOUT,
            ping_interval=PING_INTERVAL,
            **options,
        )
        self._party.connected(connection)
        self.up.set()  # before anything is heard: what is asked at once must be answered
        await connection.flush(CONNECT_TIMEOUT)
        self._complained = False
        logger.info("the request plane is connected")

    async def _heard(self, exc: Exception) -> None:
        """Take what the library or the server complains of; what may not be said or heard is told, once."""
        text = str(exc)
        if (
            "permissions violation" in text
            and text not in self._refused
            and len(self._refused) < MOST_REFUSED
        ):
            self._refused.add(text)
            logger.warning("the request plane: %s", text)

    def _complain(self, exc: Exception) -> None:
        if not self._complained:
            self._complained = True
            logger.warning("the request plane cannot be reached: %s", str(exc) or type(exc).__name__)
