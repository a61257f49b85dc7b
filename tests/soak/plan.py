"""What one client asks and does, drawn at random; what the answer must be follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from tests.grpc_client import prompt

if TYPE_CHECKING:
    from random import Random

Door = Literal["http", "grpc"]
Endpoint = Literal["chat", "completions"]
Behaviour = Literal["reads", "leaves", "stalls"]

PLAIN: Final = "echo_vllm"
RESUMING: Final = "resuming"
"""The same model under a name for which `resume = true`."""

_LONGEST: Final = 300
_PACED: Final = 0.3
"""Part of the requests whose model takes its time: faults find these in mid-stream."""

_STALLED: Final = {"words": 110_000, "cut_bytes": 10_000, "delay_ms": 10}
"""A megabyte, of which a client that stalls reads nothing more than its socket takes."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One request and its client."""

    door: Door
    endpoint: Endpoint
    streamed: bool
    model: str
    behaviour: Behaviour
    directive: dict[str, Any]
    limit: int
    """`max_tokens`."""
    patience: int
    """Messages after which a client leaves that `leaves`; for an answer in one piece 10 ms count as one."""

    @property
    def prompt(self) -> str:
        """The text that steers the model."""
        return prompt(**self.directive)

    @property
    def tokens(self) -> int:
        """How many the whole answer has."""
        return min(self.directive["words"], self.limit)

    @property
    def finish(self) -> str:
        """Why the whole answer ends."""
        return "length" if self.directive["words"] > self.limit else "stop"

    @property
    def name(self) -> str:
        """What it counts as."""
        if self.behaviour != "reads":
            return self.behaviour
        return f"{self.door} {self.endpoint}{', streamed' if self.streamed else ''}"


def draw(random: Random) -> Plan:
    """Return what the next client does."""
    behaviour: Behaviour = random.choices(("reads", "leaves", "stalls"), (95, 4, 1))[0]
    words = random.randint(1, 20) if random.random() < 0.7 else random.randint(20, _LONGEST)
    pace: dict[str, Any] = {}
    if random.random() < _PACED:
        pace = {"first_delay_ms": random.choice((0, 50, 500)), "delay_ms": random.choice((1, 3, 10))}
    stalls = behaviour == "stalls"
    return Plan(
        door=random.choice(("http", "grpc")),
        endpoint="chat" if stalls else random.choice(("chat", "completions")),
        streamed=stalls or random.random() < 0.7,
        model=PLAIN if stalls else random.choice((PLAIN, RESUMING)),
        behaviour=behaviour,
        directive=_STALLED if stalls else {"words": words, **pace},
        limit=words - random.randint(0, words - 1) if random.random() < 0.1 else 1000,
        patience=random.randint(0, words),
    )
