"""A peer that speaks Triton's protocol and does what a script says: what a real server won't do on demand.

It answers ModelStreamInfer, RepositoryIndex and ModelConfig on a free port and keeps what it was asked.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
from tritonclient.grpc import service_pb2

from bridge.protocol import kserve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    # What one call sends. Raising `grpc.aio.AbortError` through `context.abort` ends it with a status.
    Script = Callable[[Any], AsyncIterator[kserve.ModelStreamInferResponse]]


def data(text: str, *, final: bool | None = None) -> kserve.ModelStreamInferResponse:
    """Return a response with `text_output`, and the final flag unless it is None."""
    response = kserve.ModelInferResponse(model_name="m")
    response.outputs.add(name="text_output", datatype="BYTES", shape=[1])
    encoded = text.encode()
    response.raw_output_contents.append(struct.pack("<I", len(encoded)) + encoded)
    return _flagged(kserve.ModelStreamInferResponse(infer_response=response), final)


def empty(*, final: bool | None = None) -> kserve.ModelStreamInferResponse:
    """Return a response without outputs."""
    response = kserve.ModelInferResponse(model_name="m")
    return _flagged(kserve.ModelStreamInferResponse(infer_response=response), final)


def error(text: str, *, final: bool | None = None) -> kserve.ModelStreamInferResponse:
    """Return an error of the kind that travels under status OK."""
    return _flagged(kserve.ModelStreamInferResponse(error_message=text), final)


def _flagged(message: kserve.ModelStreamInferResponse, final: bool | None) -> kserve.ModelStreamInferResponse:
    if final is not None:
        message.infer_response.parameters[kserve.FINAL_RESPONSE].bool_param = final
    return message


def sends(*messages: kserve.ModelStreamInferResponse, hangs: bool = False) -> Script:
    """Return a script: these messages, then the end of the call, or nothing more for ever."""

    async def script(_: Any) -> AsyncIterator[kserve.ModelStreamInferResponse]:
        for message in messages:
            yield message
        if hangs:
            await asyncio.Event().wait()

    return script


def fails(code: grpc.StatusCode, details: str, *messages: kserve.ModelStreamInferResponse) -> Script:
    """Return a script: these messages, then this status."""

    async def script(context: Any) -> AsyncIterator[kserve.ModelStreamInferResponse]:
        for message in messages:
            yield message
        await context.abort(code, details)

    return script


def config(name: str, *inputs: str, decoupled: bool = True) -> kserve.ModelConfig:
    """Return the configuration of a model that takes and gives text; `inputs` are further BOOL inputs."""
    made = kserve.ModelConfig(name=name, backend="python")
    made.model_transaction_policy.decoupled = decoupled
    made.input.add(name="text_input", data_type="TYPE_STRING", dims=[1])
    for further in inputs:
        made.input.add(name=further, data_type="TYPE_BOOL", dims=[1])
    made.output.add(name="text_output", data_type="TYPE_STRING", dims=[-1])
    return made


@dataclass(eq=False)
class PeerCall:
    """One ModelStreamInfer call as the peer saw it."""

    requests: list[kserve.ModelInferRequest] = field(default_factory=list)
    half_closed: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    metadata: tuple[tuple[str, str], ...] = ()
    ended: bool = False
    """Whether the script came to its end."""


class ScriptedTriton(kserve.GRPCInferenceServiceServicer):
    """See the module. Everything may be changed while it runs."""

    def __init__(self, script: Script, models: dict[str, kserve.ModelConfig]) -> None:
        self.script = script
        self.models = models
        self.versions = dict.fromkeys(models, "1")
        self.address = ""
        self.calls: list[PeerCall] = []
        self.asked: list[str] = []
        """"RepositoryIndex", and the names of models whose configuration was asked for."""
        self.index_gate = asyncio.Event()
        """RepositoryIndex answers when it is set, as it is from the start."""
        self.index_gate.set()
        self.stopping: Script = sends(empty(final=True))
        """What a request with an input `stop` gets."""
        self.down = False
        """Whether questions about models fail as those of a server that exits."""

    async def ModelStreamInfer(  # noqa: N802 - the name of the RPC
        self, request_iterator: AsyncIterator[kserve.ModelInferRequest], context: Any
    ) -> AsyncIterator[kserve.ModelStreamInferResponse]:
        call = PeerCall(metadata=tuple(context.invocation_metadata()))
        self.calls.append(call)
        # A cancel during a write does not enter this generator before it is collected: ask the RPC.
        context.add_done_callback(lambda _: call.ended or call.cancelled.set())
        async for request in request_iterator:
            call.requests.append(request)
        call.half_closed.set()
        stops = any(tensor.name == "stop" for request in call.requests for tensor in request.inputs)
        try:
            async for message in (self.stopping if stops else self.script)(context):
                yield message
        except grpc.aio.AbortError:
            call.ended = True
            raise
        call.ended = True

    async def RepositoryIndex(self, request: Any, context: Any) -> Any:  # noqa: N802 - the name of the RPC
        self.asked.append("RepositoryIndex")
        await self.index_gate.wait()
        await self._maybe_down(context)
        assert request.ready
        answer = service_pb2.RepositoryIndexResponse()
        for name in self.models:
            answer.models.add(name=name, version=self.versions.get(name, "1"), state="READY")
        return answer

    async def ModelConfig(self, request: Any, context: Any) -> Any:  # noqa: N802 - the name of the RPC
        self.asked.append(request.name)
        await self._maybe_down(context)
        if request.name not in self.models:
            text = f"Request for unknown model: '{request.name}' is not found"
            await context.abort(grpc.StatusCode.NOT_FOUND, text)
        return service_pb2.ModelConfigResponse(config=self.models[request.name])

    async def _maybe_down(self, context: Any) -> None:
        if self.down:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "Server exiting")


@asynccontextmanager
async def scripted_triton(
    script: Script | None = None, *models: kserve.ModelConfig, address: str = "127.0.0.1:0"
) -> AsyncIterator[ScriptedTriton]:
    """Serve until the block ends, by default on a free port; without `models` there is one, named `m`."""
    configs = models or (config("m"),)
    peer = ScriptedTriton(script or sends(), {item.name: item for item in configs})
    server = grpc.aio.server(options=[("grpc.max_send_message_length", -1)])
    kserve.add_inference_service(peer, server)
    peer.address = f"127.0.0.1:{server.add_insecure_port(address)}"
    await server.start()
    try:
        yield peer
    finally:
        await server.stop(None)


@contextmanager
def refused_address() -> Iterator[str]:
    """Hold a port on which nobody listens: every connection is refused at once."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"
