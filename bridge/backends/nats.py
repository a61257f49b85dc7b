"""The workers of a request plane as one backend; see `Backend` and `PushBackend`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.backends.base import unheard
from bridge.backends.inbox import pulled
from bridge.backends.nats_asked import Asked
from bridge.backends.nats_generation import Generation
from bridge.backends.nats_plane import Plane
from bridge.backends.questions import UNARY_TIMEOUT, Questions
from bridge.errors import BridgeError, Reason
from bridge.protocol import kserve
from bridge.protocol.icp_subjects import DESCRIBE
from bridge.protocol.triton_errors import from_status

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from google.protobuf.message import Message

    from bridge.backends.base import Metadata, Stop
    from bridge.backends.push import Sink
    from bridge.backends.upstream import Meter
    from bridge.config import Config
    from bridge.protocol.alike import Received
    from bridge.protocol.kserve import ModelInferRequest
    from bridge.protocol.signature import Signature


class NatsBackend(Questions):
    """See the module."""

    def __init__(self, config: Config, meter: Meter) -> None:
        """Prepare; see `Plane`."""
        self._plane = Plane(config, meter)

    def open(
        self,
        request: ModelInferRequest,
        *,
        model: str,
        deadline: float,
        sink: Sink,
        placed: Callable[[str], object] = unheard,
        metadata: Metadata = (),
        stop: Stop | None = None,
    ) -> Generation:
        """See `PushBackend.open`."""
        asked = Asked(
            request=request,
            model=model,
            deadline=deadline,
            placed=placed,
            metadata=metadata,
            stop=None if stop is None else _packed(stop()),
        )
        generation = Generation(self._plane, asked, sink)
        generation.begin()
        return generation

    def stream(
        self,
        request: ModelInferRequest,
        *,
        model: str,
        deadline: float,
        placed: Callable[[str], object] = unheard,
        metadata: Metadata = (),
        stop: Stop | None = None,
    ) -> AsyncGenerator[Sequence[Received], None]:
        """See `Backend.stream`."""
        return pulled(
            self, request, model=model, deadline=deadline, placed=placed, metadata=metadata, stop=stop
        )

    async def ready_models(self) -> dict[str, str]:
        """See `Backend.ready_models`."""
        await self._plane.look()
        return self._plane.roster.models()

    def serves(self, signature: Signature, model: str) -> bool:  # noqa: ARG002 - a worker knows its own name
        """See `Backend.serves`."""
        return bool(self._plane.roster.having(signature.name, signature.version))

    async def ask(
        self, method: str, request: Message, *, limit: float = UNARY_TIMEOUT, model: str = ""
    ) -> Any:
        """See `Questions.ask`; workers tell configurations and nothing else."""
        if not isinstance(request, kserve.ModelConfigRequest):
            raise BridgeError(Reason.UNSUPPORTED_OPERATION, f"workers of a request plane have no {method}")
        error = BridgeError(Reason.MODEL_NOT_FOUND, "the model is not available", model=model)
        for worker in self._plane.roster.having(request.name, request.version):
            try:
                return await self._describe(worker.component_id, request, limit, model)
            except BridgeError as exc:
                error = exc
        raise error

    async def close(self) -> None:
        """See `Backend.close`."""
        await self._plane.close()

    async def _describe(
        self, worker: str, request: kserve.ModelConfigRequest, limit: float, model: str
    ) -> kserve.ModelConfigResponse:
        subject = self._plane.subjects.control(worker, DESCRIBE)
        msg = await self._plane.ask(subject, request.SerializeToString(), limit)
        headers = msg.headers or {}
        if code := headers.get("Nats-Service-Error-Code"):
            number = int(code) if code.isdecimal() else 0
            raise from_status(number, headers.get("Nats-Service-Error", ""), model)
        return kserve.ModelConfigResponse.FromString(msg.data)


def _packed(stop: ModelInferRequest | None) -> bytes:
    return b"" if stop is None else stop.SerializeToString()
