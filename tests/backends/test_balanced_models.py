"""The models of several servers: which there are, whom their tensors are asked of, loading and unloading."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from bridge.backends.balanced import balanced
from bridge.backends.pool import Budget, Pool
from bridge.backends.upstream import BROKEN, Upstream
from bridge.config import Balancing
from bridge.config import Upstream as Settings
from bridge.errors import BridgeError, Reason
from bridge.observability.metrics import Metrics
from bridge.observability.upstream_meter import UpstreamMeter
from bridge.protocol.signature import Signature
from tests.scripted_triton import config

if TYPE_CHECKING:
    from bridge.backends.balanced import Balanced

AWAY = BridgeError(Reason.BACKEND_UNAVAILABLE, "Triton cannot be reached")
REFUSED = BridgeError(Reason.UNSUPPORTED_OPERATION, "Triton loads and unloads only if it may")


class Server:
    """One server's answers to questions."""

    def __init__(self, address: str, ready: str = "", repository: str = "") -> None:
        self.address = address
        self.ready = dict.fromkeys(ready.split(), "1")
        self.repository = set(repository.split()) | set(self.ready)
        self.fails: BridgeError | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked: list[str] = []

    async def ready_models(self) -> dict[str, str]:
        self.asked.append("index")
        await self._answer()
        return dict(self.ready)

    async def signature(self, name: str, version: str = "") -> Signature:
        self.asked.append(f"signature {name}")
        await self._answer()
        if name not in self.ready:
            raise BridgeError(Reason.MODEL_NOT_FOUND, "the model is not available", model=name)
        return Signature.from_config(config(name), version)

    async def load_model(self, name: str) -> None:
        self.asked.append(f"load {name}")
        await self._answer()
        if name not in self.repository:
            raise BridgeError(Reason.MODEL_NOT_FOUND, "the model is not available", model=name)
        self.ready[name] = "1"

    async def unload_model(self, name: str) -> None:
        self.asked.append(f"unload {name}")
        await self._answer()
        self.ready.pop(name, None)

    async def close(self) -> None:
        self.asked.append("close")

    async def _answer(self) -> None:
        await self.gate.wait()
        if self.fails is not None:
            raise self.fails


def over(*servers: Server, **rules: Any) -> tuple[Balanced, list[Upstream]]:
    balancing = Balancing(**rules)
    upstreams = [
        Upstream(
            server,  # type: ignore[arg-type]  # it generates nothing
            Settings(address=server.address),
            balancing,
            UpstreamMeter(Metrics(), server.address),
        )
        for server in servers
    ]
    return balanced(Pool(upstreams, balancing, Budget(0.5))), upstreams


async def test_the_models_are_those_of_all_servers() -> None:
    a, b = Server("a", "m n"), Server("b", "n o")
    backend, _ = over(a, b)
    assert await backend.ready_models() == {"m": "1", "n": "1", "o": "1"}


async def test_versions_that_differ_are_told_together() -> None:
    a, b = Server("a", "m"), Server("b", "m")
    backend, _ = over(a, b)
    b.ready["m"] = "2"
    assert await backend.ready_models() == {"m": "1 | 2"}
    a.ready["m"] = "2"
    assert await backend.ready_models() == {"m": "2"}


async def test_a_server_that_is_away_keeps_its_models_until_it_tells_others() -> None:
    a, b = Server("a", "m"), Server("b", "n")
    backend, _ = over(a, b)
    await backend.ready_models()
    b.fails = AWAY
    assert await backend.ready_models() == {"m": "1", "n": "1"}
    b.fails, b.ready = None, {"o": "1"}
    assert await backend.ready_models() == {"m": "1", "o": "1"}


async def test_when_all_are_away_the_first_says_why() -> None:
    a, b = Server("a", "m"), Server("b", "n")
    backend, _ = over(a, b)
    a.fails = b.fails = AWAY
    with pytest.raises(BridgeError) as caught:
        await backend.ready_models()
    assert caught.value is AWAY


async def test_a_silent_server_is_waited_for_once() -> None:
    a, b = Server("a", "m"), Server("b", "n")
    backend, upstreams = over(a, b, poll_timeout=0.05)
    await backend.ready_models()
    b.gate.clear()
    await backend.ready_models()
    assert upstreams[1].error is not None
    assert upstreams[1].error.message == "Triton does not answer"
    asked = len(b.asked)
    await backend.ready_models()
    assert len(b.asked) == asked + 1
    assert upstreams[1].look() is upstreams[1].look(), "the question is still open"
    b.gate.set()
    await upstreams[1].look()
    assert upstreams[1].error is None
    await backend.close()


async def test_a_server_that_is_back_is_found_though_the_others_went_away() -> None:
    a, b = Server("a", "m"), Server("b", "n")
    backend, _ = over(a, b)
    b.fails = AWAY
    await backend.ready_models()
    a.fails, b.fails = AWAY, None
    assert await backend.ready_models() == {"m": "1", "n": "1"}


async def test_many_who_ask_at_once_ask_once() -> None:
    a = Server("a", "m")
    backend, _ = over(a)
    some = backend.within({"a"})
    await asyncio.gather(backend.ready_models(), some.ready_models(), backend.ready_models())
    assert a.asked == ["index"]


async def test_a_bug_in_asking_is_not_taken_for_a_server_that_is_away() -> None:
    a = Server("a", "m")
    a.ready = None  # type: ignore[assignment]
    backend, _ = over(a)
    with pytest.raises(TypeError):
        await backend.ready_models()


async def test_a_model_is_asked_for_where_it_is_ready() -> None:
    a, b = Server("a", "n"), Server("b", "m")
    backend, _ = over(a, b)
    await backend.ready_models()
    assert (await backend.signature("m")).name == "m"
    assert "signature m" not in a.asked


async def test_a_server_that_cannot_tell_is_passed_over() -> None:
    a, b = Server("a", "m"), Server("b", "m")
    backend, _ = over(a, b)
    await backend.ready_models()
    a.fails = AWAY
    assert (await backend.signature("m")).name == "m"
    b.fails = AWAY
    with pytest.raises(BridgeError) as caught:
        await backend.signature("m")
    assert caught.value is AWAY


async def test_some_of_the_servers_have_only_their_own_models() -> None:
    a, b, c = Server("a", "m"), Server("b", "n"), Server("c", "o")
    backend, _ = over(a, b, c)
    assert await backend.within({"a", "c"}).ready_models() == {"m": "1", "o": "1"}


async def test_a_model_is_served_while_one_server_has_it_and_is_there() -> None:
    a, b = Server("a", "m"), Server("b", "m")
    backend, upstreams = over(a, b, eject_time=60.0, max_eject_time=60.0)
    await backend.ready_models()
    found = await backend.signature("m")
    assert backend.serves(found, "m")
    a.fails = AWAY
    await backend.ready_models()
    assert backend.serves(found, "m")
    for at in range(BROKEN):
        assert backend.serves(found, "m")
        now = asyncio.get_running_loop().time() - 61.0 * (BROKEN - 1 - at)
        upstreams[1].failed_with("m", Reason.BACKEND_UNAVAILABLE, now)
    assert [backend.serves(found, name) for name in ("m", "another name of it")] == [False, True]


@pytest.mark.parametrize(
    ("fails", "told"),
    [
        pytest.param((None, None), Reason.MODEL_NOT_FOUND, id="no server has it"),
        pytest.param((None, AWAY), Reason.BACKEND_UNAVAILABLE, id="one that is away may have it"),
        pytest.param((AWAY, None), Reason.BACKEND_UNAVAILABLE, id="in any order"),
    ],
)
async def test_a_model_is_not_found_only_if_no_server_may_have_it(
    fails: tuple[BridgeError | None, ...], told: Reason
) -> None:
    servers = [Server("a"), Server("b")]
    for server, fault in zip(servers, fails, strict=True):
        server.fails = fault
    backend, _ = over(*servers)
    with pytest.raises(BridgeError) as caught:
        await backend.signature("m")
    assert caught.value.reason is told


async def test_a_model_is_loaded_wherever_it_is_in_the_repository() -> None:
    a, b, c = Server("a", repository="m"), Server("b"), Server("c", repository="m")
    backend, _ = over(a, b, c)
    await backend.load_model("m")
    assert ("m" in a.ready, "m" in b.ready, "m" in c.ready) == (True, False, True)
    await backend.unload_model("m")
    assert not a.ready
    assert not c.ready


async def test_a_model_that_no_server_has_cannot_be_loaded() -> None:
    backend, _ = over(Server("a"), Server("b"))
    with pytest.raises(BridgeError) as caught:
        await backend.load_model("m")
    assert caught.value.reason is Reason.MODEL_NOT_FOUND


async def test_a_server_that_refuses_a_load_is_named() -> None:
    a, b = Server("a", repository="m"), Server("b", repository="m")
    backend, _ = over(a, b)
    b.fails = REFUSED
    with pytest.raises(BridgeError) as caught:
        await backend.load_model("m")
    assert (caught.value.reason, caught.value.message) == (REFUSED.reason, f"b: {REFUSED.message}")
    assert "m" in a.ready, "the others did it"


async def test_alone_a_refusal_is_the_servers_own() -> None:
    a = Server("a", repository="m")
    backend, _ = over(a)
    a.fails = REFUSED
    with pytest.raises(BridgeError) as caught:
        await backend.load_model("m")
    assert caught.value is REFUSED


async def test_closing_ends_an_open_question() -> None:
    a = Server("a", "m")
    backend, upstreams = over(a)
    a.gate.clear()
    look = upstreams[0].look()
    await asyncio.sleep(0)
    await backend.close()
    assert look.cancelled()
    assert a.asked == ["index", "close"]
