"""The front ends whose requests a worker runs: which of them are still there.

A message to an inbox that nobody listens at comes back from the broker; one that arrives is never answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bridge.protocol.icp import Opening


class Ask(Protocol):
    """Sends; see `Link.post`."""

    def __call__(self, subject: str, data: bytes, reply: str) -> None:
        """Send a message that may come back."""


class Clients:
    """See the module."""

    def __init__(self, inbox: str, ask: Ask) -> None:
        """Begin with none.

        Args:
            inbox: what begins the worker's own subjects for answers.
            ask: sends.
        """
        self._inbox = inbox
        self._ask = ask
        self._running: dict[str, int] = {}
        """Requests of each front end, by where it listens."""

    def came(self, opening: Opening) -> None:
        """Note a request."""
        self._running[opening.component_id] = self._running.get(opening.component_id, 0) + 1

    def left(self, opening: Opening) -> None:
        """Note its end."""
        left = self._running[opening.component_id] - 1
        if left:
            self._running[opening.component_id] = left
        else:
            del self._running[opening.component_id]

    def probe(self) -> None:
        """Send all of them something that they ignore."""
        prefix = self._inbox.rpartition(".")[0]
        for client in self._running:
            self._ask(f"{prefix}.{client}.-", b"", f"{self._inbox}.{client}")

    def gone(self, subject: str) -> str:
        """Return who is not there any more, by where the message has come back to."""
        return subject.rpartition(".")[2]
