"""Whether a Triton still generates: it is asked again and again, past its proxy and the bridge."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Final

import grpc

from tests.families import messages, told
from tests.soak.plan import PLAIN

BEAT: Final = 0.5
"""Seconds between two questions."""

WAIT: Final = 2.0
"""Seconds that an answer of one word may take."""


class Pulse:
    """Of one server."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.felt = time.monotonic()
        """When it answered last, or could not be expected to."""

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            # One that is down or stopped just now is somebody else's to notice.
            with contextlib.suppress(grpc.aio.AioRpcError, TimeoutError):
                async with asyncio.timeout(WAIT):
                    await messages(self._address, PLAIN, text_input=told(words=1), stream=True)
                self.felt = time.monotonic()
            await asyncio.sleep(BEAT)
