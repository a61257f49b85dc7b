"""One generation's way over the servers of a pool: where it runs, and where it goes when that fails.

The books of a generation only, told the time; what moves its responses is `balanced` and `relay`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.backends.blame import ELSEWHERE, Blame, blame
from bridge.errors import BridgeError, Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.backends.pool import Pool
    from bridge.backends.upstream import Upstream
    from bridge.protocol.kserve import ModelInferRequest

CLOSE: Final = 0.1
"""Seconds before a deadline at which the server may take it to have passed: it is told what is left."""


class Trial:
    """See the module. `start` it, and end it by `over` whatever happens."""

    __slots__ = (
        "_again", "_deadline", "_model", "_name", "_over", "_placed", "_pool", "_suspects", "_tried",
        "_version", "has_answered",
    )  # fmt: skip

    def __init__(
        self,
        pool: Pool,
        request: ModelInferRequest,
        *,
        model: str,
        deadline: float,
        placed: Callable[[str], object],
    ) -> None:
        """Prepare.

        Args:
            pool: who may serve it.
            request: names Triton's model.
            model: the model's name in requests.
            deadline: time after which it is not tried again.
            placed: hears the address of each server that it is sent to.
        """
        self._pool = pool
        self._name, self._version, self._model = request.model_name, request.model_version, model
        self._deadline = deadline
        self._placed = placed
        self._tried: list[Upstream] = []
        self._suspects: list[tuple[Upstream, Reason]] = []
        self._again = self._over = False
        self.has_answered = False
        """Whether a response came: from then on it stays where it is."""

    @property
    def upstream(self) -> Upstream:
        """Where it runs."""
        return self._tried[-1]

    def start(self, now: float) -> Upstream:
        """Return the first server.

        Raises:
            BridgeError: QUEUE_FULL.
        """
        chosen = self._pool.choose(self._name, self._version, self._model, now)
        assert chosen is not None  # noqa: S101 - nobody is excluded
        self._pool.budget.running += 1
        return self._enter(chosen)

    def answered(self, now: float) -> None:
        """Note the first response."""
        self.has_answered = True
        self.upstream.answered(self._model, now)
        for suspect, reason in self._suspects:
            suspect.failed_with(self._model, reason, now)
        self._stop_trying()

    def failed(self, error: BridgeError, now: float) -> Upstream | None:
        """Note a failure; return the server that it goes to now, or None: the failure is the answer."""
        here = self.upstream
        match blame(error, answered=self.has_answered, expired=now >= self._deadline - CLOSE):
            case Blame.SERVER:
                here.failed(now)
            case Blame.MODEL:
                here.failed_with(self._model, error.reason, now)
            case Blame.SUSPECT:
                self._suspects.append((here, error.reason))
            case Blame.NOBODY:
                pass
        following = self.elsewhere(error, now)
        if following is None:
            error.upstream = here.address
            return None
        here.meter.moved(error.reason)
        self._leave()
        if not self._again:
            self._again = True
            self._pool.budget.trying += 1
        return self._enter(following)

    def elsewhere(self, error: BridgeError, now: float) -> Upstream | None:
        """Return the server that it may go to after a failure, if it may."""
        pool, tries = self._pool, len(self._tried)
        if self.has_answered or error.reason not in ELSEWHERE or now >= self._deadline:
            return None
        if tries > pool.rules.retries or not (self._again or pool.budget.allows()):
            return None
        if len(pool.upstreams) == 1:
            # A lost connection may be all that was wrong, or lead to another server of the same name.
            lost = error.reason is Reason.BACKEND_UNAVAILABLE and error.model is None
            return self.upstream if lost and tries == 1 else None
        try:
            return pool.choose(self._name, self._version, self._model, now, self._tried)
        except BridgeError:  # those that are left are full: the failure says more
            return None

    def may_move(self, error: BridgeError, now: float) -> bool:
        """Tell whether a server that is well could take it: any other is no reason to leave."""
        to = self.elsewhere(error, now)
        return to is not None and to.share(self._model, now) > 0

    def over(self) -> None:
        """Note the end, however it came about. Safe to repeat."""
        if self._tried and not self._over:
            self._over = True
            self._leave()
            self._stop_trying()
            self._pool.budget.running -= 1

    def _enter(self, upstream: Upstream) -> Upstream:
        self._tried.append(upstream)
        upstream.in_flight += 1
        upstream.meter.began()
        self._placed(upstream.address)
        return upstream

    def _leave(self) -> None:
        self.upstream.in_flight -= 1
        self.upstream.meter.ended()

    def _stop_trying(self) -> None:
        if self._again:
            self._again = False
            self._pool.budget.trying -= 1
