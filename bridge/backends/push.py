"""The push form of a generation: responses are handed over where they are read, no task is woken.

For doors that write to their client from the reader's callback; the pull form is `Backend.stream`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from bridge.backends.base import LINGER, unheard

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.backends.base import Metadata, Stop
    from bridge.errors import BridgeError
    from bridge.protocol.alike import Received
    from bridge.protocol.kserve import ModelInferRequest


class Sink(Protocol):
    """Takes what a generation says. It is called from the connection's reader: it must not block.

    Calls come only after `PushBackend.open` has returned, and none after `Handle.cancel`.
    """

    def responses(self, batch: Sequence[Received]) -> None:
        """Take everything that one read brought; a BridgeError raised here ends the generation with it."""

    def ended(self, error: BridgeError | None) -> None:
        """Take the end, exactly once and last; None: the answer is complete."""


class Handle(Protocol):
    """A running generation."""

    def cancel(self) -> None:
        """Give it up; one that has ended stays as it is."""

    def pause(self) -> None:
        """Stop the model by flow control; what is on its way (one stream window at most) still comes.

        Silence is not counted meanwhile, the deadline is.
        """

    def resume(self) -> None:
        """Go on after `pause`."""


def let_end(handle: Handle) -> None:
    """Give up, after `LINGER`, a generation whose answer is complete; who opened it hears no more of it."""
    asyncio.get_running_loop().call_later(LINGER, handle.cancel)


@runtime_checkable
class PushBackend(Protocol):
    """A backend that owns its socket."""

    def open(
        self,
        request: ModelInferRequest,
        *,
        model: str,
        deadline: float,
        sink: Sink,
        placed: Callable[[str], object] = unheard,
        metadata: Metadata = (),
        stop: Stop | None = None,
    ) -> Handle:
        """Run one generation; the arguments are those of `Backend.stream`, which says what may fail.

        Args:
            request: sent once, then the call is half-closed.
            model: its name in requests, for errors and for what is known of it.
            deadline: time of the event loop's clock at which the generation is given up.
            sink: hears what comes.
            placed: hears the address of the server that the request goes to.
            metadata: goes with the request.
            stop: for a model that must not be cancelled.

        Raises:
            BridgeError: no server can take it.
        """
