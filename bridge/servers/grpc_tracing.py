"""Where an RPC stands in a trace, and what its span is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.observability.tracing import PassedOn
from bridge.protocol.trace_context import PARENT, STATE, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.message import Message

    from bridge.observability.tracing import Trace, Tracing


def begin_trace(
    tracing: Tracing | None, metadata: Sequence[tuple[str, str | bytes]], method: str
) -> Trace | None:
    """Return the trace of an RPC that has come; None: nobody traces it.

    Args:
        tracing: makes traces; None passes on those of callers.
        metadata: what the caller has sent.
        method: package.Service/Method.
    """
    context = read(_values(metadata, PARENT), _values(metadata, STATE))
    if tracing is None:
        return None if context is None else PassedOn(context)
    return tracing.begin(context, method, {"rpc.system.name": "grpc", "rpc.method": method})


def method_name(request_type: type[Message], *, streams: bool) -> str:
    """Return the method, package.Service/Method, that takes a message.

    Args:
        request_type: of one method, or of two of which one streams.
        streams: whether it streams.
    """
    for service in request_type.DESCRIPTOR.file.services_by_name.values():
        for method in service.methods:
            if method.input_type is request_type.DESCRIPTOR and method.server_streaming is streams:
                return f"{service.full_name}/{method.name}"
    raise ValueError(f"no method takes a {request_type.DESCRIPTOR.full_name}")


def _values(metadata: Sequence[tuple[str, str | bytes]], key: str) -> list[str]:
    return [value for name, value in metadata if name == key and isinstance(value, str)]
