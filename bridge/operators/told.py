"""What a part of a request plane tells where discovery asks for its STATS: read and checked. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Numbers:
    """Counters of one endpoint: of a model at a worker, or of all that a front end does."""

    inflight: int
    requests: int
    """Generations that have ended."""
    errors: int
    """Of them."""
    responses: int | None
    """None: it does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One answer; a front end has no capacity and no models."""

    service: str
    component_id: str
    host: str
    pid: int
    started: str
    """RFC 3339, by its own clock."""
    heard: float
    """When it came, in seconds of a clock of ours."""
    inflight: int
    capacity: int
    draining: bool
    models: Mapping[str, str]
    """Versions of each model that it offers."""
    numbers: Mapping[str, Numbers]
    """By endpoint."""


def read(data: bytes, now: float) -> Told | None:
    """Return an answer; None: it is somebody else's, or broken."""
    try:
        answer: Any = orjson.loads(data)
        metadata, status = answer["metadata"], orjson.loads(answer["metadata"]["status"])
        return Told(
            service=str(answer["name"]),
            component_id=str(answer["id"]),
            host=str(metadata.get("host", "")),
            pid=int(metadata.get("pid", 0)),
            started=str(answer["started"]),
            heard=now,
            inflight=int(status["inflight"]),
            capacity=int(status.get("capacity", 0)),
            draining=bool(status.get("draining", False)),
            models={str(name): str(versions) for name, versions in status.get("models", {}).items()},
            numbers={str(one["name"]): _numbers(one) for one in answer["endpoints"]},
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _numbers(endpoint: Any) -> Numbers:
    data = endpoint["data"]
    return Numbers(
        inflight=int(data["inflight"]),
        requests=int(endpoint["num_requests"]),
        errors=int(endpoint["num_errors"]),
        responses=int(data["responses"]) if "responses" in data else None,
    )
