"""What a mock has seen and said since it was started."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counts:
    """All counts begin at zero and only grow."""

    connections: int = 0
    requests: int = 0
    """Answers begun."""
    tokens: int = 0
    complete: int = 0
    """Answers said to their end."""
    cancels: int = 0
    """Running answers that an RST_STREAM ended."""
    lost: int = 0
    """Running answers whose connection broke."""
    stalls: int = 0
    """Steps that had no room in a window or in the socket."""
    late: int = 0
    """Steps that took longer than their tick: the load was less than asked for."""
