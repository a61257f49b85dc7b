"""What can go wrong with Triton, when, and what the client must see then: one table."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.faults.fleet import Fleet
    from tests.faults.seen import Seen
    from tests.tcp_proxy import TcpProxy


class Fault(StrEnum):
    """What goes wrong; while it lasts unless it is a moment's work."""

    SIGKILL = "Triton is killed"
    SIGSTOP = "Triton is stopped"
    RESTART = "Triton gets SIGTERM, and a new one takes its place"
    SLOW = "everything is late"
    ERROR = "the model sends error_message"
    RESET = "the connection is reset"
    CLOSE = "the connection is closed"
    GOAWAY = "Triton sends GOAWAY"
    SILENCE = "the connection is half-open: nothing passes, nobody is told"


class Moment(StrEnum):
    """When it goes wrong."""

    CONNECTING = "before connecting"
    FIRST = "before the first token"
    STREAM = "in mid-stream"
    LAST = "after the last token"
    TRAILERS = "after the final response, before the end of the call"


@dataclass(frozen=True)
class Must:
    """What the client must see, over every door and transport."""

    said: Literal["nothing", "part", "all"]
    """Of what the model says: `part` is at least what was heard before it went wrong."""
    http: str
    """See `Seen.end`."""
    grpc: str
    """See `Seen.end`."""


@dataclass(frozen=True)
class Never:
    """It cannot happen, or the test could not make it happen, and why."""

    why: str


WHOLE: Final = Must("all", "[DONE]", "OK")
UNREACHABLE: Final = Must("nothing", "503", "UNAVAILABLE")
LOST: Final = Must("part", "service_unavailable", "UNAVAILABLE")
LOST_AT_THE_END: Final = Must("all", "service_unavailable", "UNAVAILABLE")
TOO_LATE: Final = Must("nothing", "504", "DEADLINE_EXCEEDED")
FELL_SILENT: Final = Must("part", "timeout", "DEADLINE_EXCEEDED")
SILENT_AT_THE_END: Final = Must("all", "timeout", "DEADLINE_EXCEEDED")
FAILED: Final = Must("nothing", "500", "INTERNAL")
BROKE: Final = Must("part", "server_error", "INTERNAL")
BROKE_AT_THE_END: Final = Must("all", "server_error", "INTERNAL")
AT_ONCE: Final = Never(
    "Triton ends the call in one go with the final response; to the bridge the end of the process is that of "
    "the connection, and its standstill that of the connection: those two are played by a scripted peer"
)
NO_MODEL: Final = Never("a model that was not asked sends nothing")

_ROWS: Final[dict[Fault, tuple[Must | Never, ...]]] = {
    # CONNECTING, FIRST, STREAM, LAST, TRAILERS
    Fault.SIGKILL: (UNREACHABLE, UNREACHABLE, LOST, LOST_AT_THE_END, AT_ONCE),
    Fault.SIGSTOP: (TOO_LATE, TOO_LATE, FELL_SILENT, SILENT_AT_THE_END, AT_ONCE),
    Fault.RESTART: (WHOLE, WHOLE, WHOLE, WHOLE, AT_ONCE),
    Fault.SLOW: (WHOLE, WHOLE, WHOLE, WHOLE, WHOLE),
    Fault.ERROR: (NO_MODEL, FAILED, BROKE, BROKE_AT_THE_END, WHOLE),
    Fault.RESET: (WHOLE, WHOLE, LOST, LOST_AT_THE_END, WHOLE),
    Fault.CLOSE: (WHOLE, WHOLE, LOST, LOST_AT_THE_END, WHOLE),
    Fault.GOAWAY: (WHOLE, WHOLE, WHOLE, WHOLE, WHOLE),
    Fault.SILENCE: (TOO_LATE, TOO_LATE, FELL_SILENT, SILENT_AT_THE_END, WHOLE),
}
TABLE: Final = {
    (fault, moment): cell for fault, row in _ROWS.items() for moment, cell in zip(Moment, row, strict=False)
}

LIMIT: Final = 0.9
"""Seconds of silence that a bridge allows where the fault is silence."""

SILENT: Final = frozenset({Fault.SIGSTOP, Fault.SILENCE})

KILLING: Final = frozenset({Fault.SIGKILL, Fault.RESTART})

HEARD: Final = {Moment.STREAM: "word3 ", Moment.LAST: "word2 "}
"""The word that all clients have before it goes wrong."""


def directive(fault: Fault, moment: Moment) -> dict[str, Any]:
    """Return what a model is told, so that there is time for the fault."""
    words = [f"word{number} " for number in range(3)]
    errors: dict[Moment, dict[str, Any]] = {
        Moment.FIRST: {"words": 5, "fail_at": 0},
        Moment.STREAM: {"words": 6, "fail_at": 4},
        Moment.LAST: {"pieces": [*words, ""], "fail_at": 3},
    }
    if fault is Fault.ERROR:
        return errors[moment]
    # A Triton that is told to exit gives its models a second: see `start_tritons`.
    stream = {"words": 60 if fault is Fault.RESTART else 100, "delay_ms": 10}
    return {
        Moment.CONNECTING: {"words": 5},
        Moment.FIRST: {"words": 5, "first_delay_ms": 600},
        Moment.STREAM: stream,
        Moment.LAST: {"words": 3, "end_delay_ms": 600},
    }[moment]


def check(seen: Seen, end: str, must: Must, whole: str) -> None:
    """Check what a client has seen; `whole` is what the model would have said."""
    assert seen.end == end
    assert seen.finishes == (must is WHOLE)
    if must.said == "part":
        assert seen.text
        assert whole.startswith(seen.text)
    else:
        assert seen.text == (whole if must.said == "all" else "")


@dataclass(frozen=True)
class Scene:
    """Triton, behind a proxy to which the bridges speak, and another one to take its place."""

    fleet: Fleet
    proxy: TcpProxy

    @property
    def faults(self) -> dict[Fault, Callable[[], AbstractContextManager[None]]]:
        """Return what makes each fault; it is over when its block ends."""
        return {
            Fault.SIGKILL: self._killed,
            Fault.SIGSTOP: lambda: self.fleet.stopped(0),
            Fault.RESTART: self._restarted,
            Fault.SLOW: self._late,
            Fault.ERROR: lambda: _done(None),
            Fault.RESET: lambda: _done(self.proxy.cut(reset=True)),
            Fault.CLOSE: lambda: _done(self.proxy.cut()),
            Fault.GOAWAY: lambda: _done(self.proxy.goaway()),
            Fault.SILENCE: self._silent,
        }

    def replace(self) -> None:
        """Let the other Triton answer at the same address."""
        self.proxy.target = self.fleet.tritons[1].address

    @contextmanager
    def _killed(self) -> Iterator[None]:
        self.fleet.kill(0)
        yield
        self.replace()

    @contextmanager
    def _restarted(self) -> Iterator[None]:
        os.kill(self.fleet.tritons[0].server.pid, signal.SIGTERM)
        self.replace()
        yield
        self.fleet.kill(0)  # it takes its time

    @contextmanager
    def _late(self) -> Iterator[None]:
        self.proxy.delay = 0.02
        yield
        self.proxy.delay = 0.0

    @contextmanager
    def _silent(self) -> Iterator[None]:
        self.proxy.passes.clear()
        try:
            yield
        finally:
            self.proxy.passes.set()


@contextmanager
def _done(_: None) -> Iterator[None]:
    yield
