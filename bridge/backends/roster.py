"""The workers of the request plane as a front end knows them: by their heartbeats. No I/O, told the time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge.protocol.icp_subjects import is_token

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

SILENCE: Final = 1.0
"""Seconds without a heartbeat after which a worker is asked whether it lives: two were missed."""
PATIENCE: Final = 0.6
"""Seconds that it has to answer; it is asked again meanwhile."""


@dataclass(slots=True, kw_only=True)
class Seen:
    """One worker."""

    component_id: str
    models: Mapping[str, str]
    """Versions of each model that it offers."""
    inflight: int
    capacity: int
    heard: float
    """When it last said something."""
    draining: bool = False
    """Whether it takes no requests any more."""

    def has(self, name: str, version: str) -> bool:
        """Tell whether it offers a model; an empty version is any."""
        versions = self.models.get(name)
        return versions is not None and (not version or version in versions.split())


class Roster:
    """See the module."""

    def __init__(self) -> None:
        self.workers: dict[str, Seen] = {}
        """By component id."""

    def told(self, data: bytes, now: float) -> None:
        """Note a heartbeat; what is none is ignored."""
        try:
            told: Any = orjson.loads(data)
            seen = Seen(
                component_id=str(told["component_id"]),
                models={str(name): str(versions) for name, versions in told["models"].items()},
                inflight=int(told["inflight"]),
                capacity=int(told["capacity"]),
                heard=now,
                draining=bool(told.get("draining")),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return
        if is_token(seen.component_id):
            self.workers[seen.component_id] = seen

    @property
    def serving(self) -> bool:
        """Whether there is a worker that takes requests."""
        return any(not seen.draining for seen in self.workers.values())

    def answered(self, component_id: str, now: float) -> None:
        """Note that a worker has answered."""
        if component_id in self.workers:
            self.workers[component_id].heard = now

    def forgive(self, seconds: float) -> None:
        """Take back time in which we could not have heard: heartbeats that came are still to be read."""
        for seen in self.workers.values():
            seen.heard += seconds

    def models(self) -> dict[str, str]:
        """Return all models, each with a word that changes with its versions."""
        words: dict[str, set[str]] = {}
        for worker in self.workers.values():
            for name, versions in worker.models.items():
                words.setdefault(name, set()).add(versions)
        return {name: " | ".join(sorted(found)) for name, found in words.items()}

    def having(
        self, name: str, version: str, without: Collection[str] = (), *, since: float = 0.0
    ) -> list[Seen]:
        """Return the workers that offer a model: those heard since a time first, with the most room first."""
        found = [
            worker
            for worker in self.workers.values()
            if worker.has(name, version) and worker.component_id not in without
        ]
        return sorted(found, key=lambda one: (one.heard < since, one.inflight / max(one.capacity, 1)))

    def silent(self, now: float) -> tuple[list[str], list[str]]:
        """Return who is to be asked whether it lives, and who has not answered."""
        asked = [one for one, seen in self.workers.items() if now - seen.heard > SILENCE]
        dead = [one for one in asked if now - self.workers[one].heard > SILENCE + PATIENCE]
        return [one for one in asked if one not in dead], dead
