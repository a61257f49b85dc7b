"""The requests that the worker runs: taken or refused, answered, ended."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest
from openai_bridge.v1.completions_pb2 import CreateCompletionRequest

from bridge.access.slots import STOPPING
from bridge.dynamo.reply import Reply
from bridge.errors import BridgeError, Reason, public
from bridge.handlers.base import Call
from bridge.handlers.off_loop import in_turn
from bridge.observability.record import RequestRecord
from bridge.observability.tracing import PassedOn
from bridge.protocol import openai_json
from bridge.protocol.dynamo.answers import OVERLOADED, UNAVAILABLE, Renderer
from bridge.protocol.dynamo.control import read_opening
from bridge.protocol.dynamo.requests import is_chat, read_body
from bridge.protocol.pieces import weight
from bridge.protocol.trace_context import PARENT, STATE, read
from bridge.servers.headers import request_id
from bridge.servers.http_request import UnknownFields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.config import Config
    from bridge.handlers.base import Generating
    from bridge.observability.metrics import Metrics
    from bridge.observability.tracing import Trace, Tracing
    from bridge.protection import Protection
    from bridge.protocol.dynamo.control import Opening
    from bridge.protocol.dynamo.frames import Request
    from bridge.wiring import Handlers

logger = logging.getLogger(__name__)

DOOR: Final = "dynamo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What differs between chat and completions."""

    endpoint: str
    request_type: Any
    dump: Callable[[Any], bytes]
    """Writes the JSON of one message of a stream."""
    handler: Generating[Any, Any]


class Answering:
    """See the module."""

    def __init__(
        self,
        config: Config,
        handlers: Handlers,
        protection: Protection,
        metrics: Metrics,
        tracing: Tracing | None,
    ) -> None:
        """Begin with no model; `paths` are those of the models that are offered."""
        self._config = config
        self._entrance = protection.entrance
        self._metrics = metrics
        self._tracing = tracing
        self._unknown = UnknownFields(config, metrics)
        self._chat = Form(
            endpoint="chat",
            request_type=CreateChatCompletionRequest,
            dump=lambda message: openai_json.dump_chat_chunk(message, include_usage=False),
            handler=protection.chat(handlers.chat),
        )
        self._completions = Form(
            endpoint="completions",
            request_type=CreateCompletionRequest,
            dump=lambda message: openai_json.dump_completion_chunk(message, include_usage=False),
            handler=protection.completions(handlers.completions),
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self.paths: Mapping[str, str] = {}
        """Model by the path of its requests."""

    def accept(self, request: Request) -> str:
        """Take a request; see `Listener`. What is wrong with it is told by its answer, not by a refusal."""
        if self._entrance.closed:
            return UNAVAILABLE + STOPPING
        model = self.paths.get(request.path)
        if model is None:
            return UNAVAILABLE + "the model is not offered here"
        if len(self._tasks) >= self._config.dynamo.max_inflight:
            return OVERLOADED + "the worker is at its limit of generations"
        try:
            opening = read_opening(request.control)
        except BridgeError as exc:  # nobody knows where its answer would go
            logger.warning("a request was refused: %s", exc.message)
            return UNAVAILABLE + exc.message
        task = asyncio.create_task(self._run(request, opening, model))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return ""

    async def ended(self, timeout: float) -> None:  # noqa: ASYNC109
        """Return when no request is left; cancel those that are left after so many seconds."""
        if self._tasks:
            _, left = await asyncio.wait(tuple(self._tasks), timeout=timeout)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _run(self, request: Request, opening: Opening, model: str) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this is one
        reply = Reply(
            opening,
            task.cancel,
            buffer=self._config.max_buffered_bytes,
            stall_timeout=self._config.stall_timeout,
        )
        self._entrance.enter()
        try:
            await reply.connect()
        except (OSError, TimeoutError, ValueError) as exc:  # ValueError: no host can have such a name
            logger.warning("a frontend does not take its answer: %s", type(exc).__name__)
        else:
            answering = self._answer(request, opening, model, reply)
            del request  # a prompt is not kept for as long as its answer runs: here and in what follows
            await answering
        finally:
            reply.leave()
            self._entrance.leave()

    async def _answer(self, request: Request, opening: Opening, model: str, reply: Reply) -> None:
        """Answer, and tell whatever goes wrong."""
        deadline = asyncio.get_running_loop().time() + self._config.request_timeout
        heavy = weight(request.body or b"")
        json = await self._parsed(request.body, model, heavy, deadline)
        form = self._completions if isinstance(json, dict) and not is_chat(json) else self._chat
        record = RequestRecord(
            self._metrics,
            door=DOOR,
            endpoint=form.endpoint,
            request_id=request_id(opening.request_id),
            trace=self._trace(request.headers, form.endpoint),
        )
        failing = self._failed(form, json, heavy, deadline, record, reply)
        del request, json
        # What is true of a task that is cancelled: its reply does so when nobody waits any more.
        error: BridgeError | None = BridgeError(Reason.CANCELLED, "the client left")
        try:
            failed = await failing
            await reply.end(failed)
            error = failed
        except ConnectionError:
            pass  # the frontend has left, or does not read
        finally:
            record.end(error)

    async def _parsed(
        self, body: bytes | None, model: str, heavy: int, deadline: float
    ) -> dict[str, Any] | BridgeError:
        limit = self._config.max_request_bytes
        try:
            return await in_turn(partial(read_body, body, model, limit), heavy, deadline)
        except BridgeError as exc:
            return exc

    async def _failed(
        self,
        form: Form,
        json: dict[str, Any] | BridgeError,
        heavy: int,
        deadline: float,
        record: RequestRecord,
        reply: Reply,
    ) -> BridgeError | None:
        """Deliver the answer but for its end; return what went wrong, of which the frontend must hear."""
        delivery = self._deliver(form, json, heavy, deadline, record, reply)
        del json
        try:
            await delivery
        except ConnectionError:
            raise
        except Exception as exc:  # noqa: BLE001 - a bug in one request must not stop the worker
            return _known(exc, record.request_id)
        return None

    async def _deliver(
        self,
        form: Form,
        json: dict[str, Any] | BridgeError,
        heavy: int,
        deadline: float,
        record: RequestRecord,
        reply: Reply,
    ) -> None:
        if isinstance(json, BridgeError):
            raise json
        read = await in_turn(partial(openai_json.read, form.request_type, json), heavy, deadline)
        self._unknown.note(read.ignored)
        call = Call(
            request_id=record.request_id, deadline=deadline, record=record, ignored=list(read.ignored)
        )
        reply.render = Renderer(form.dump).render
        spelled, delivery = read.spelled, form.handler.deliver(read.message, call, reply)
        del json, read
        try:
            await delivery
        except BridgeError as exc:
            raise spelled.as_sent(exc) from exc

    def _trace(self, headers: Mapping[str, str], endpoint: str) -> Trace | None:
        context = read([headers[PARENT]], [headers.get(STATE, "")]) if PARENT in headers else None
        if self._tracing is None:
            return None if context is None else PassedOn(context)
        return self._tracing.begin(context, f"{DOOR} {endpoint}", {})


def _known(exc: Exception, request: str) -> BridgeError:
    """Return what the caller may know, and log what it may not."""
    if not isinstance(exc, BridgeError):
        logger.error("bug in a handler", exc_info=exc, extra={"facts": {"request_id": request}})
    return public(exc)
