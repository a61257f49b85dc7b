"""So many requests at once: who waits, who is refused and how, and that a slot always comes back."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from bridge.config import Limits
from tests import grpc_client
from tests.doors import Way, each_way, refusal, tell
from tests.eventually import eventually
from tests.grpc_client import WAIT, Details, failure
from tests.key_files import bearer, metadata, write_keys
from tests.openai_bodies import CHAT, chat, directed
from tests.raw_http import Connection, ask, connected

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

QUICK = chat(directed(text="quick"))


@pytest.fixture
def tag() -> str:
    return uuid.uuid4().hex


async def busy(serve: Serve, triton: RunningTriton, **limits: Any) -> Bridge:
    """Serve one request at a time."""
    return await serve(triton=triton.address, limits=Limits(max_concurrent_requests=1, **limits))


def slow(tag: str, **directive: Any) -> dict[str, Any]:
    return chat(directed(tag=tag, words=2, **directive), stream=True)


async def occupied(connection: Connection, triton: RunningTriton, tag: str) -> None:
    """Take a slot with a stream that does not end by itself."""
    await connection.send("POST", CHAT, json=slow(tag, hang_at=1))
    await triton.event(tag, "request")


def waiting(bridge: Bridge) -> int:
    return bridge.protection.gate.slots.waiting


def held(bridge: Bridge) -> int:
    return bridge.protection.gate.slots.held


@each_way
async def test_one_too_many_is_refused_with_a_time_to_come_back(
    serve: Serve, triton: RunningTriton, tag: str, way: Way
) -> None:
    bridge = await busy(serve, triton, queue_size=0)
    async with connected(bridge.http_port) as connection:
        await occupied(connection, triton, tag)
        assert (await refusal(bridge, way, QUICK)).status == 429
    await eventually(lambda: held(bridge) == 0)
    assert (await tell(bridge, way, QUICK)).texts == ["quick"]


async def test_a_refusal_tells_every_client_when_to_come_back(
    serve: Serve, triton: RunningTriton, tag: str
) -> None:
    bridge = await busy(serve, triton, queue_size=0)
    async with connected(bridge.http_port) as connection, grpc_client.connected(bridge.grpc_port) as stubs:
        await occupied(connection, triton, tag)
        answer = await ask(bridge.http_port, "POST", CHAT, json=QUICK)
        assert (answer.error["type"], answer.error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
        assert answer.headers["retry-after"] == "1"
        assert "x-should-retry" not in answer.headers
        error = await failure(stubs.chat.CreateChatCompletion(grpc_client.chat({}), timeout=WAIT))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    details = Details.of(error)
    assert details.info is not None
    assert details.retry is not None
    assert details.quota is not None
    assert (details.info.reason, details.retry.retry_delay.seconds) == ("QUEUE_FULL", 1)
    assert ("grpc-retry-pushback-ms", "1000") in tuple(error.trailing_metadata())


@each_way
async def test_one_who_waits_is_served_when_the_slot_is_free(
    serve: Serve, triton: RunningTriton, tag: str, way: Way
) -> None:
    bridge = await busy(serve, triton)
    async with connected(bridge.http_port) as connection:
        await occupied(connection, triton, tag)
        told = asyncio.create_task(tell(bridge, way, QUICK))
        await eventually(lambda: waiting(bridge) == 1)
        assert triton.events(tag)[-1]["event"] == "request"
    assert (await told).texts == ["quick"]
    await eventually(lambda: (held(bridge), waiting(bridge)) == (0, 0))


@each_way
async def test_a_wait_that_is_too_long_is_refused(
    serve: Serve, triton: RunningTriton, tag: str, way: Way
) -> None:
    bridge = await busy(serve, triton, queue_timeout=0.1)
    async with connected(bridge.http_port) as connection:
        await occupied(connection, triton, tag)
        refused = await refusal(bridge, way, QUICK)
        assert (refused.status, "too long" in refused.message) == (429, True)
        assert (held(bridge), waiting(bridge)) == (1, 0)


@pytest.mark.parametrize("moment", ["in the queue", "before the first token", "in mid-stream"])
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
async def test_who_leaves_over_http_gives_the_slot_back(
    serve: Serve, triton: RunningTriton, tag: str, moment: str, stream: bool
) -> None:
    bridge = await busy(serve, triton)
    async with connected(bridge.http_port) as other, connected(bridge.http_port) as connection:
        if moment == "in the queue":
            await occupied(other, triton, f"{tag} other")
        hang = 1 if moment == "in mid-stream" else 0
        await connection.send("POST", CHAT, json=slow(tag, hang_at=hang) | {"stream": stream})
        if moment == "in the queue":
            await eventually(lambda: waiting(bridge) == 1)
            connection.leave()
            await eventually(lambda: (held(bridge), waiting(bridge)) == (1, 0))
            assert triton.events(tag) == []
        else:
            await triton.event(tag, "request")
            if moment == "in mid-stream" and stream:
                await connection.until(b"word0")
            connection.leave()
            await triton.event(tag, "cancelled")
    await eventually(lambda: (held(bridge), waiting(bridge)) == (0, 0))
    assert (await ask(bridge.http_port, "POST", CHAT, json=QUICK)).status == 200


@pytest.mark.parametrize("moment", ["in the queue", "before the first token", "in mid-stream"])
@pytest.mark.parametrize("stream", [False, True], ids=["unary", "streamed"])
async def test_who_leaves_over_grpc_gives_the_slot_back(
    serve: Serve, triton: RunningTriton, tag: str, moment: str, stream: bool
) -> None:
    bridge = await busy(serve, triton)
    async with connected(bridge.http_port) as other, grpc_client.connected(bridge.grpc_port) as stubs:
        if moment == "in the queue":
            await occupied(other, triton, f"{tag} other")
        hang = 1 if moment == "in mid-stream" else 0
        method = stubs.chat.CreateChatCompletionStream if stream else stubs.chat.CreateChatCompletion
        call = method(grpc_client.chat({"tag": tag, "words": 2, "hang_at": hang}), timeout=WAIT)
        reading = asyncio.ensure_future(call.read() if stream else call)
        if moment == "in the queue":
            await eventually(lambda: waiting(bridge) == 1)
        else:
            await triton.event(tag, "request")
        call.cancel()
        await asyncio.wait([reading])
        await eventually(lambda: waiting(bridge) == 0)
    await eventually(lambda: (held(bridge), waiting(bridge)) == (0, 0))
    assert (await ask(bridge.http_port, "POST", CHAT, json=QUICK)).status == 200


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(chat(directed(fail_at=0)), id="the model fails"),
        pytest.param(chat(directed(words=3, fail_at=1), stream=True), id="in mid-stream"),
        pytest.param(chat(temperature=9), id="a wrong request"),
        pytest.param(chat(model="nobody"), id="an unknown model"),
        pytest.param(chat("x", model="silent"), id="no answer"),
    ],
)
async def test_a_failure_gives_the_slot_back(
    serve: Serve, triton: RunningTriton, body: dict[str, Any]
) -> None:
    bridge = await busy(serve, triton, queue_size=0)
    for _ in range(3):
        await ask(bridge.http_port, "POST", CHAT, json=body)
        assert held(bridge) == 0


async def test_many_who_leave_at_any_moment_leave_nothing(
    serve: Serve, triton: RunningTriton, tag: str
) -> None:
    limits = Limits(max_concurrent_requests=3, queue_size=20, queue_timeout=0.2)
    bridge = await serve(triton=triton.address, limits=limits)

    async def leave_after(seconds: float) -> None:
        async with connected(bridge.http_port) as connection:
            await connection.send("POST", CHAT, json=slow(tag, delay_ms=2))
            await asyncio.sleep(seconds)

    await asyncio.gather(*(leave_after(number % 10 * 0.01) for number in range(60)))
    await eventually(lambda: (held(bridge), waiting(bridge)) == (0, 0))
    assert (await ask(bridge.http_port, "POST", CHAT, json=QUICK)).status == 200


@pytest.fixture
async def rated(serve: Serve, triton: RunningTriton, tmp_path: Path) -> Bridge:
    keys = write_keys(
        tmp_path / "keys.toml",
        often={"requests_per_minute": 2},
        much={"tokens_per_minute": 10},
        single={"max_concurrent_requests": 1},
        free={},
    )
    return await serve(triton=triton.address, key_file=keys)


@each_way
@pytest.mark.parametrize(("name", "served"), [("often", 2), ("much", 1), ("free", 4)])
async def test_a_key_may_do_so_much_in_a_minute(rated: Bridge, way: Way, name: str, served: int) -> None:
    body = chat(directed(words=11, input_tokens=1), max_tokens=11)
    for _ in range(served):
        assert (await tell(rated, way, body, key=name)).texts
    if name == "free":
        return
    assert (await refusal(rated, way, body, key=name)).status == 429
    assert (await tell(rated, way, body, key="free")).texts
    answer = await ask(rated.http_port, "POST", CHAT, json=body, headers=bearer(name))
    assert answer.error["code"] == "rate_limit_exceeded"
    assert 1 <= int(answer.headers["retry-after"]) <= 60


async def test_a_key_may_do_so_much_at_once_over_both_doors(
    rated: Bridge, triton: RunningTriton, tag: str
) -> None:
    async with connected(rated.http_port) as connection, grpc_client.connected(rated.grpc_port) as stubs:
        await connection.send("POST", CHAT, json=slow(tag, hang_at=1), headers=bearer("single"))
        await triton.event(tag, "request")
        for name, wanted in (("single", 429), ("free", 200)):
            answer = await ask(rated.http_port, "POST", CHAT, json=QUICK, headers=bearer(name))
            assert answer.status == wanted
        call = stubs.chat.CreateChatCompletion(
            grpc_client.chat({}), metadata=metadata("single"), timeout=WAIT
        )
        assert (await failure(call)).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    await eventually(lambda: held(rated) == 0)
    answer = await ask(rated.http_port, "POST", CHAT, json=QUICK, headers=bearer("single"))
    assert answer.status == 200


async def test_a_list_of_models_is_no_request_to_a_model(rated: Bridge) -> None:
    for _ in range(4):
        answer = await ask(rated.http_port, "GET", "/v1/models", headers=bearer("often"))
        assert answer.status == 200
