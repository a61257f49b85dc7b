"""Looks at a request plane from outside: asks everybody on it for their numbers, and gathers what comes."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Final

from nats.aio.client import Client
from nats.errors import Error as NatsError

from bridge.backends.nats_login import options
from bridge.operators.survey import Survey
from bridge.protocol.icp_subjects import Subjects

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from bridge.config import Nats
    from bridge.operators.survey import Snapshot

TIMEOUT: Final = 2
"""Seconds that the server has to answer."""
GATHERING: Final = 0.3
"""Seconds in which answers are awaited: nobody knows how many there will be."""


class Observer:
    """See the module. It changes nothing, and nobody notices it who is not asked."""

    def __init__(self, settings: Nats, urls: str) -> None:
        """Prepare; `connect` connects.

        Raises:
            ConfigError: a file of the login is broken.
        """
        self._settings, self._urls = settings, urls
        options(settings, urls)
        self._survey = Survey(Subjects(settings.prefix))
        self._inbox = f"{self._survey.subjects.inbox(secrets.token_hex(8))}.s"
        self._client = Client()
        self._said = ""
        """What the library or the server last complained of."""

    async def connect(self) -> None:
        """Connect to any of the servers; what is known of the plane stays.

        Raises:
            ConfigError: see `__init__`.
            ConnectionError: none can be reached, or lets us in; the text says which and why.
        """
        login = options(self._settings, self._urls)
        if self._client.is_connected:  # though it may be of no use any more
            await self._client.close()
        self._client, self._said = Client(), ""
        try:
            await self._client.connect(
                self._urls.split(","),
                name="status",
                error_cb=self._heard,
                allow_reconnect=False,
                # So it tries each server twice and gives up; without them it never would.
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=TIMEOUT,
                **login,
            )
            await self._client.subscribe(self._inbox, cb=self._told)
        except (OSError, NatsError, TimeoutError) as exc:
            await self._client.close()
            why = self._said or _why(exc)
            raise ConnectionError(f"{self._urls}: the request plane cannot be reached: {why}") from exc

    async def look(self) -> Snapshot:
        """Ask everybody, and return what is known then.

        Raises:
            ConnectionError: the connection is lost, or may not be used for this.
        """
        subjects, self._said = self._survey.subjects, ""
        self._survey.asking(asyncio.get_running_loop().time())
        try:
            for service in (subjects.front_ends, subjects.service):
                await self._client.publish(f"$SRV.STATS.{service}", reply=self._inbox)
            await self._client.flush(TIMEOUT)
        except (OSError, NatsError, TimeoutError) as exc:
            raise ConnectionError(f"{self._urls}: the request plane is lost: {_why(exc)}") from exc
        await asyncio.sleep(GATHERING)
        if self._said:
            raise ConnectionError(f"{self._urls}: {self._said}")
        return self._survey.snapshot()

    async def close(self) -> None:
        """Disconnect."""
        await self._client.close()

    async def _told(self, msg: Msg) -> None:
        self._survey.told(msg.data, asyncio.get_running_loop().time())

    async def _heard(self, exc: Exception) -> None:
        self._said = _why(exc)


def _why(exc: Exception) -> str:
    return str(exc) or type(exc).__name__
