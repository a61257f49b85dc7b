"""NATS micro-service discovery: who is asked on `$SRV.*`, and what is answered.

The replies follow ADR-32 of NATS. They are our own: a library's service would own the subscriptions, and a
full worker could not leave its queue group.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.errors import BridgeError

VERSION: Final = "1.0.0"
"""Of the protocol, not of this program."""
DESCRIPTION: Final = "Models of a Triton on the request plane"

VERBS: Final = ("PING", "INFO", "STATS")


@dataclass(slots=True)
class Counts:
    """What has run of one model."""

    requests: int = 0
    errors: int = 0
    last_error: str = ""
    seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class Service:
    """One worker as discovery shows it."""

    name: str
    component_id: str
    started: str
    """When it started, as RFC 3339 has it."""
    max_inflight: int
    counts: dict[str, Counts] = field(default_factory=dict)
    """By model."""

    @property
    def subjects(self) -> tuple[str, ...]:
        """Where discovery asks."""
        return ("$SRV.*", f"$SRV.*.{self.name}", f"$SRV.*.{self.name}.{self.component_id}")

    def count(self, model: str, seconds: float, error: BridgeError | None) -> None:
        """Note the end of a generation."""
        counts = self.counts.setdefault(model, Counts())
        counts.requests += 1
        counts.seconds += seconds
        if error is not None:
            counts.errors += 1
            counts.last_error = error.reason.name

    def reply(self, subject: str, status: Mapping[str, Any], endpoints: Mapping[str, str]) -> bytes | None:
        """Return the answer to a question; None: it is none that we know.

        Args:
            subject: where it was asked.
            status: what the heartbeat tells.
            endpoints: subjects, which are also queue groups, by model.
        """
        verb = subject.split(".")[1]
        if verb not in VERBS:
            return None
        answer: dict[str, Any] = {
            "type": f"io.nats.micro.v1.{verb.lower()}_response",
            "name": self.name,
            "id": self.component_id,
            "version": VERSION,
            "metadata": {
                "component_id": self.component_id,
                "max_inflight": str(self.max_inflight),
                "status": orjson.dumps(status).decode(),
            },
        }
        if verb == "INFO":
            shown = [
                {"name": name, "subject": at, "queue_group": at, "metadata": {}}
                for name, at in endpoints.items()
            ]
            answer |= {"description": DESCRIPTION, "endpoints": shown}
        elif verb == "STATS":
            shown = [self._stats(name, at, status) for name, at in endpoints.items()]
            answer |= {"started": self.started, "endpoints": shown}
        return orjson.dumps(answer)

    def _stats(self, name: str, subject: str, status: Mapping[str, Any]) -> dict[str, Any]:
        counts = self.counts.get(name) or Counts()
        spent = int(counts.seconds * 1e9)
        return {
            "name": name,
            "subject": subject,
            "queue_group": subject,
            "num_requests": counts.requests,
            "num_errors": counts.errors,
            "last_error": counts.last_error,
            "processing_time": spent,
            "average_processing_time": spent // max(counts.requests, 1),
            "data": {"inflight": status["inflight"]},
        }
