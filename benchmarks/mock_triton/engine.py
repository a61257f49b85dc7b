"""The pace of answers: all generations of a model take one step together, as an engine's batch does.

A model named `tick-20ms` says a token when it is asked and one every 20 ms; `burst` says all it may at once.
A step whose client takes nothing (flow control, a full socket) is not made up for: the token comes later.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final, Protocol

from benchmarks.mock_triton import answers, frames

if TYPE_CHECKING:
    from tritonclient.grpc import service_pb2

    from benchmarks.mock_triton.counts import Counts

BURST: Final = "burst"


class Outlet(Protocol):
    """The stream that a generation speaks on."""

    number: int

    def send(self, frame: bytes) -> bool:
        """Send a DATA frame; tell whether the windows and the socket had room for it."""

    def ended(self, generation: Generation) -> None:
        """Hear that a generation is complete."""


class Steps(Protocol):
    """A running answer, however it is sent."""

    def step(self) -> bool:
        """Say one token; tell whether it was possible."""


class Generation:
    """One running answer to ModelStreamInfer; see `Steps`."""

    __slots__ = ("_counts", "_end", "_last", "_middle", "_prefix", "_stream", "position")

    def __init__(self, request: service_pb2.ModelInferRequest, stream: Outlet, counts: Counts) -> None:
        """Prepare an answer.

        Raises:
            BadRequestError: see `answers.wanted`.
        """
        outputs, tokens = answers.wanted(request)
        tails = answers.tails(outputs)
        self._stream, self._counts = stream, counts
        self._end = tokens - 1
        self._middle = tails.middle(tokens)
        last = tails.last(tokens)
        self._prefix, self._last = (
            frames.data_head(stream.number, len(head) + size) + head
            for size in (len(self._middle[0]), len(last))
            for head in (answers.head(request, size),)
        )
        self._last += last
        self.position = 0

    def step(self) -> bool:
        """See `Steps.step`."""
        at = self.position
        if at == self._end:
            if not self._stream.send(self._last):
                self._counts.stalls += 1
                return False
            self._counts.tokens += 1
            self.position = at + 1
            self._stream.ended(self)
            return True
        if not self._stream.send(self._prefix + self._middle[at]):
            self._counts.stalls += 1
            return False
        self._counts.tokens += 1
        self.position = at + 1
        return True


class Model:
    """The generations of one model."""

    def __init__(self, tick: float | None, counts: Counts) -> None:
        """Prepare a model.

        Args:
            tick: seconds of a step; None says all at once.
            counts: of the server.
        """
        self._tick = tick
        self._counts = counts
        self._running: dict[Steps, None] = {}
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def running(self) -> int:
        """How many answers are not complete."""
        return len(self._running)

    def begin(self, generation: Steps) -> None:
        """Say the first token; the others follow."""
        self._running[generation] = None
        if self._tick is None:
            self.pump(generation)
            return
        generation.step()
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._due = loop.time() + self._tick
            self._timer = loop.call_at(self._due, self._step)

    def pump(self, generation: Steps) -> None:
        """Go on with an answer whose client takes more: only `burst` does not wait for its step."""
        if self._tick is None:
            while generation in self._running and generation.step():
                pass

    def forget(self, generation: Steps) -> bool:
        """End an answer, complete or not; tell whether it was running."""
        return self._running.pop(generation, self) is None

    def _step(self) -> None:
        if not self._running or self._tick is None:
            self._timer = None
            return
        for generation in list(self._running):
            generation.step()
        loop = asyncio.get_running_loop()
        self._due += self._tick
        if self._due < loop.time():
            self._counts.late += 1  # this machine is too slow for the tick: it becomes longer
            self._due = loop.time()
        self._timer = loop.call_at(self._due, self._step)


def tick(name: str) -> float | None:
    """Return the seconds of a model's step, by its name.

    Raises:
        ValueError: the name says none.
    """
    if name == BURST:
        return None
    found = re.fullmatch(r"tick-([1-9]\d*)ms", name)
    if found is None:
        raise ValueError(f"a model is {BURST} or tick-Nms, not {name}")
    return int(found[1]) / 1000
