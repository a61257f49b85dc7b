"""What a run of a client saw, and how it is added up."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Answer:
    """One answer, as it came; checked when the run is over, so that checking costs the run nothing."""

    tokens: int
    """How many were asked for."""
    asked: float
    """When the request was written, on the loop's clock."""
    first: float = 0.0
    """When the first token was here; 0: never."""
    ended: float = 0.0
    pieces: list[bytes] = field(default_factory=list)
    broken: str = ""
    """What went wrong below HTTP or gRPC."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run."""

    answers: int
    tokens: int
    """Tokens of all answers; every one was seen, in order, or `failures` is not empty."""
    seconds: float
    """From the first request to the last byte."""
    ttft: tuple[float, ...]
    """Seconds to the first token, sorted."""
    reads: int
    """Reads of the socket: tokens / reads is how many came at once."""
    open_at_once: int
    """Most answers that were begun and not ended at one moment."""
    failures: tuple[str, ...]

    def ttft_at(self, share: float) -> float:
        """Return a percentile of the time to the first token, in seconds; 0 where there is none."""
        return self.ttft[min(int(share * len(self.ttft)), len(self.ttft) - 1)] if self.ttft else 0.0


def add_up(answers: list[Answer], failures: list[str]) -> Outcome:
    """Return the outcome of a run whose answers were checked."""
    return Outcome(
        answers=len(answers),
        tokens=sum(answer.tokens for answer in answers),
        seconds=max(answer.ended for answer in answers) - min(answer.asked for answer in answers),
        ttft=tuple(sorted(answer.first - answer.asked for answer in answers if answer.first)),
        reads=sum(len(answer.pieces) for answer in answers),
        open_at_once=_open_at_once(answers),
        failures=tuple(failures),
    )


def _open_at_once(answers: list[Answer]) -> int:
    begun = [(answer.first, 1) for answer in answers if answer.first]
    ended = [(answer.ended, -1) for answer in answers if answer.first]
    most = now = 0
    for _, change in sorted(begun + ended):
        now += change
        most = max(most, now)
    return most
