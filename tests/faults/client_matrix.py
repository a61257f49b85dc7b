"""What a client can do wrong, when, and what must come of it: one table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal

from tests.faults.clients import GrpcClient, HttpClient
from tests.faults.seen import CUT

if TYPE_CHECKING:
    from tests.faults.clients import Client

Said = Literal["nothing", "part", "all"]


class Fault(StrEnum):
    """What the client does."""

    LEAVE = "it closes its connection"
    RESET = "it resets its connection"
    STALL = "it goes on with nothing: it neither sends nor reads"
    HALF_CLOSE = "it closes its half of the connection and reads on"
    GARBAGE = "it sends what is no request"


class Moment(StrEnum):
    """When it does it."""

    REQUEST = "before its request is whole"
    FIRST = "before the first token"
    STREAM = "in mid-stream"
    LAST = "after the last token"


@dataclass(frozen=True)
class Must:
    """What must come of it at one door."""

    model: Literal["not asked", "cancelled", "done"]
    """What happens to the generation."""
    said: Said = "nothing"
    """Of the answer, as far as the client is there to read it."""
    end: str | None = None
    """See `Seen.end`; None: it is not there."""


@dataclass(frozen=True)
class Never:
    """It cannot happen, and why."""

    why: str


UNASKED: Final = Must("not asked")
GONE: Final = Must("cancelled")
READS_LATE: Final = Never("a client that is behind with an answer that has not begun is behind with nothing")
HTTP, GRPC = HttpClient, GrpcClient

_ROWS: Final[dict[tuple[Fault, type[Client]], tuple[Must | Never, ...]]] = {
    # REQUEST, FIRST, STREAM, LAST
    (Fault.LEAVE, HTTP): (UNASKED, GONE, GONE, GONE),
    (Fault.LEAVE, GRPC): (UNASKED, GONE, GONE, GONE),
    (Fault.RESET, HTTP): (UNASKED, GONE, GONE, GONE),
    (Fault.RESET, GRPC): (UNASKED, GONE, GONE, GONE),
    (Fault.STALL, HTTP): (
        Must("not asked", "nothing", "408"),
        READS_LATE,
        Must("cancelled", "part", CUT),
        Must("done", "all", "[DONE]"),
    ),
    (Fault.STALL, GRPC): (
        Must("not asked", "nothing", "DEADLINE_EXCEEDED"),
        READS_LATE,
        Must("cancelled", "part", "DEADLINE_EXCEEDED"),
        Must("done", "all", "OK"),
    ),
    (Fault.HALF_CLOSE, HTTP): (
        Must("not asked", "nothing", CUT),
        Must("cancelled", "nothing", CUT),
        Must("cancelled", "part", CUT),
        Must("cancelled", "all", CUT),
    ),
    (Fault.HALF_CLOSE, GRPC): (
        Must("not asked", "nothing", "UNAVAILABLE"),
        Must("cancelled", "nothing", "UNAVAILABLE"),
        Must("cancelled", "part", "UNAVAILABLE"),
        Must("cancelled", "all", "UNAVAILABLE"),
    ),
    # HTTP/1.1 has no more to say in the middle of an answer: what is sent is the next request, and bad.
    (Fault.GARBAGE, HTTP): (
        Must("not asked", "nothing", "400"),
        Must("done", "all", "[DONE]"),
        Must("done", "all", "[DONE]"),
        Must("done", "all", "[DONE]"),
    ),
    (Fault.GARBAGE, GRPC): (
        Must("not asked", "nothing", CUT),
        Must("cancelled", "nothing", "UNAVAILABLE"),
        Must("cancelled", "part", "UNAVAILABLE"),
        Must("cancelled", "all", "UNAVAILABLE"),
    ),
}
TABLE: Final = {
    (fault, door, moment): cell
    for (fault, door), row in _ROWS.items()
    for moment, cell in zip(Moment, row, strict=False)
}

STALL: Final = 0.3
"""Seconds that a bridge of these tests waits for a client."""

HEARD: Final = {Moment.STREAM: "word3 ", Moment.LAST: "word2 "}
"""The word that the client has before it does wrong."""

_LONG: Final = {"words": 110_000, "cut_bytes": 10_000, "delay_ms": 10}
"""A megabyte, for more than a second."""


def directive(fault: Fault, moment: Moment) -> dict[str, Any]:
    """Return what the model is told, so that there is time for the fault."""
    return {
        Moment.REQUEST: {"words": 5},
        Moment.FIRST: {"words": 5, "first_delay_ms": 400},
        Moment.STREAM: _LONG if fault is Fault.STALL else {"words": 60, "delay_ms": 10},
        Moment.LAST: {"words": 3, "end_delay_ms": 400},
    }[moment]


async def do(fault: Fault, client: Client) -> None:
    """Make a client do wrong."""
    match fault:
        case Fault.LEAVE:
            client.leave()
        case Fault.RESET:
            client.reset()
        case Fault.HALF_CLOSE:
            client.half_close()
        case Fault.GARBAGE:
            await client.send(client.rubbish())
        case Fault.STALL:
            pass


def begins(fault: Fault, request: bytes) -> bytes:
    """Return what is sent of a request before a fault that comes before its end."""
    return b"" if fault is Fault.GARBAGE else request[:-5]
