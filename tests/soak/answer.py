"""What a client got, and whether it is right: numbered words, none lost, none twice, and exactly one end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.grpc_client import words

if TYPE_CHECKING:
    from tests.soak.plan import Plan


class WrongAnswerError(Exception):
    """An answer that is neither whole nor a beginning with an explicit error."""


@dataclass
class Answer:
    """What came of one request."""

    text: str = ""
    finishes: list[str] = field(default_factory=list)
    tokens: int | None = None
    """As its usage counts them."""
    ended: bool = False
    """Whether the end came that the protocol has: [DONE], the whole body, or a status."""
    error: str | None = None
    """What the bridge said has gone wrong: its code, or its HTTP or gRPC status."""


EXPLICIT = frozenset({"service_unavailable", "timeout", "503", "504", "UNAVAILABLE", "DEADLINE_EXCEEDED"})
"""Errors that a lost or silent server explains."""


def check(plan: Plan, answer: Answer) -> bool:
    """Return whether an answer is whole; if not, it says so itself.

    Raises:
        WrongAnswerError: it is wrong, and how.
    """
    whole = words(plan.tokens)
    if not answer.ended:
        raise WrongAnswerError(f"no end, and no error, after {_shown(answer.text)}")
    if answer.error is None:
        _same("text", _shown(answer.text), _shown(whole))
        _same("finish reasons", answer.finishes, [plan.finish])
        _same("tokens", answer.tokens, plan.tokens)
        return True
    if answer.error not in EXPLICIT:
        raise WrongAnswerError(f"error {answer.error}")
    if not whole.startswith(answer.text):
        raise WrongAnswerError(f"{_shown(answer.text)} is no beginning of {_shown(whole)}")
    _same("finish reasons of what failed", answer.finishes, [])
    return False


def _same(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise WrongAnswerError(f"{what}: {found}, not {wanted}")


def _shown(text: str) -> str:
    """Return a text as the ranges of its numbered words: 0-3, 5-9 has lost one."""
    runs: list[list[int]] = []
    for word in text.split():
        number = word.removeprefix("word")
        if not number.isdecimal():
            return repr(text)
        if runs and int(number) == runs[-1][1] + 1:
            runs[-1][1] += 1
        else:
            runs.append([int(number), int(number)])
    return ", ".join(f"{first}-{last}" for first, last in runs) or "nothing"
