"""Traces: what the record of a request asks of them, and what is done where the bridge makes none.

Nothing of OpenTelemetry is imported here; `otel` is, and only where `tracing` is set.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Protocol

from bridge.config import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from google.protobuf.message import Message

    from bridge.observability.outcome import Outcome
    from bridge.protocol.trace_context import TraceContext

    Metadata = Sequence[tuple[str, str]]


class Trace(Protocol):
    """One request in its trace."""

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits."""

    def ask(self, endpoint: str, model: str, request: Message) -> Metadata:
        """Note that a model is asked; return what tells it of the trace.

        Args:
            endpoint: "chat", "completions" or "embeddings".
            model: its name as listed, empty if that is not known yet.
            request: only settings such as the temperature may be read of it, no text.
        """

    def end(self, outcome: Outcome) -> None:
        """Note the end of the request, once."""


class Tracing(Protocol):
    """Makes traces."""

    def begin(self, context: TraceContext | None, name: str, attributes: Mapping[str, str | int]) -> Trace:
        """Note a request that has come.

        Args:
            context: where its caller is; None begins a trace.
            name: of its span.
            attributes: of its span, by OpenTelemetry's conventions.
        """

    async def close(self) -> None:
        """Send what has not been sent, within a bounded time."""


class PassedOn:
    """The trace of a caller, in a bridge that makes none: the model is told what the bridge was."""

    def __init__(self, context: TraceContext) -> None:
        self._context = context

    @property
    def trace_id(self) -> str:
        """See `Trace.trace_id`."""
        return self._context.trace_id

    def ask(self, endpoint: str, model: str, request: Message) -> Metadata:  # noqa: ARG002 - see `Trace`
        """See `Trace.ask`."""
        return self._context.headers()

    def end(self, outcome: Outcome) -> None:
        """See `Trace.end`: nobody is told."""


def open_tracing() -> Tracing:
    """Return what sends traces by OpenTelemetry, as its environment variables say.

    Raises:
        ConfigError: it is not installed, or a variable has a wrong value.
    """
    try:
        from bridge.observability.otel import OtelTracing, exporting  # noqa: PLC0415 - an extra, and 4 MB
    except ImportError as exc:
        raise ConfigError("tracing: needs an extra: pip install 'openai-bridge[otel]'") from exc
    try:
        return OtelTracing(exporting(version("openai-bridge")))
    except ValueError as exc:
        raise ConfigError(f"tracing: OpenTelemetry's variables: {exc}") from exc
