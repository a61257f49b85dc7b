"""A worker that does what a test says: what a real one does not do on demand."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import orjson
from nats.aio.client import Client

from bridge.protocol import icp, kserve
from bridge.protocol.icp_subjects import Subjects
from tests.scripted_triton import config, data

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from nats.aio.msg import Msg

    Answers = Callable[[icp.Opening], list[bytes]]

ID = "scripted"
SUBJECTS = Subjects("icp")


class ScriptedWorker:
    """It offers the model `m`."""

    def __init__(self, client: Client, answers: Answers) -> None:
        self.client = client
        self.told: list[str] = []
        """What the front end said of requests."""
        self._answers = answers

    async def take(self, msg: Msg) -> None:
        _, opening = icp.unpack_request(msg.data)
        for answer in self._answers(opening):
            await self.client.publish(opening.inbox, answer)

    async def control(self, msg: Msg) -> None:
        if msg.subject.endswith(".describe"):
            found = kserve.ModelConfigResponse(config=config("m"))
            await self.client.publish(msg.reply, found.SerializeToString())
        elif msg.data == b"probe":
            await self.client.publish(msg.reply, b"7")
        else:
            self.told.append(msg.data.decode())

    async def beat(self) -> None:
        status: dict[str, Any] = {"component_id": ID, "inflight": 0, "capacity": 9, "models": {"m": "1"}}
        while True:
            await self.client.publish(SUBJECTS.heartbeat(ID), orjson.dumps(status))
            await asyncio.sleep(0.1)


@asynccontextmanager
async def scripted_worker(url: str, answers: Answers) -> AsyncIterator[ScriptedWorker]:
    """Offer a model whose requests are answered by these messages."""
    client = Client()
    await client.connect(url)
    worker = ScriptedWorker(client, answers)
    subject = SUBJECTS.operator("m", "")
    await client.subscribe(subject, queue=subject, cb=worker.take)
    await client.subscribe(SUBJECTS.control(ID, "*"), cb=worker.control)
    beating = asyncio.create_task(worker.beat())
    try:
        yield worker
    finally:
        beating.cancel()
        await client.close()


def numbered(first: int, *texts: str) -> bytes:
    """Return a batch of responses."""
    serialized = [data(text).infer_response.SerializeToString() for text in texts]
    return icp.pack_responses(first, serialized, batched=True)[0]
