"""How a request went: the facts that its log line and its trace are made of.

Rule: nothing here is text of the client's or of the model's, but for names that the bridge knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openai_bridge.v1.common_pb2 import CompletionUsage

    from bridge.errors import BridgeError

SERVER_ERROR: Final = 500
"""HTTP statuses from here on are our own failures, or the model's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """See the module."""

    request_id: str
    trace_id: str
    """32 hexadecimal digits, or empty: nobody traces the request."""
    door: str
    """"http" or "grpc"."""
    endpoint: str
    model: str
    """Name as listed; empty if the request was not routed."""
    key: str
    """Name of the caller's key, if it has one."""
    code: str
    """gRPC's name of the status."""
    status: int | None
    """HTTP's status; None on the gRPC door."""
    error: BridgeError | None
    seconds: float
    """From the request's arrival to its end."""
    first_token: float | None
    """Seconds to the model's first response."""
    streamed: bool | None
    """Whether the answer was streamed; None where it never is."""
    finish_reasons: Sequence[str]
    """OpenAI's words, in the order of the choices that have ended."""
    usage: CompletionUsage | None
    upstreams: Sequence[str]
    """Addresses that the request went to, in their order."""
    resumed: int
    """Times that the answer went on elsewhere, its server being lost."""
    ignored: Sequence[str]
    """Fields without effect."""

    @property
    def failed(self) -> bool:
        """Whether we or the model failed, not the client."""
        return self.error is not None and self.error.row.http >= SERVER_ERROR

    def facts(self) -> dict[str, object]:
        """Return the fields of the log line; what is not known is left out."""
        facts: dict[str, object | None] = {
            "request_id": self.request_id,
            "trace_id": self.trace_id or None,
            "door": self.door,
            "endpoint": self.endpoint,
            "model": self.model,
            "key": self.key or None,
            "code": self.code,
            "status": self.status,
            "reason": self.error and self.error.reason.name,
            "seconds": round(self.seconds, 4),
            "first_token_seconds": self.first_token and round(self.first_token, 4),
            "stream": self.streamed,
            "finish": ",".join(dict.fromkeys(self.finish_reasons)) or None,
            "prompt_tokens": self.usage and self.usage.prompt_tokens,
            "completion_tokens": self.usage and self.usage.completion_tokens,
            "upstream": ",".join(self.upstreams) or None,
            "resumed": self.resumed or None,
            "ignored": list(self.ignored) or None,
        }
        return {name: value for name, value in facts.items() if value is not None}
