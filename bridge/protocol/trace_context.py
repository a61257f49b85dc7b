"""W3C Trace Context: which trace a request belongs to, as its caller says and as Triton is told.

Facts: the Recommendation, level 2 (`traceparent`, `tracestate`). What breaks its grammar is ignored, as it
asks for: a `traceparent` with all that belongs to it, a `tracestate` alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PARENT: Final = "traceparent"
STATE: Final = "tracestate"

MAX_MEMBERS: Final = 32
"""Entries of a `tracestate`."""

MAX_STATE: Final = 2048
"""Characters of a `tracestate` that are passed on, where the Recommendation asks for 512."""

FLAGS: Final = 0x03
"""Those that have a meaning: the trace is recorded, and its id is random. Others must not be passed on."""

_PARENT: Final = re.compile(
    "(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<rest>-.*)?"
)
_MEMBER: Final = re.compile(r"[a-z0-9][a-z0-9_\-*/@]{0,255}=[ -+\--<>-~]{0,255}[!-+\--<>-~]")
_OWS: Final = " \t"


@dataclass(frozen=True, slots=True)
class TraceContext:
    """One position in a trace."""

    trace_id: str
    """32 hexadecimal digits in lower case, not all 0."""
    span_id: str
    """16 of them: the parent of whatever comes next."""
    flags: int
    """Some of `FLAGS`."""
    state: str = ""
    """What tracing systems have to tell each other: `key=value,...`, or nothing."""

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return the headers, or metadata, that tell it: version 00, names in lower case."""
        parent = (PARENT, f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}")
        return (parent, (STATE, self.state)) if self.state else (parent,)


def read(parents: Sequence[str], states: Iterable[str]) -> TraceContext | None:
    """Return what a request's headers or metadata say; None if that is nothing, or no `traceparent`.

    Args:
        parents: all values of `traceparent`; more than one is none.
        states: all values of `tracestate`, in their order.
    """
    if len(parents) != 1:
        return None
    found = _PARENT.fullmatch(parents[0].strip(_OWS))
    if found is None or found["version"] == "ff" or (found["version"] == "00" and found["rest"]):
        return None
    trace_id, span_id = found["trace"], found["span"]
    if not (trace_id.strip("0") and span_id.strip("0")):
        return None
    return TraceContext(trace_id, span_id, int(found["flags"], 16) & FLAGS, _state(states))


def _state(values: Iterable[str]) -> str:
    """Return the entries of all values, as many as may be passed on; none of them if one is wrong."""
    entries = [entry for value in values for part in value.split(",") if (entry := part.strip(_OWS))]
    if len(entries) > MAX_MEMBERS or not all(map(_MEMBER.fullmatch, entries)):
        return ""
    if len({entry.partition("=")[0] for entry in entries}) != len(entries):
        return ""
    while sum(map(len, entries)) + len(entries) > MAX_STATE + 1:
        entries.pop()
    return ",".join(entries)
