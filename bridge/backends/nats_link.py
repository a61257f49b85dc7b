"""A connection to the request plane that comes back by itself.

Each connection is new: what was subscribed is subscribed again, what was not sent is forgotten. Whoever waits
for an answer is told of the loss instead. Publishing is not awaited: one task sends in order.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

from nats.aio.client import Client
from nats.errors import Error as NatsError

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


class Party(Protocol):
    """Who uses a link."""

    async def connected(self, client: Client) -> None:
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
        self._client = Client()
        self._outbox: deque[tuple[str, bytes, str, dict[str, str] | None]] = deque()
        self._mail = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._complained = False
        self.up = asyncio.Event()
        """Set while messages can be sent."""

    def start(self) -> None:
        """Begin to connect."""
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._keep()), asyncio.create_task(self._send())]

    @property
    def max_payload(self) -> int:
        """Bytes of the largest message that the server takes."""
        return self._client.max_payload

    def post(
        self, subject: str, data: bytes = b"", reply: str = "", headers: dict[str, str] | None = None
    ) -> None:
        """Send a message; without a connection it is dropped. It must not be larger than `max_payload`."""
        if self.up.is_set():
            self._outbox.append((subject, data, reply, headers))
            self._mail.set()

    async def close(self) -> None:
        """Send what is left, and disconnect."""
        with suppress(TimeoutError, NatsError, OSError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                if self.up.is_set():
                    await self._empty()
                    await self._client.flush()
        self.up.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.close()

    async def _keep(self) -> None:
        while True:
            over = asyncio.Event()
            try:
                await self._connect(over)
            except (OSError, NatsError, TimeoutError) as exc:
                self._complain(exc)
            else:
                while not self._client.is_closed:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(LOOK):
                            await over.wait()
                logger.warning("the request plane is lost")
            self.up.clear()
            self._outbox.clear()
            self._party.lost()
            await self._client.close()
            await asyncio.sleep(PAUSE * random.uniform(0.5, 1.5))  # noqa: S311 - no secret

    async def _connect(self, over: asyncio.Event) -> None:
        async def closed() -> None:
            over.set()

        self._client = client = Client()
        await client.connect(
            random.sample(self._urls, len(self._urls)),
            name=self._name,
            closed_cb=closed,
            error_cb=_heard,
            allow_reconnect=False,
            connect_timeout=CONNECT_TIMEOUT,
            ping_interval=PING_INTERVAL,
            **self._options(),
        )
        await self._party.connected(client)
        await client.flush(CONNECT_TIMEOUT)
        self._complained = False
        logger.info("the request plane is connected")
        self.up.set()

    async def _send(self) -> None:
        while True:
            await self._mail.wait()
            self._mail.clear()
            await self._empty()

    async def _empty(self) -> None:
        client = self._client
        while self._outbox:
            subject, data, reply, headers = self._outbox.popleft()
            try:
                await client.publish(subject, data, reply, headers)
            except (NatsError, OSError):  # lost: `_keep` finds out
                self._outbox.clear()

    def _complain(self, exc: Exception) -> None:
        if not self._complained:
            self._complained = True
            logger.warning("the request plane cannot be reached: %s", exc or type(exc).__name__)


async def _heard(exc: Exception) -> None:
    logger.debug("NATS: %s", type(exc).__name__)
