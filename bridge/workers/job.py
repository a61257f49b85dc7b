"""What a parent and its worker tell each other.

The parent pickles a Job into the worker's standard input and leaves that open: its end is the parent's.
The worker answers with one line of JSON on its standard output: how its start went.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.config import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a worker needs to know."""

    number: int
    """From 1; a worker that is started again keeps it."""
    config: Config
    """With the ports that the parent holds."""
    counts: Path
    """Directory of the counts that all workers share."""
    log_prefix: str
    """Put before the text lines of its log."""


class Outcome(StrEnum):
    """How a worker's start went."""

    LISTENING = "listening"
    WRONG_SETTING = "wrong setting"
    NO_ADDRESS = "no address"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a worker says of its start, once."""

    outcome: Outcome
    text: str = ""
    """The complaint."""

    def pack(self) -> bytes:
        """Return it as a line."""
        return orjson.dumps([self.outcome, self.text]) + b"\n"

    @classmethod
    def unpack(cls, line: bytes) -> Answer:
        """Read it from a line."""
        outcome, text = orjson.loads(line)
        return cls(Outcome(outcome), text)
