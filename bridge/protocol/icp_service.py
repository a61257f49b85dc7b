"""NATS micro-service discovery: what a part of the request plane answers on `$SRV.*`. No I/O.

The replies follow ADR-32 of NATS. They are our own: a library's service would own the subscriptions, and a
full worker could not leave its queue group.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.errors import BridgeError

VERSION: Final = "1.0.0"
"""Of the protocol, not of this program."""

VERBS: Final = ("PING", "INFO", "STATS")


class Counted(Protocol):
    """A generation."""

    @property
    def sent(self) -> int:
        """Responses so far."""


@dataclass(slots=True)
class Counts:
    """What has run and what runs, of one model or of all; nothing is counted for each response."""

    requests: int = 0
    """That have ended, as the following."""
    errors: int = 0
    last_error: str = ""
    seconds: float = 0.0
    _responses: int = 0
    _running: dict[Counted, float] = field(default_factory=dict)
    """When each began."""

    @property
    def inflight(self) -> int:
        """How many run."""
        return len(self._running)

    @property
    def responses(self) -> int:
        """Responses of all, also of those that run."""
        return self._responses + sum(one.sent for one in self._running)

    def begin(self, one: Counted, now: float) -> None:
        """Note a generation."""
        self._running[one] = now

    def end(self, one: Counted, now: float, error: BridgeError | None = None) -> None:
        """Note its end; one that has ended is not counted again."""
        began = self._running.pop(one, None)
        if began is None:
            return
        self.requests += 1
        self.seconds += now - began
        self._responses += one.sent
        if error is not None:
            self.errors += 1
            self.last_error = error.reason.name


@dataclass(slots=True, kw_only=True)
class Service:
    """One part of the plane as discovery shows it."""

    name: str
    description: str
    component_id: str
    started: str
    """When it started, as RFC 3339 has it."""
    metadata: Mapping[str, str]
    """Further facts that stay."""
    grouped: bool = True
    """Whether endpoints are queue groups of the same name."""
    counts: dict[str, Counts] = field(default_factory=dict)
    """By endpoint."""

    @property
    def subjects(self) -> tuple[str, ...]:
        """Where discovery asks."""
        return ("$SRV.*", f"$SRV.*.{self.name}", f"$SRV.*.{self.name}.{self.component_id}")

    def of(self, endpoint: str) -> Counts:
        """Return where to count."""
        return self.counts.setdefault(endpoint, Counts())

    def reply(self, subject: str, status: Mapping[str, Any], endpoints: Mapping[str, str]) -> bytes | None:
        """Return the answer to a question; None: it is none that we know.

        Args:
            subject: where it was asked.
            status: what changes; a worker's heartbeat tells the same.
            endpoints: their subjects.
        """
        verb = subject.split(".")[1]
        if verb not in VERBS:
            return None
        own = {"component_id": self.component_id, "status": orjson.dumps(status).decode()}
        answer: dict[str, Any] = {
            "type": f"io.nats.micro.v1.{verb.lower()}_response",
            "name": self.name,
            "id": self.component_id,
            "version": VERSION,
            "metadata": {**self.metadata, **own},
        }
        if verb == "INFO":
            shown = [self._endpoint(name, at) | {"metadata": {}} for name, at in endpoints.items()]
            answer |= {"description": self.description, "endpoints": shown}
        elif verb == "STATS":
            shown = [self._stats(name, at) for name, at in endpoints.items()]
            answer |= {"started": self.started, "endpoints": shown}
        return orjson.dumps(answer)

    def _endpoint(self, name: str, subject: str) -> dict[str, Any]:
        return {"name": name, "subject": subject, "queue_group": subject if self.grouped else ""}

    def _stats(self, name: str, subject: str) -> dict[str, Any]:
        counts = self.counts.get(name) or Counts()
        spent = int(counts.seconds * 1e9)
        return self._endpoint(name, subject) | {
            "num_requests": counts.requests,
            "num_errors": counts.errors,
            "last_error": counts.last_error,
            "processing_time": spent,
            "average_processing_time": spent // max(counts.requests, 1),
            "data": {"inflight": counts.inflight, "responses": counts.responses},
        }
