"""Workers and front ends that only beat and hear: a thousand of them in one process, for the model of scale.

`python -m benchmarks.plane_fleet HOST:PORT WORKERS FRONT_ENDS` runs them until it is stopped. The workers
have the subscriptions of real ones and tell of their models; nobody can generate anything with them.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from tritonclient.grpc import service_pb2

from benchmarks.memory import raise_limit
from benchmarks.mock_triton import answers
from benchmarks.plane_scale import BEATS, SUBJECTS, heartbeat
from bridge.protocol.nats_wire import Reader, publication, subscription

if TYPE_CHECKING:
    from bridge.protocol.nats_wire import Message

MODELS: Final = 2
_CONNECT: Final = b'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\n'
_AT_ONCE: Final = 100
"""Connections that are opened together."""


class Light(asyncio.Protocol):
    """A connection with subscriptions, which it hears and forgets."""

    def __init__(self, subjects: list[str]) -> None:
        """Prepare to subscribe."""
        self._subjects = subjects
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Log in and subscribe."""
        self._transport = cast("asyncio.Transport", transport)
        asked = [subscription(b"b%d" % at, subject) for at, subject in enumerate(self._subjects)]
        self.say(_CONNECT + b"".join(asked))

    def say(self, data: bytes) -> None:
        """Write."""
        self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        """Answer the server; it asks soon after the start, and then every two minutes."""
        if b"PING\r\n" in data:
            self.say(b"PONG\r\n")


class LightWorker(Light):
    """It beats, and tells how its models are configured."""

    def __init__(self, number: int) -> None:
        """Prepare a worker of this number."""
        self._id = f"{number:016x}"
        models = [f"some-model-{at}" for at in range(MODELS)]
        asked = [SUBJECTS.operator(model, version) for model in models for version in ("", "1")]
        own = [
            SUBJECTS.control(self._id, "*"),
            f"{SUBJECTS.inbox(self._id)}.*",
            SUBJECTS.all_directed(self._id),
        ]
        name = SUBJECTS.service
        super().__init__([*own, "$SRV.*", f"$SRV.*.{name}", f"$SRV.*.{name}.{self._id}", *asked])
        self._reader = Reader()
        self._beat = publication(SUBJECTS.heartbeat(self._id), heartbeat(MODELS, self._id))

    def data_received(self, data: bytes) -> None:
        """Answer whoever asks for a configuration."""
        messages, rest = self._reader.feed(data)
        super().data_received(rest)
        for _, message in messages:
            if message.subject.endswith(".describe"):
                self._describe(message)

    def _describe(self, message: Message) -> None:
        asked = service_pb2.ModelConfigRequest.FromString(message.data)
        told = service_pb2.ModelConfigResponse(config=answers.config(asked.name))
        self.say(publication(message.reply, told.SerializeToString()))

    async def beat(self, after: float) -> None:
        """Beat for ever."""
        await asyncio.sleep(after)
        while True:
            self.say(self._beat)
            await asyncio.sleep(1 / BEATS)


async def _run(address: str, workers: int, front_ends: int) -> None:
    host, _, port = address.rpartition(":")
    loop = asyncio.get_running_loop()
    made: list[LightWorker] = []
    tasks: list[asyncio.Task[None]] = []

    def worker() -> LightWorker:
        made.append(LightWorker(len(made)))
        return made[-1]

    for at in range(0, workers, _AT_ONCE):
        some = range(min(_AT_ONCE, workers - at))
        await asyncio.gather(*(loop.create_connection(worker, host, int(port)) for _ in some))
    for at, one in enumerate(made):
        tasks.append(asyncio.create_task(one.beat(at / max(1, workers) / BEATS)))
    for _ in range(front_ends):
        await loop.create_connection(lambda: Light([SUBJECTS.heartbeat("*")]), host, int(port))
    print("fleet ready", flush=True)
    await asyncio.gather(*tasks)
    await loop.create_future()


if __name__ == "__main__":
    raise_limit()
    with suppress(KeyboardInterrupt):
        asyncio.run(_run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
