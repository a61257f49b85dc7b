"""The servers that may serve a request, and who gets it: what is known of each, the policy, the retry budget.

No I/O of its own: it looks at `Upstream`s and is told the time.
"""

from __future__ import annotations

from collections import defaultdict
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from bridge.backends.choosing import Turns, least_outstanding
from bridge.errors import BridgeError, Reason

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bridge.backends.upstream import Upstream
    from bridge.config.upstreams import Balancing

ALWAYS: Final = 3
"""Further tries that may run at once however little else does."""

_outstanding = attrgetter("in_flight")


class Budget:
    """How many further tries may run beside the generations that run: a fault must not double the load."""

    def __init__(self, part: float) -> None:
        """Begin with nothing.

        Args:
            part: of the running generations.
        """
        self._part = part
        self.running = 0
        """Generations that run."""
        self.trying = 0
        """Those among them that were tried before and have not answered yet."""

    def allows(self) -> bool:
        """Tell whether one more may be tried again."""
        return self.trying < max(ALWAYS, self.running * self._part)


class Pool:
    """A set of servers; several pools may hold the same ones."""

    def __init__(self, upstreams: Sequence[Upstream], rules: Balancing, budget: Budget) -> None:
        """Begin to share out requests.

        Args:
            upstreams: at least one.
            rules: the policy.
            budget: one for all pools.
        """
        self.upstreams = tuple(upstreams)
        self.rules = rules
        self.budget = budget
        self._turns: defaultdict[str, Turns[Upstream]] = defaultdict(Turns)

    def choose(
        self, name: str, version: str, model: str, now: float, without: Collection[Upstream] = ()
    ) -> Upstream | None:
        """Return who gets a request; None: all are excluded.

        Those that are well come first; if none of them has the model, those that failed lately: a try that
        fails is no worse than none.

        Args:
            name: Triton's name of the model.
            version: its version; empty is the latest.
            model: its name in requests.
            now: the event loop's time.
            without: who is not to be asked.

        Raises:
            BridgeError: QUEUE_FULL, all that could be asked are at their limits.
        """
        rest = [one for one in self.upstreams if one not in without] if without else self.upstreams
        if len(rest) > 1:
            weights = self._best(rest, name, version, model, now)
            free = {one: weight for one, weight in weights.items() if not one.full}
            if len(free) > 1 and self.rules.policy == "least_outstanding":
                free = least_outstanding(free, _outstanding)
            chosen = self._turns[name].next(free) if len(free) > 1 else next(iter(free), None)
        elif not rest:
            return None
        else:
            chosen = None if rest[0].full else rest[0]
        if chosen is None:
            raise BridgeError(Reason.QUEUE_FULL, "every server is at its limit of generations", model=model)
        return chosen

    def ranked(self, name: str, version: str, now: float) -> list[Upstream]:
        """Return all servers, the best to ask about a model first."""
        return sorted(self.upstreams, key=lambda one: (not one.has(name, version), not one.share(name, now)))

    def _best(
        self, rest: Sequence[Upstream], name: str, version: str, model: str, now: float
    ) -> dict[Upstream, float]:
        having = [one for one in rest if one.has(name, version)]
        well = {one: one.weight * share for one in having if (share := one.share(model, now))}
        return well or {one: float(one.weight) for one in having or rest}
