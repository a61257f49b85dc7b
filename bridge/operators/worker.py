"""A worker: takes requests for its Triton's models from the request plane, and says that it lives.

It runs generations and tells of models; nothing else can be asked of it.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge.backends.nats_link import Link
from bridge.backends.nats_login import options
from bridge.backends.nats_service import make_service
from bridge.errors import BridgeError, Reason, public
from bridge.operators.offers import Offers
from bridge.operators.running import Running
from bridge.protocol import kserve
from bridge.protocol.icp_subjects import DESCRIBE, Subjects

if TYPE_CHECKING:
    from bridge.backends.balanced import PushBalanced
    from bridge.backends.nats_wire import Connection
    from bridge.config import Config
    from bridge.protocol.nats_wire import Message

logger = logging.getLogger(__name__)

BEAT: Final = 0.5
"""Seconds between two heartbeats."""


class Worker:
    """See the module."""

    def __init__(self, config: Config, backend: PushBalanced) -> None:
        """Prepare; `start` connects.

        Args:
            config: all settings; `nats.url` is set.
            backend: runs the generations.
        """
        nats = config.nats
        urls = nats.url or ""
        self.component_id = secrets.token_hex(8)
        self._config = config
        self._backend = backend
        self._subjects = Subjects(nats.prefix)
        self._link = Link(urls.split(","), self, lambda: options(nats, urls), f"worker {self.component_id}")
        self._draining = False
        self._tasks: list[asyncio.Task[None]] = []
        self._telling: set[asyncio.Task[None]] = set()
        self._service = make_service(
            self._subjects.service,
            "Models of a Triton on the request plane",
            self.component_id,
            max_inflight=str(nats.max_inflight),
        )
        self._offers = Offers(self._subjects, nats.max_inflight, self._take)
        self._running = Running(config, backend, self._link, self._service, self._offers.running)

    async def start(self) -> None:
        """Find the models and offer them, as soon as the plane can be reached."""
        options(self._config.nats, self._config.nats.url or "")  # complain now, not at each try
        await self._look()
        self._link.start()
        self._tasks = [asyncio.create_task(one) for one in (self._offers.keep(), self._poll(), self._beat())]

    async def stop(self) -> None:
        """Take nothing more, let running generations end for so long as is configured, fail the rest."""
        self._draining = True
        self._say()
        await self._offers.leave()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._config.drain_timeout):
                await self._running.empty.wait()
        self.hurry()
        tasks = [*self._tasks, *self._telling]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._link.close()
        await self._backend.close()

    def not_ready(self) -> str | None:
        """Tell why no requests are taken, None: they are, or will be when some have ended."""
        if self._draining:
            return "the worker is stopping"
        if not self._link.up.is_set():
            return "the request plane cannot be reached"
        return None if self._offers.models else "there is no model to offer"

    def hurry(self) -> None:
        """Fail what runs."""
        self._running.cancel(BridgeError(Reason.BACKEND_UNAVAILABLE, "the worker is stopping"))

    def connected(self, connection: Connection) -> None:
        """See `Party.connected`."""
        wire = connection.wire
        for subject in self._service.subjects:
            wire.subscribe(subject, self._introduce)
        wire.subscribe(self._subjects.control(self.component_id, "*"), self._control)
        wire.subscribe(f"{self._subjects.inbox(self.component_id)}.*", self._running.returned)
        wire.subscribe(self._subjects.all_directed(self.component_id), self._take)
        self._offers.use(connection)
        wire.publish(self._subjects.heartbeat(self.component_id), orjson.dumps(self._status()))

    def lost(self) -> None:
        """See `Party.lost`: nobody hears what the generations would say."""
        self._offers.lost()
        self._running.cancel()

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._config.poll_interval)
            try:
                await self._look()
            except Exception:  # a bug must not leave the models as they are for ever
                logger.exception("bug while looking for models")

    async def _look(self) -> None:
        try:
            models = await self._backend.ready_models()
        except BridgeError as exc:
            if self._offers.models:
                logger.warning("no models to offer: %s", exc.message)
            models = {}
        if models != self._offers.models:
            logger.info("offering %d models", len(models))
            self._offers.offer(models)
            self._say()

    async def _beat(self) -> None:
        while True:
            self._say()
            self._running.clients.probe()
            await asyncio.sleep(BEAT)

    def _say(self) -> None:
        self._link.post(self._subjects.heartbeat(self.component_id), orjson.dumps(self._status()))

    def _status(self) -> dict[str, Any]:
        return {
            "component_id": self.component_id,
            "inflight": self._running.count,
            "capacity": self._config.nats.max_inflight,
            "models": {} if self._draining else dict(self._offers.models),
            "draining": self._draining,
        }

    def _introduce(self, msg: Message) -> None:
        reply = self._service.reply(msg.subject, self._status(), self._offers.endpoints)
        if reply is not None and msg.reply:
            self._link.post(msg.reply, reply)

    async def _describe(self, msg: Message) -> None:
        if not msg.reply:
            return
        try:
            answer = await self._description(kserve.ModelConfigRequest.FromString(msg.data))
        except Exception as exc:  # noqa: BLE001 - what is no request, too, gets an answer
            error = public(exc)
            headers = {
                "Nats-Service-Error-Code": str(error.row.grpc.value),
                "Nats-Service-Error": error.message,
            }
            self._link.post(msg.reply, b"", headers=headers)
        else:
            self._link.post(msg.reply, answer)

    async def _description(self, asked: kserve.ModelConfigRequest) -> bytes:
        config = await self._backend.config(asked.name, asked.version)
        answer: bytes = kserve.ModelConfigResponse(config=config).SerializeToString()
        if len(answer) > (most := self._link.max_payload):  # the server would end the connection
            what = f"the model's configuration is larger than the {most} bytes of a NATS message"
            raise BridgeError(Reason.BACKEND_ERROR, what)
        return answer

    def _take(self, msg: Message) -> None:
        self._running.take(msg, self._offers.models, draining=self._draining)

    def _control(self, msg: Message) -> None:
        if msg.subject.endswith(f".{DESCRIBE}"):
            telling = asyncio.create_task(self._describe(msg))
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)
        else:
            self._running.control(msg)
