"""Questions to single workers of a request plane, each with one answer."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING

from bridge.errors import BridgeError, Reason
from bridge.protocol.nats_wire import STATUS

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.protocol.nats_wire import Message


class Inquiries:
    """See the module; those of one front end."""

    def __init__(self) -> None:
        self._numbers = count()
        self._answers: dict[str, asyncio.Future[Message]] = {}

    def __len__(self) -> int:
        """Return how many have no answer yet."""
        return len(self._answers)

    async def ask(self, send: Callable[[str], object], limit: float) -> Message:
        """Return the answer to a question; it is sent with a number, which its answer must bear.

        Raises:
            BridgeError: BACKEND_UNAVAILABLE, it does not come within `limit` seconds, or `fail` was called.
        """
        number = str(next(self._numbers))
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            send(number)
            async with asyncio.timeout(limit):
                msg = await answer
        except TimeoutError:
            raise BridgeError(Reason.BACKEND_UNAVAILABLE, "the worker does not answer") from None
        finally:
            del self._answers[number]
        if (msg.headers or {}).get(STATUS) == "503":
            raise BridgeError(Reason.BACKEND_UNAVAILABLE, "the worker has gone")
        return msg

    def answered(self, number: str, msg: Message) -> None:
        """Take an answer; one that nobody waits for is dropped."""
        answer = self._answers.get(number)
        if answer is not None and not answer.done():
            answer.set_result(msg)

    def fail(self, error: BridgeError) -> None:
        """Fail all of them: no answer will come."""
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(BridgeError(error.reason, error.message))
