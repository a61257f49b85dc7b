"""Several processes on the same ports: real ones, in front of the real Triton."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from openai_bridge.v1 import models_pb2
from prometheus_client.parser import text_string_to_metric_families

from tests.bridge_process import BridgeProcess, alive, serving
from tests.command import run
from tests.eventually import eventually
from tests.openai_bodies import CHAT, chat, directed
from tests.raw_http import ask, connected

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.tritonserver import RunningTriton

TWO = ("--workers", "2")
NOWHERE = ("--triton", "127.0.0.1:1")


async def pids(bridge: BridgeProcess, times: int = 2) -> dict[int, int]:
    """Return the process of each worker that listens, when there were so many."""
    lines = await bridge.said(" listens", times)
    return {int(line["msg"].split()[1]): line["pid"] for line in lines}


async def total(port: int, name: str, **labels: str) -> float:
    """Return the sum of the samples of a name that have these labels, as any worker tells it."""
    answer = await ask(port, "GET", "/metrics")
    return sum(
        sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
        if sample.name == f"openai_bridge_{name}" and labels.items() <= sample.labels.items()
    )


async def ask_chat(port: int) -> None:
    """Ask over a connection of its own, for an answer of three pieces."""
    assert (await ask(port, "POST", CHAT, json=chat())).status == 200


async def list_models(port: int) -> Any:
    """Ask over a connection of its own."""
    options = (("grpc.use_local_subchannel_pool", 1),)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        call = channel.unary_unary(
            "/openai_bridge.v1.ModelsService/ListModels",
            request_serializer=models_pb2.ListModelsRequest.SerializeToString,
            response_deserializer=models_pb2.ListModelsResponse.FromString,
        )
        return await call(models_pb2.ListModelsRequest(), timeout=10)


async def logged(bridge: BridgeProcess, request: Callable[[], Awaitable[object]]) -> dict[str, Any]:
    """Send a request that is answered; return its line in the log: it has been counted by then."""
    earlier = len(bridge.lines("request"))
    await request()
    return (await bridge.said("request", earlier + 1))[-1]


async def until_served_by(
    bridge: BridgeProcess, workers: set[int], request: Callable[[], Awaitable[object]]
) -> int:
    """Send requests on new connections until each of these workers has answered one; return how many."""
    left = set(workers)
    for count in range(1, 101):
        left.discard((await logged(bridge, request))["worker"])
        if not left:
            return count
    raise AssertionError(f"none of 100 by {left}")


async def test_both_ports_are_served_by_all_workers_and_each_answers_for_all(triton: RunningTriton) -> None:
    async with serving("--triton", triton.address, *TWO) as bridge:
        http, grpc_port = await bridge.port("HTTP"), await bridge.port("gRPC")
        over_http = await until_served_by(bridge, {1, 2}, lambda: ask_chat(http))
        over_grpc = await until_served_by(bridge, {1, 2}, lambda: list_models(grpc_port))
        for _ in range(8):  # by either
            assert await total(http, "requests_total", door="http", code="OK") == over_http
            assert await total(http, "requests_total", door="grpc", code="OK") == over_grpc
            assert await total(http, "inter_token_seconds_count") == over_http * 2
            assert await total(http, "requests_in_flight") == 0


async def test_each_worker_is_shown_whichever_is_asked(triton: RunningTriton) -> None:
    async with serving("--triton", triton.address, *TWO) as bridge:
        http = await bridge.port("HTTP")
        for _ in range(8):  # by either
            for pid in (await pids(bridge)).values():
                assert await total(http, "processes", pid=str(pid)) == 1
            assert await total(http, "processes") == 2


async def test_the_queues_of_all_workers_are_shown_together(triton: RunningTriton, tmp_path: Path) -> None:
    config = tmp_path / "bridge.toml"
    config.write_text("drain_timeout = 0\n[limits]\nmax_concurrent_requests = 1")
    command = ("--triton", triton.address, "--config", str(config), *TWO)
    async with serving(*command) as bridge, AsyncExitStack() as stack:
        http = await bridge.port("HTTP")
        opened = 0
        while await total(http, "queue_slots_held") < 2 or await total(http, "queue_waiting") < 1:  # in each
            assert opened < 50
            opened += 1
            connection = await stack.enter_async_context(connected(http))
            await connection.send("POST", CHAT, json=chat(directed(words=2, hang_at=1), stream=True))
            await until_shown(http, opened)
        for _ in range(8):  # by either
            assert await total(http, "queue_slots") == 2
            assert await total(http, "queue_slots_held") == 2
            assert await total(http, "queue_waiting") == opened - 2


async def until_shown(port: int, requests: int) -> None:
    """Wait until so many requests hold a slot or wait for one."""
    async with asyncio.timeout(10):
        while await total(port, "queue_slots_held") + await total(port, "queue_waiting") < requests:
            pass


async def test_killed_workers_are_replaced_and_what_they_counted_stays(triton: RunningTriton) -> None:
    async with serving("--triton", triton.address, *TWO) as bridge:
        http = await bridge.port("HTTP")
        answered = await until_served_by(bridge, {1, 2}, lambda: ask_chat(http))
        async with connected(http) as connection:  # to one of them
            told = directed(tag="killed", words=3, hang_at=2)
            await connection.send("POST", CHAT, json=chat(told, stream=True))
            await connection.until(b"word1")
            assert await total(http, "requests_in_flight") == 1
            for number in (1, 2):
                answered += await until_replaced(bridge, number, http)
            await connection.rest()
        await triton.event("killed", "cancelled")
        for _ in range(8):  # by either
            assert await total(http, "requests_total", code="OK") == answered
            assert await total(http, "time_to_first_token_seconds_count") == answered + 1
            assert await total(http, "inter_token_seconds_count") == answered * 2 + 1
            assert await total(http, "requests_in_flight") == 0


async def until_replaced(bridge: BridgeProcess, number: int, http: int) -> int:
    """Kill a worker and wait for the next; return how many requests were answered meanwhile and after."""
    before = await pids(bridge)
    starts = len(bridge.lines(" listens"))
    os.kill(before[number], signal.SIGKILL)
    await bridge.said(f"worker {number} ended by SIGKILL, a new one starts in 0.2 s", level="error")
    for _ in range(4):
        await logged(bridge, lambda: ask_chat(http))
    after = await pids(bridge, starts + 1)
    assert [worker for worker in (1, 2) if after[worker] != before[worker]] == [number]
    return 4 + await until_served_by(bridge, {number}, lambda: ask_chat(http))


@pytest.mark.parametrize(
    ("number", "send"),
    [
        pytest.param(signal.SIGTERM, os.kill, id="SIGTERM to the parent"),
        pytest.param(signal.SIGINT, os.killpg, id="Ctrl-C to the whole group"),
    ],
)
async def test_a_first_signal_lets_a_stream_end(
    triton: RunningTriton, number: signal.Signals, send: Any
) -> None:
    async with serving("--triton", triton.address, *TWO) as bridge:
        http = await bridge.port("HTTP")
        async with connected(http) as connection:
            told = directed(words=100, delay_ms=5)
            await connection.send("POST", CHAT, json=chat(told, stream=True, max_tokens=100))
            await connection.until(b"word3 ")
            send(bridge.process.pid, number)
            last = await connection.until(b"data: [DONE]\n\n")
            assert b"word99" in last
        assert await bridge.ended() == 0
    assert {line.get("worker") for line in bridge.lines("stopping")} == {None, 1, 2}
    assert bridge.rest == []


async def test_a_second_signal_ends_streams_at_once(triton: RunningTriton, tmp_path: Path) -> None:
    config = tmp_path / "bridge.toml"
    config.write_text("drain_timeout = 60")
    async with serving("--triton", triton.address, "--config", str(config), *TWO) as bridge:
        http = await bridge.port("HTTP")
        async with connected(http) as connection:
            told = directed(tag="second-of-workers", words=2, hang_at=1)
            await connection.send("POST", CHAT, json=chat(told, stream=True))
            await connection.until(b"word0")
            os.kill(bridge.process.pid, signal.SIGTERM)
            await bridge.said("stopping", 3)
            os.kill(bridge.process.pid, signal.SIGTERM)
            assert await bridge.ended() == 0
            assert b'"code":"service_unavailable"' in await connection.rest()
        await triton.event("second-of-workers", "cancelled")


async def test_workers_drain_and_end_when_their_parent_is_killed() -> None:
    async with serving(*NOWHERE, *TWO, "--log-format", "text") as bridge:
        await eventually(lambda: "gRPC on" in "".join(bridge.rest), within=10)
        workers = [int(pid) for pid in re.findall(r"worker \d listens pid=(\d+)", "".join(bridge.rest))]
        assert list(map(alive, workers)) == [True, True]
        bridge.process.kill()
        await eventually(lambda: not any(map(alive, workers)), within=10)
    stopping = {line.split("]")[0] for line in bridge.rest if line.endswith("stopping\n")}
    assert stopping == {"[worker 1", "[worker 2"}


async def test_a_port_in_use_is_named_once_and_ends_with_1() -> None:
    async with serving(*NOWHERE, *TWO) as bridge:
        http = str(await bridge.port("HTTP"))
        command = ("-m", "bridge", "serve", *NOWHERE, *TWO, "--grpc-port", "0", "--http-port", http)
        ran = await run(sys.executable, *command)
    assert (ran.code, ran.err) == (
        1,
        f"openai-bridge: cannot listen on 127.0.0.1:{http}: Address already in use\n",
    )


async def test_a_wrong_setting_is_named_once_and_ends_with_2() -> None:
    ran = await run(sys.executable, "-m", "bridge", "serve", "--http-port", "0", "--grpc-port", "0", *TWO)
    assert ran.code == 2
    assert ran.err == "openai-bridge: triton: where is Triton's gRPC endpoint? Set triton or upstream\n"
