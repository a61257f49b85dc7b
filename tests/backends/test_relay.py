"""A pushed generation over several servers: whoever opened it sees one, and pays nothing per response."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

import pytest

from bridge.backends.balanced import balanced
from bridge.backends.pool import Budget, Pool
from bridge.backends.push import PushBackend
from bridge.backends.relay import Relay
from bridge.backends.upstream import Upstream
from bridge.config import Balancing
from bridge.config import Upstream as Settings
from bridge.errors import BridgeError, Reason
from bridge.observability.metrics import Metrics
from bridge.observability.upstream_meter import UpstreamMeter
from bridge.protocol import kserve

if TYPE_CHECKING:
    from collections.abc import Sequence

LOST = BridgeError(Reason.BACKEND_UNAVAILABLE, "Triton cannot be reached")
BOOM = BridgeError(Reason.BACKEND_ERROR, "the model failed", model="m")


class Try:
    """One generation on one server, said by the test."""

    def __init__(self, address: str, sink: Any) -> None:
        self.address = address
        self.sink = sink
        self.calls: list[str] = []

    def cancel(self) -> None:
        self.calls.append("cancel")

    def pause(self) -> None:
        self.calls.append("pause")

    def resume(self) -> None:
        self.calls.append("resume")


class Server:
    """A backend that pushes what the test says."""

    def __init__(self, address: str, tries: list[Try]) -> None:
        self.address = address
        self._tries = tries

    def open(self, _request: Any, *, sink: Any, **_: Any) -> Try:
        self._tries.append(Try(self.address, sink))
        return self._tries[-1]

    async def ready_models(self) -> dict[str, str]:
        return {"m": "1"}

    async def close(self) -> None: ...


class Ear:
    """A sink."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def responses(self, batch: Sequence[Any]) -> None:
        self.heard.extend(batch)

    def ended(self, error: BridgeError | None) -> None:
        self.heard.append(error)


class Setting:
    """Servers a and b, and what they were asked."""

    def __init__(self, count: int = 2) -> None:
        rules, self.tries, self.placed = Balancing(), list[Try](), list[str]()
        self.upstreams = [
            Upstream(
                Server(address, self.tries),  # type: ignore[arg-type]  # asked for nothing else
                Settings(address=address),
                rules,
                UpstreamMeter(Metrics(), address),
            )
            for address in "abcdef"[:count]
        ]
        for one in self.upstreams:
            one.models = {"m": "1"}
        self.budget = Budget(0.5)
        self.backend = balanced(Pool(self.upstreams, rules, self.budget))

    def open(self, ear: Ear, seconds: float = 60.0) -> Relay:
        assert isinstance(self.backend, PushBackend)
        deadline = asyncio.get_running_loop().time() + seconds
        request = kserve.ModelInferRequest(model_name="m")
        opened = self.backend.open(request, model="m", deadline=deadline, sink=ear, placed=self.placed.append)
        assert isinstance(opened, Relay)
        return opened

    @property
    def quiet(self) -> bool:
        """Whether nothing is left of any generation."""
        left = [(one.in_flight, len(one.waiting)) for one in self.upstreams]
        return left == [(0, 0)] * len(left) and (self.budget.running, self.budget.trying) == (0, 0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.backend.close()


async def test_after_the_first_response_the_server_speaks_to_the_sink_itself() -> None:
    async with Setting() as setting:
        ear = Ear()
        relay = setting.open(ear)
        setting.tries[0].sink.responses(["one"])
        assert relay.responses.__self__ is ear  # type: ignore[attr-defined]
        assert relay.pause.__self__ is setting.tries[0]  # type: ignore[attr-defined]
        setting.tries[0].sink.responses(["two"])
        setting.tries[0].sink.ended(None)
        assert ear.heard == ["one", "two", None]
        assert setting.quiet


async def test_a_failed_try_is_not_heard() -> None:
    async with Setting() as setting:
        ear = Ear()
        relay = setting.open(ear)
        setting.tries[0].sink.ended(LOST)
        assert (ear.heard, setting.placed) == ([], ["a", "b"])
        assert (setting.upstreams[0].in_flight, setting.upstreams[1].in_flight) == (0, 1)
        assert setting.budget.trying == 1
        setting.tries[1].sink.responses(["one"])
        assert setting.budget.trying == 0
        relay.pause()
        relay.resume()
        setting.tries[1].sink.ended(None)
        assert ear.heard == ["one", None]
        assert setting.tries[1].calls == ["pause", "resume"]
        assert setting.quiet


@pytest.mark.parametrize("said", [[], ["one"]], ids=["before the first response", "after it"])
async def test_a_failure_that_no_server_can_help_is_heard_once(said: list[str]) -> None:
    async with Setting() as setting:
        ear = Ear()
        setting.open(ear)
        if said:
            setting.tries[0].sink.responses(said)
        setting.tries[0].sink.ended(BOOM)
        assert ear.heard == [*said, BOOM]
        assert BOOM.upstream == "a"
        assert setting.quiet


async def test_the_last_failure_is_the_one_that_is_heard() -> None:
    async with Setting() as setting:
        ear = Ear()
        setting.open(ear)
        for number in range(2):
            setting.tries[number].sink.ended(BridgeError(Reason.QUEUE_FULL, f"queue {number}"))
        (heard,) = ear.heard
        assert (heard.message, heard.upstream) == ("queue 1", "b")
        assert setting.quiet


@pytest.mark.parametrize("after", ["at once", "moved", "answering", "ended"])
async def test_a_cancel_ends_the_running_try_and_leaves_nothing(after: str) -> None:
    async with Setting() as setting:
        ear = Ear()
        relay = setting.open(ear)
        if after == "moved":
            setting.tries[0].sink.ended(LOST)
        if after in {"answering", "ended"}:
            setting.tries[0].sink.responses(["one"])
        if after == "ended":
            setting.tries[0].sink.ended(None)
        relay.cancel()
        relay.cancel()
        assert setting.quiet
        assert set(setting.tries[-1].calls) == {"cancel"}


async def test_a_silent_server_is_left_for_one_that_is_well() -> None:
    async with Setting() as setting:
        ear = Ear()
        relay = setting.open(ear)
        relay.give_up(LOST)
        assert setting.placed == ["a", "b"]
        assert setting.tries[0].calls == ["cancel"]
        setting.tries[1].sink.responses(["one"])
        relay.give_up(LOST)
        setting.tries[1].sink.ended(None)
        assert ear.heard == ["one", None]
        assert setting.quiet


async def test_a_silent_server_is_not_left_for_one_that_failed() -> None:
    async with Setting() as setting:
        ear = Ear()
        setting.upstreams[1].error = LOST
        relay = setting.open(ear)
        relay.give_up(LOST)
        assert (setting.placed, setting.tries[0].calls) == (["a"], [])
        relay.cancel()
        assert setting.quiet


async def test_past_its_deadline_nothing_is_tried_again() -> None:
    async with Setting() as setting:
        ear = Ear()
        setting.open(ear, seconds=0)
        setting.tries[0].sink.ended(LOST)
        assert (ear.heard, setting.placed) == ([LOST], ["a"])


async def test_where_no_server_has_room_nothing_is_opened() -> None:
    async with Setting() as setting:
        for one in setting.upstreams:
            one.limit = 0
        with pytest.raises(BridgeError) as caught:
            setting.open(Ear())
        assert caught.value.reason is Reason.QUEUE_FULL
        assert setting.tries == []
        assert setting.quiet
