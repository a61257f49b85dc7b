"""Limits that protect the bridge and the models behind it from too much at once."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Final

from bridge.config.checks import demand

MAX_N: Final = 128
"""Choices of a prompt: the schema's own limit."""

MAX_STOPS: Final = 64
"""Stop strings of a request that are read at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`[limits]`. Times are in seconds; 0 is no limit where nothing else is said."""

    max_concurrent_requests: int = 0
    """Requests that may be with the models at once, in each process."""
    queue_size: int = 100
    """Requests that may wait for others to end; 0 lets none wait."""
    queue_timeout: float = 10.0
    """Longest wait of one."""
    max_messages: int = 10_000
    """Messages of a chat."""
    max_prompt_characters: int = 0
    """Characters of a prompt, or of all messages of a chat together."""
    max_n: int = MAX_N
    """Choices of a prompt; at most 128."""
    max_stops: int = MAX_STOPS
    """Stop strings; at most 64."""
    max_tools: int = 1024
    """Tools of a chat."""
    header_timeout: float = 10.0
    """Longest time for the head of an HTTP request, and for a TLS handshake; must be > 0."""
    body_timeout: float = 60.0
    """Longest time for the body of an HTTP request, and for the message of a gRPC call; must be > 0."""
    idle_timeout: float = 620.0
    """Longest silence on a connection without a request; must be > 0."""
    max_connection_streams: int = 1000
    """Calls at once on one gRPC connection; must be > 0."""
    max_connection_age: float = 0.0
    """Age at which a gRPC client is asked to connect anew, as a balancer of connections may need it."""

    def __post_init__(self) -> None:
        demand(
            0 <= self.max_connection_age < inf,
            "limits.max_connection_age",
            f"must be >= 0 and finite, not {self.max_connection_age}",
        )
        for key in (
            "max_concurrent_requests",
            "queue_size",
            "max_messages",
            "max_prompt_characters",
            "max_tools",
        ):
            value = getattr(self, key)
            demand(value >= 0, f"limits.{key}", f"must be >= 0, not {value}")
        for key in (
            "queue_timeout",
            "header_timeout",
            "body_timeout",
            "idle_timeout",
            "max_connection_streams",
        ):
            value = getattr(self, key)
            demand(0 < value < inf, f"limits.{key}", f"must be > 0 and finite, not {value}")
        for key, most in (("max_n", MAX_N), ("max_stops", MAX_STOPS)):
            value = getattr(self, key)
            demand(1 <= value <= most, f"limits.{key}", f"must be from 1 to {most}, not {value}")
