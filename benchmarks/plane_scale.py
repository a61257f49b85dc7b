"""A model of large request planes: messages, CPU, memory, and what breaks first. Pure; prints its tables.

`python -m benchmarks.plane_scale` prints what docs/request-plane-scale.md shows; costs are from there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from bridge.protocol.icp_subjects import Subjects
from bridge.protocol.nats_wire import publication

BEATS: Final = 2.0
"""Heartbeats of a worker in a second, and its looks at whether the front ends are there."""
ON_CREDIT: Final = 128
"""Tokens for one message of credit."""
SUBJECTS: Final = Subjects("icp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """CPU in microseconds, memory in bytes, on the machine of the page."""

    broker_in: float = 19.0
    """nats-server, for a write of somebody, of one message or of many."""
    broker_out: float = 1.9
    """nats-server, for a message that it delivers to somebody."""
    beat_heard: float = 21.0
    """A front end, for a message that comes alone, such as a heartbeat."""
    token_heard: float = 20.0
    """A front end, for a token, until it has left for its client."""
    token_said: float = 10.0
    """A worker, for a token, from its Triton to the broker."""
    connection: float = 80e3
    """nats-server, memory for a connection and its subscriptions."""
    known: float = 500.0
    """A front end, memory for a worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What there is of something; nats-server's are its defaults."""

    broker_cores: float = 8.0
    process_cores: float = 1.0
    """A worker or a front end is one process."""
    connections: float = 65_536.0
    pending: float = 64 * 1024 * 1024.0
    """Bytes that wait for one client before nats-server drops it."""
    stall: float = 1.0
    """Seconds that a front end may be away: a long collection, a machine that is frozen for a moment."""
    network: float = 1.25e9
    """Bytes a second, 10 Gbit/s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """A request plane at work."""

    workers: int
    front_ends: int
    models: int = 2
    """That a worker offers, of one version each."""
    streams: int = 32
    """That run at a worker."""
    pace: float = 50.0
    """Tokens of a stream in a second."""
    answer: int = 300
    """Tokens of an answer."""

    @property
    def tokens(self) -> float:
        """A second, all together."""
        return self.workers * self.streams * self.pace

    @property
    def served(self) -> float:
        """Front ends that a worker has requests of, on average, where all are spread by chance."""
        return self.front_ends * (1 - (1 - 1 / self.front_ends) ** self.streams)

    @property
    def subscriptions(self) -> int:
        """Of all: a worker has discovery (3), control, inbox, directed and two for each model."""
        return self.workers * (6 + 2 * self.models) + self.front_ends * 5


@dataclass(frozen=True, slots=True)
class Load:
    """What a fleet does to its parts, in a second."""

    fleet: Fleet
    costs: Costs = field(default_factory=Costs)

    @property
    def beats(self) -> float:
        """Heartbeats that the broker takes; every front end gets each of them."""
        return BEATS * self.fleet.workers

    @property
    def presence(self) -> float:
        """Looks at whether a front end is there."""
        return BEATS * self.fleet.workers * self.fleet.served

    @property
    def requests(self) -> float:
        """Messages of requests, acceptances, ends and credit."""
        return self.fleet.tokens * (3 / self.fleet.answer + 1 / ON_CREDIT)

    @property
    def delivered(self) -> float:
        """Messages that the broker delivers."""
        return self.beats * self.fleet.front_ends + self.presence + self.requests + self.fleet.tokens

    @property
    def standing_cores(self) -> float:
        """Of the broker, for heartbeats and, in the same writes, looks at whether front ends are there."""
        copies = self.beats * self.fleet.front_ends + self.presence
        return (self.beats * self.costs.broker_in + copies * self.costs.broker_out) / 1e6

    @property
    def token_cores(self) -> float:
        """Of the broker, for tokens and requests: what an engine's step brings is one write of the worker."""
        costs, steps = self.costs, self.fleet.tokens / self.fleet.streams
        writes = (steps + self.requests) * costs.broker_in
        return (writes + (self.fleet.tokens + self.requests) * costs.broker_out) / 1e6

    @property
    def front_end_beat_cores(self) -> float:
        """Of one front end, for heartbeats and presence."""
        return (self.beats + self.presence / self.fleet.front_ends) * self.costs.beat_heard / 1e6

    @property
    def front_end_token_cores(self) -> float:
        """Of one front end, for tokens."""
        return self.fleet.tokens / self.fleet.front_ends * self.costs.token_heard / 1e6

    @property
    def worker_cores(self) -> float:
        """Of one worker."""
        return self.fleet.streams * self.fleet.pace * self.costs.token_said / 1e6

    @property
    def front_end_bytes(self) -> float:
        """That the broker sends to one front end."""
        beat, token = len(beat_message(self.fleet.models)), len(token_message())
        return self.beats * beat + self.fleet.tokens / self.fleet.front_ends * token

    @property
    def broker_bytes(self) -> float:
        """That the broker sends."""
        return self.front_end_bytes * self.fleet.front_ends

    def headroom(self, limits: Limits) -> dict[str, float]:
        """Return how many times the load each limit would bear; the first to break comes first."""
        fleet = self.fleet
        found = {
            f"{limits.broker_cores:g} cores of nats-server": limits.broker_cores
            / (self.standing_cores + self.token_cores),
            "one core of a front end": limits.process_cores
            / (self.front_end_beat_cores + self.front_end_token_cores),
            "one core of a worker": limits.process_cores / self.worker_cores,
            "connections of nats-server": limits.connections / (fleet.workers + fleet.front_ends),
            "bytes that wait for a front end that is away for 1 s": limits.pending
            / (self.front_end_bytes * limits.stall),
            "10 Gbit/s of nats-server": limits.network / self.broker_bytes,
        }
        return dict(sorted(found.items(), key=lambda item: item[1]))


def heartbeat(models: int, component_id: str = "0123456789abcdef") -> bytes:
    """Return a heartbeat as workers send it."""
    status: dict[str, Any] = {
        "component_id": component_id,
        "inflight": 32,
        "capacity": 64,
        "models": {f"some-model-{at}": "1" for at in range(models)},
        "draining": False,
    }
    return orjson.dumps(status)


def beat_message(models: int) -> bytes:
    """Return a heartbeat as it crosses a socket."""
    return publication(SUBJECTS.heartbeat("0123456789abcdef"), heartbeat(models))


def token_message() -> bytes:
    """Return a token as it crosses a socket: its text, its number, and what protobuf puts around them."""
    return publication(f"{SUBJECTS.inbox('0123456789abcdef-0')}.12345", bytes(2 + 6 + 3))


FLEETS: Final = (
    Fleet(workers=10, front_ends=2),
    Fleet(workers=100, front_ends=10),
    Fleet(workers=1000, front_ends=100),
)


def table(fleets: tuple[Fleet, ...] = FLEETS) -> list[list[str]]:
    """Return the rows of the page."""
    loads = [Load(fleet) for fleet in fleets]
    rows = [["", *(f"{fleet.workers} workers, {fleet.front_ends} front ends" for fleet in fleets)]]
    for title, form, value in (
        ("connections", "{:,.0f}", lambda load: load.fleet.workers + load.fleet.front_ends),
        ("subscriptions", "{:,.0f}", lambda load: load.fleet.subscriptions),
        ("tokens a second", "{:,.0f}", lambda load: load.fleet.tokens),
        ("heartbeats a second, taken by nats-server", "{:,.0f}", lambda load: load.beats),
        ("the same, delivered", "{:,.0f}", lambda load: load.beats * load.fleet.front_ends),
        ("looks whether front ends are there", "{:,.0f}", lambda load: load.presence),
        ("requests, acceptances, ends, credit", "{:,.0f}", lambda load: load.requests),
        ("messages delivered in all", "{:,.0f}", lambda load: load.delivered),
        ("nats-server sends, MB a second", "{:,.1f}", lambda load: load.broker_bytes / 1e6),
        ("nats-server, cores for tokens and requests", "{:.2f}", lambda load: load.token_cores),
        ("nats-server, cores for heartbeats and looks", "{:.2f}", lambda load: load.standing_cores),
        ("nats-server, MB for connections", "{:,.0f}", _broker_memory),
        ("a front end, core for tokens", "{:.2f}", lambda load: load.front_end_token_cores),
        ("a front end, core for heartbeats and looks", "{:.3f}", lambda load: load.front_end_beat_cores),
        (
            "a front end, MB for the workers",
            "{:,.1f}",
            lambda load: load.fleet.workers * load.costs.known / 1e6,
        ),
        ("a worker, core", "{:.3f}", lambda load: load.worker_cores),
    ):
        rows.append([title, *(form.format(value(load)) for load in loads)])
    return rows


def limits_table(fleet: Fleet = FLEETS[-1]) -> list[list[str]]:
    """Return how far each limit is, the first to break first."""
    room = Load(fleet).headroom(Limits())
    return [["limit", "times the load"], *([name, f"{times:.1f}"] for name, times in room.items())]


def _broker_memory(load: Load) -> float:
    return (load.fleet.workers + load.fleet.front_ends) * load.costs.connection / 1e6


def main() -> None:
    """Print the tables of the page."""
    from benchmarks.report import markdown  # noqa: PLC0415 - it asks git, which tests of the model need not

    print(markdown(table()), markdown(limits_table()), sep="\n\n")


if __name__ == "__main__":
    main()
