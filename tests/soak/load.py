"""Many clients at once, each asking again and again; every answer is checked as it comes."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Final

from tests.soak.answer import WrongAnswerError, check
from tests.soak.asking import carry_out, connections
from tests.soak.faults import HUNG, LOOK
from tests.soak.plan import RESUMING, Plan, draw

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from tests.soak.answer import Answer
    from tests.soak.asking import Bridge, Doors
    from tests.soak.faults import Faults, Hit

MOST_SHOWN: Final = 20
PATIENCE: Final = HUNG + 3.0
"""Seconds for which a failure may wait for its explanation."""

WARM: Final = 10
"""Requests of each client before anything is measured."""


class Load:
    """See the module."""

    def __init__(self, doors: Doors, faults: Faults, random: Random) -> None:
        self._doors, self._faults, self._random = doors, faults, random
        self.whole: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        """Explicit errors that a fault explains."""
        self.causes: Counter[str] = Counter()
        """The faults that explain them."""
        self.gone: Counter[str] = Counter()
        """Clients that were not there for their answer."""
        self.tokens = 0
        self.wrong: list[str] = []

    @property
    def requests(self) -> int:
        """How many have ended."""
        return sum(sum(count.values()) for count in (self.whole, self.failed, self.gone)) + len(self.wrong)

    def progress(self) -> str:
        """Return a line."""
        failed = sum(self.failed.values())
        return f"{self.requests:6} requests, {failed} failed by faults, {len(self.wrong)} WRONG"

    async def warm_up(self, clients: int) -> None:
        """Ask before there are faults; what came is not counted."""
        await self._clients(clients, WARM, 0.0)
        for count in (self.whole, self.failed, self.gone):
            count.clear()
        self.tokens = 0

    async def run(self, clients: int, until: float) -> None:
        """Let so many clients ask until a time of time.monotonic()."""
        await self._clients(clients, 1, until)

    async def _clients(self, clients: int, at_least: int, until: float) -> None:
        async with connections(self._doors) as bridge:
            await asyncio.gather(*(self._client(bridge, at_least, until) for _ in range(clients)))

    async def _client(self, bridge: Bridge, at_least: int, until: float) -> None:
        asked = 0
        while asked < at_least or time.monotonic() < until:
            asked += 1
            plan, begin = draw(self._random), time.monotonic()
            try:
                await self._ask(plan, begin, bridge)
            except Exception as exc:  # noqa: BLE001 - whatever it is, it is no answer
                self._complain(plan, begin, exc)

    async def _ask(self, plan: Plan, begin: float, bridge: Bridge) -> None:
        answer = await carry_out(plan, bridge)
        if answer is None:
            self.gone[plan.name] += 1
            return
        if check(plan, answer):
            self.whole[plan.name] += 1
            self.tokens += plan.tokens
            return
        await self._explain(plan, answer, begin, time.monotonic())

    async def _explain(self, plan: Plan, answer: Answer, begin: float, end: float) -> None:
        """Count a failure, if faults explain it; a crash or a hang is felt before it is noticed.

        Raises:
            WrongAnswerError: they do not.
        """
        patience = end + PATIENCE
        while True:
            try:
                self._count(plan, answer, self._faults.explain(begin, end))
            except WrongAnswerError:
                if time.monotonic() > patience:
                    raise
                await asyncio.sleep(LOOK)
            else:
                return

    def _count(self, plan: Plan, answer: Answer, hits: Sequence[Hit]) -> None:
        if not hits:
            raise WrongAnswerError(f"{answer.error}, though nothing was wrong")
        cause = " and ".join(sorted({hit.name for hit in hits}))
        if not any(one.meets(other) for one, other in combinations(hits, 2)):
            if plan.model == RESUMING:
                raise WrongAnswerError(f"{answer.error}, though the other server could go on ({cause})")
            if plan.streamed and not answer.text:
                raise WrongAnswerError(f"{answer.error}, though the other server could begin ({cause})")
        self.failed[plan.name] += 1
        self.causes[cause] += 1

    def _complain(self, plan: Plan, begin: float, exc: Exception) -> None:
        now = time.monotonic()
        hits = ", ".join(f"{hit.name} {hit.at}" for hit in self._faults.explain(begin, now))
        self.wrong.append(f"{exc!r} after {now - begin:.1f} s, {hits or 'no fault'}: {plan}")
        if len(self.wrong) <= MOST_SHOWN:
            sys.stderr.write(f"WRONG: {self.wrong[-1]}\n")
