"""The state of a request plane, made of what its parts tell. No I/O, told the time.

Rates are differences of counters between two answers of the same part: nobody else remembers anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from bridge.operators import told

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bridge.operators.told import Numbers, Told
    from bridge.protocol.icp_subjects import Subjects

FORGOTTEN: Final = 10.0
"""Seconds for which a part that answers no more is still shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Generations of one part, of a model, or of all."""

    inflight: int = 0
    requests: int = 0
    """That have ended."""
    errors: int = 0
    """Of them."""
    requests_per_second: float | None = None
    """None: not known yet, or not any more."""
    responses_per_second: float | None = None
    """A model that streams token by token sends a token in each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A front end or a worker; the former has no capacity and no models."""

    component_id: str
    host: str
    pid: int
    started: str
    """RFC 3339, by its own clock."""
    state: str
    """ready, full, draining, "no models" or silent."""
    capacity: int
    models: Mapping[str, str]
    """Versions of each model that it offers."""
    load: Load


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPart:
    """A model, at all workers together."""

    name: str
    versions: str
    workers: int
    load: Load


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The plane at one time, everything in the order that it is shown in."""

    front_ends: list[Part]
    workers: list[Part]
    models: list[ModelPart]
    capacity: int
    load: Load
    """Of all workers."""


@dataclass(slots=True)
class _Known:
    """One part: its last answer and the one before."""

    last: Told
    before: Told | None = None
    silent: bool = False

    def loads(self) -> dict[str, Load]:
        """Return the load of each endpoint."""
        return {name: self._load(now, name) for name, now in self.last.numbers.items()}

    def _load(self, now: Numbers, name: str) -> Load:
        load = Load(inflight=now.inflight, requests=now.requests, errors=now.errors)
        if self.before is None or self.silent or name not in self.before.numbers:
            return load
        before, seconds = self.before.numbers[name], self.last.heard - self.before.heard
        return replace(
            load,
            requests_per_second=_rate(now.requests, before.requests, seconds),
            responses_per_second=_rate(now.responses, before.responses, seconds),
        )

    def shown(self) -> Part:
        """Return it as it is shown."""
        last = self.last
        return Part(
            component_id=last.component_id,
            host=last.host,
            pid=last.pid,
            started=last.started,
            state=self._state(),
            capacity=last.capacity,
            models=last.models,
            load=_sum(self.loads().values(), last.inflight),
        )

    def _state(self) -> str:
        if self.silent:
            return "silent"
        if self.last.draining:
            return "draining"
        if not self.last.capacity:  # a front end
            return "ready"
        if self.last.inflight >= self.last.capacity:
            return "full"
        return "ready" if self.last.models else "no models"


@dataclass(slots=True)
class Survey:
    """See the module."""

    subjects: Subjects
    _known: dict[str, _Known] = field(default_factory=dict)

    def asking(self, now: float) -> None:
        """Note that all are asked: who does not answer is silent, and forgotten after a while."""
        for name, one in list(self._known.items()):
            # Not before it was asked in vain: looks may be further apart.
            if one.silent and now - one.last.heard > FORGOTTEN:
                del self._known[name]
            one.silent = True

    def told(self, data: bytes, now: float) -> None:
        """Note an answer; what is none of this plane is ignored."""
        answer = told.read(data, now)
        if answer is not None and answer.service in {self.subjects.front_ends, self.subjects.service}:
            before = self._known.get(answer.component_id)
            self._known[answer.component_id] = _Known(answer, None if before is None else before.last)

    def snapshot(self) -> Snapshot:
        """Return what is known."""
        known = sorted(
            self._known.values(), key=lambda one: (one.last.host, one.last.pid, one.last.component_id)
        )
        workers = [one for one in known if one.last.service == self.subjects.service]
        front_ends = [one for one in known if one.last.service == self.subjects.front_ends]
        parts = [one.shown() for one in workers]
        return Snapshot(
            front_ends=[one.shown() for one in front_ends],
            workers=parts,
            models=_models(workers),
            capacity=sum(part.capacity for part in parts),
            load=_sum([part.load for part in parts]),
        )


def _models(workers: list[_Known]) -> list[ModelPart]:
    """Return the models that are offered, and those that still run somewhere."""
    loads: dict[str, list[Load]] = {}
    versions: dict[str, set[str]] = {}
    for worker in workers:
        for name, load in worker.loads().items():
            loads.setdefault(name, []).append(load)
        for name, words in worker.last.models.items():
            versions.setdefault(name, set()).update(words.replace("|", " ").split())
    return [
        ModelPart(
            name=name,
            versions=" ".join(sorted(versions.get(name, ()))),
            workers=sum(name in worker.last.models for worker in workers),
            load=_sum(loads.get(name, [])),
        )
        for name in sorted(loads.keys() | versions.keys())
    ]


def _sum(loads: Iterable[Load], inflight: int | None = None) -> Load:
    """Return loads together; rates of those that have one."""
    all_ = list(loads)
    return Load(
        inflight=sum(load.inflight for load in all_) if inflight is None else inflight,
        requests=sum(load.requests for load in all_),
        errors=sum(load.errors for load in all_),
        requests_per_second=_sum_known(load.requests_per_second for load in all_),
        responses_per_second=_sum_known(load.responses_per_second for load in all_),
    )


def _sum_known(rates: Iterable[float | None]) -> float | None:
    known = [rate for rate in rates if rate is not None]
    return sum(known) if known else None


def _rate(now: int | None, before: int | None, seconds: float) -> float | None:
    if now is None or before is None or seconds <= 0 or now < before:
        return None
    return (now - before) / seconds
