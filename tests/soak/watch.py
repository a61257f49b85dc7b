"""What the bridge holds, from before the load to its end."""

from __future__ import annotations

import asyncio
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.soak.stage import Stage


class Watch:
    """See the module."""

    def __init__(self, playing: Stage) -> None:
        self._playing = playing
        self.tasks = self.files = 0
        """When nobody asks anything."""
        self.after = ""
        """The same at the last look."""
        self.samples: list[int] = []
        """Bytes of memory, at equal distances."""

    async def begin(self) -> None:
        """Note what it holds before the load, which must just have been tried."""
        await asyncio.sleep(1)
        self.tasks, self.files = await self._playing.tasks(), self._playing.files()

    async def left(self) -> dict[str, float]:
        """Return what it holds more than before the load."""
        playing = self._playing
        tasks, files, metrics = await playing.tasks(), playing.files(), await playing.metrics()
        self.after = f"{tasks}, {files}"
        found = {
            "requests in flight": metrics["requests_in_flight"],
            "generations in flight": metrics["upstream_requests_in_flight"],
            "tasks": tasks - self.tasks,
            "files": files - self.files,
        }
        return {name: number for name, number in found.items() if number > 0}

    def sample(self) -> None:
        """Note its memory."""
        self.samples.append(self._playing.memory())

    def growth(self) -> float:
        """Return the part by which memory has grown from the second third of the run to the last."""
        third = len(self.samples) // 3
        if not third:
            return 0.0
        return median(self.samples[-third:]) / median(self.samples[third:-third]) - 1

    def progress(self) -> str:
        """Return a line."""
        return f"{self.samples[-1] / 1e6:.1f} MB, {self._playing.files()} files"
