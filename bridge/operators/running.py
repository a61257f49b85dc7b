"""The requests that a worker runs: taken or refused, told things, ended."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from bridge.errors import BridgeError, Reason
from bridge.operators.clients import Clients
from bridge.operators.operation import Operation
from bridge.protocol import icp, kserve
from bridge.protocol.icp_subjects import ANY, Subjects
from bridge.protocol.nats_wire import STATUS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from bridge.backends.balanced import PushBalanced
    from bridge.backends.base import Stop
    from bridge.backends.nats_link import Link
    from bridge.backends.push import Handle
    from bridge.config import Config
    from bridge.protocol.icp import Opening
    from bridge.protocol.icp_service import Service
    from bridge.protocol.nats_wire import Message

logger = logging.getLogger(__name__)

PASSED_ON: Final = frozenset({"traceparent", "tracestate", "x-request-id"})
"""Headers of a request that Triton gets as metadata."""


class Running:
    """See the module."""

    def __init__(
        self,
        config: Config,
        backend: PushBalanced,
        link: Link,
        service: Service,
        changed: Callable[[int], object],
    ) -> None:
        """Begin with none.

        Args:
            config: all settings.
            backend: runs the generations.
            link: sends.
            service: counts.
            changed: hears how many run.
        """
        self._config = config
        self._backend = backend
        self._link = link
        self._service = service
        self._changed = changed
        self._subjects = Subjects(config.nats.prefix)
        self._operations: dict[str, Operation] = {}
        self.clients = Clients(self._subjects.inbox(service.component_id), link.post)
        """Who waits for them."""
        self.empty = asyncio.Event()
        """Set while there are none."""
        self.empty.set()

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._operations)

    def cancel(self, error: BridgeError | None = None, *, client: str = "") -> None:
        """Give up all of them, or those of one front end."""
        for operation in list(self._operations.values()):
            if not client or operation.opening.component_id == client:
                operation.cancel(error)

    def returned(self, msg: Message) -> None:
        """Hear that a front end has gone: its inbox has no subscriber any more."""
        if (msg.headers or {}).get(STATUS) == "503":
            self.cancel(client=self.clients.gone(msg.subject))

    def control(self, msg: Message) -> None:
        """Do what a front end says of a request."""
        request_id = msg.subject.rpartition(".")[2]
        operation = self._operations.get(request_id)
        verb, _, number = msg.data.decode("ascii", "replace").partition(" ")
        if verb == "probe" and msg.reply:
            known = "0" if request_id == ANY else "gone"
            self._link.post(msg.reply, (str(operation.sent) if operation else known).encode())
        elif operation is None:
            pass  # it has ended meanwhile
        elif verb == "cancel":
            operation.cancel()
        elif verb == "credit" and number.isdecimal():
            operation.grant(min(int(number), icp.CREDIT))

    def take(self, msg: Message, models: Collection[str], *, draining: bool) -> None:
        """Accept a request and run it, or refuse it.

        Args:
            msg: from a front end.
            models: those that are offered.
            draining: whether nothing more is taken.
        """
        if not msg.reply.startswith(f"{self._subjects.inbox('')}"):
            logger.warning("a request without an inbox was dropped")
            return
        opening = None
        try:
            request, opening = icp.unpack_request(msg.data)
            headers = msg.headers or {}
            timeout = icp.seconds_of(headers.get("grpc-timeout", "")) if "grpc-timeout" in headers else None
            self._admit(msg, request, opening, models, full=draining)
        except BridgeError as exc:
            asked, own = opening.request_id if opening else "", self._service.component_id
            self._link.post(msg.reply, icp.final(asked, exc, component_id=own))
            return
        self._link.post(opening.inbox, icp.acceptance(opening, self._service.component_id))
        metadata = [(key.lower(), value) for key, value in headers.items() if key.lower() in PASSED_ON]
        most = self._config.request_timeout
        self._run(request, opening, most if timeout is None else min(timeout, most), metadata)

    def _admit(
        self,
        msg: Message,
        request: kserve.ModelInferRequest,
        opening: Opening,
        models: Collection[str],
        *,
        full: bool,
    ) -> None:
        at = self._subjects.inbox(opening.component_id)
        own = opening.inbox == msg.reply and opening.inbox.rpartition(".")[0] == at
        if not own or opening.request_id in self._operations:
            raise BridgeError(
                Reason.INVALID_MESSAGE, "the request's envelope is malformed: its inbox or its id"
            )
        if full or len(self._operations) >= self._config.nats.max_inflight:
            raise BridgeError(Reason.QUEUE_FULL, "the worker is at its limit of generations")
        if request.model_name not in models:
            raise BridgeError(Reason.MODEL_NOT_FOUND, "the model is not available")

    def _run(
        self,
        request: kserve.ModelInferRequest,
        opening: Opening,
        timeout: float,
        metadata: list[tuple[str, str]],
    ) -> None:
        loop = asyncio.get_running_loop()
        began, name = loop.time(), request.model_name
        counts = self._service.of(name)

        def over(error: BridgeError | None) -> None:
            del self._operations[opening.request_id]
            self.clients.left(opening)
            self._changed(len(self._operations))
            limit.cancel()
            counts.end(operation, loop.time(), error)
            if not self._operations:
                self.empty.set()

        operation = Operation(
            opening,
            output=request.outputs[0].name if request.outputs else "",
            post=self._link.post,
            max_payload=self._link.max_payload,
            over=over,
        )
        self._operations[opening.request_id] = operation
        self.empty.clear()
        expired = BridgeError(Reason.TIMEOUT, "the deadline passed before all was taken")
        limit = loop.call_at(began + timeout, operation.cancel, expired)  # also of what waits for credit
        self.clients.came(opening)
        counts.begin(operation, began)
        self._changed(len(self._operations))
        stopping = None if opening.stop is None else _stopping(opening.stop)

        def on_backend(sink: Operation) -> Handle:
            return self._backend.open(
                request, model=name, deadline=began + timeout, sink=sink, metadata=metadata, stop=stopping
            )

        operation.begin(on_backend)


def _stopping(data: bytes) -> Stop:
    """Return what makes the request that ends a generation which must not be cancelled."""
    request = kserve.ModelInferRequest.FromString(data) if data else None
    return lambda: request
