"""A front end's part of a request plane: its connection, its inbox, the workers it knows of.

One connection and one inbox for everything: the last token of a subject says whom a message is for.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Final

import orjson

from bridge.backends.nats_inquiries import Inquiries
from bridge.backends.nats_link import Link
from bridge.backends.nats_login import options
from bridge.backends.nats_service import make_service
from bridge.backends.roster import Roster
from bridge.errors import BridgeError, Reason
from bridge.protocol.icp_answer import request_id_of
from bridge.protocol.icp_subjects import Subjects
from bridge.protocol.nats_wire import STATUS

if TYPE_CHECKING:
    from bridge.backends.nats_generation import Generation
    from bridge.backends.nats_wire import Connection
    from bridge.backends.upstream import Meter
    from bridge.config import Config
    from bridge.protocol.nats_wire import Message

logger = logging.getLogger(__name__)

TICK: Final = 0.25
"""Seconds between two looks at who is silent."""
FIRST_CONNECT: Final = 1.0
"""Seconds that the first question waits for a connection."""
FIRST_WORKER: Final = 0.3
"""Seconds that a question waits for a worker to say that it is there."""
GENERATIONS: Final = "generations"  # what discovery calls our inbox: all that we hear of is told there


class Plane:
    """See the module."""

    def __init__(self, config: Config, meter: Meter) -> None:
        """Prepare; it connects with the first question.

        Args:
            config: all settings; `upstream` names the servers.
            meter: hears what happens on the plane, whichever worker it happens at: these come and go.

        Raises:
            ConfigError: a file of the login is broken.
        """
        urls, nats = config.upstream or "", config.nats
        options(nats, urls)
        self.name, self.meter = urls, meter
        self.component_id = secrets.token_hex(8)
        """Who we are."""
        self.subjects = Subjects(nats.prefix)
        self.roster = Roster()
        self.retries = config.balancing.retries
        """Further tries of a generation of which nothing has come."""
        self._time = asyncio.get_running_loop().time
        name = f"front end {self.component_id}"
        self._link = Link(urls.split(","), self, lambda: options(nats, urls), name)
        self._connections = count()
        self.address = self.inbox = ""
        """Who asks, and what begins the subjects of the answers: another one for each connection, so that
        workers see that nobody listens any more to what they were asked before it was lost."""
        self._service = make_service(
            self.subjects.front_ends, "A front end of the request plane", self.component_id, grouped=False
        )
        self.counts = self._service.of(GENERATIONS)
        """What all generations amount to."""
        self._tokens = count()
        self._generations: dict[str, Generation] = {}
        self._inquiries = Inquiries()
        self._somebody = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self._closed = False

    async def look(self) -> None:
        """Return when a connection and a worker are there, or were waited for; connect if that was not done.

        Raises:
            BridgeError: BACKEND_UNAVAILABLE, one of them is not.
        """
        if self._watching is None and not self._closed:
            self._link.start()
            self._watching = asyncio.create_task(self._watch())
            await _within(self._link.up, FIRST_CONNECT)
        if self._link.up.is_set() and not self.roster.serving:
            await _within(self._somebody, FIRST_WORKER)
        self._demand_worker()

    async def close(self) -> None:
        """Fail what runs, and disconnect."""
        self._closed = True
        self._fail_all(BridgeError(Reason.SHUTTING_DOWN, "the bridge is stopping"))
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
            await self._link.close()

    async def ask(self, subject: str, data: bytes, limit: float) -> Message:
        """Return the answer to a question to one worker.

        Raises:
            BridgeError: BACKEND_UNAVAILABLE, it does not come within `limit` seconds.
        """
        self._demand_link()
        return await self._inquiries.ask(lambda of: self.post(subject, data, f"{self.inbox}.q{of}"), limit)

    def connected(self, connection: Connection) -> None:
        """See `Party.connected`; whoever is there is asked to say so at once."""
        wire = connection.wire
        self.address = f"{self.component_id}-{next(self._connections)}"
        self.inbox = self.subjects.inbox(self.address)
        wire.subscribe(f"{self.inbox}.*", self._heard)
        wire.subscribe(self.subjects.heartbeat("*"), lambda msg: self._seen(msg.data))
        for subject in self._service.subjects:  # without the permission for it `status` does not show us
            wire.subscribe(subject, self._introduce)
        wire.publish(f"$SRV.INFO.{self.subjects.service}", b"", f"{self.inbox}.i")

    def lost(self) -> None:
        """See `Party.lost`."""
        self.roster.workers.clear()
        self._somebody.clear()
        lost = BridgeError(Reason.BACKEND_UNAVAILABLE, "the request plane is lost")
        self._fail_all(lost)
        self._inquiries.fail(lost)

    def enter(self, generation: Generation) -> str:
        """Listen for a try; return its token, the last of its inbox.

        Raises:
            BridgeError: there is no connection, or no worker.
        """
        self._demand_worker()
        self._generations[token := str(next(self._tokens))] = generation
        return token

    def leave(self, token: str) -> None:
        """Listen no more."""
        self._generations.pop(token, None)

    def post(self, subject: str, data: bytes, reply: str = "", headers: dict[str, str] | None = None) -> None:
        """Send a message.

        Raises:
            BridgeError: REQUEST_TOO_LARGE.
        """
        most = self._link.max_payload
        if len(data) + sum(len(key) + len(value) + 4 for key, value in (headers or {}).items()) > most - 64:
            message = f"the request is larger than the {most} bytes of a message of the request plane"
            raise BridgeError(Reason.REQUEST_TOO_LARGE, message)
        self._link.post(subject, data, reply, headers)

    def _demand_link(self) -> None:
        if self._closed:
            raise BridgeError(Reason.SHUTTING_DOWN, "the bridge is stopping")
        if trouble := self._link.trouble:
            raise BridgeError(Reason.BACKEND_UNAVAILABLE, trouble)

    def _demand_worker(self) -> None:
        self._demand_link()
        if not self.roster.serving:
            raise BridgeError(Reason.BACKEND_UNAVAILABLE, "the request plane has no worker")

    def _introduce(self, msg: Message) -> None:
        status, endpoints = {"inflight": self.counts.inflight}, {GENERATIONS: f"{self.inbox}.*"}
        if msg.reply and (reply := self._service.reply(msg.subject, status, endpoints)) is not None:
            self.post(msg.reply, reply)

    def _seen(self, heartbeat: bytes) -> None:
        self.roster.told(heartbeat, self._time())
        if self.roster.workers:
            self._somebody.set()

    def _heard(self, msg: Message) -> None:
        """Hand a message of the inbox to whom it is for."""
        token = msg.subject.rpartition(".")[2]
        generation = self._generations.get(token)
        if generation is not None:
            generation.take(msg)
        elif token.isdecimal():
            self._too_late(msg.data)
        else:
            self._told(token[:1], token[1:], msg)

    def _told(self, kind: str, of: str, msg: Message) -> None:
        gone = (msg.headers or {}).get(STATUS) == "503"
        if kind == "p" and of in self._generations:
            self._generations[of].probed(b"gone" if gone else msg.data)
        elif kind == "q":
            self._inquiries.answered(of, msg)
        elif kind == "w":
            self.dead(of, "has gone") if gone else self.roster.answered(of, self._time())
        elif kind == "i" and not gone:
            with suppress(ValueError, KeyError, TypeError, AttributeError):  # another service of this name
                self._seen(orjson.loads(msg.data)["metadata"]["status"].encode())

    def _too_late(self, data: bytes) -> None:
        """Cancel what is accepted when nobody waits for it any more."""
        request_id, worker = request_id_of(data)
        if worker:
            self.post(self.subjects.control(worker, request_id), b"cancel")

    async def _watch(self) -> None:
        while True:
            before = self._time()
            await asyncio.sleep(TICK)
            now = self._time()
            if (late := now - before - TICK) > TICK:
                self.roster.forgive(late)
            try:
                self._look_at_all(now)
            except Exception:  # a bug must not leave the dead among the living for ever
                logger.exception("bug while looking at the workers")

    def _look_at_all(self, now: float) -> None:
        silent, dead = self.roster.silent(now)
        for worker in silent:
            self.post(self.subjects.control(worker), b"probe", f"{self.inbox}.w{worker}")
        for worker in dead:
            self.dead(worker, "does not answer")
        for generation in list(self._generations.values()):
            generation.look(now)

    def dead(self, worker: str, why: str) -> None:
        """Note that a worker is not there any more: what it runs fails, or goes elsewhere."""
        if (seen := self.roster.workers.pop(worker, None)) is None:
            return
        logger.log(logging.INFO if seen.draining else logging.WARNING, "worker %s %s", worker, why)
        for generation in [one for one in self._generations.values() if one.at == worker]:
            generation.fail(BridgeError(Reason.BACKEND_UNAVAILABLE, "the worker was lost"))

    def _fail_all(self, error: BridgeError) -> None:
        for generation in list(self._generations.values()):
            generation.fail(BridgeError(error.reason, error.message))


async def _within(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
