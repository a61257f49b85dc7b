"""Giving up a generation that a cancel does not reach: what comes to the engine, and what stays in Triton.

docs/models.md has the table of it. What a cancel does reach is in tests/servers and test_families_e2e.py.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from bridge.config import ModelConfig
from tests.doors import WAYS, Refused, each_way, tell
from tests.eventually import eventually
from tests.leaving import asked, check_at_rest
from tests.openai_bodies import chat, completion, directed

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.doors import Way
    from tests.tritonserver import RunningTriton

WITHIN = 2.0
"""Seconds in which an engine must have been stopped."""
SHORT = 0.3
LIMIT = {"max_tokens": 5000}
SLOW: dict[str, Any] = {"words": 500, "delay_ms": 10}
TOOL: dict[str, Any] = {"type": "function", "function": {"name": "now"}}
CALL = '<tool_call>{"name": "now", "arguments": {}}</tool_call>'

each_transport = pytest.mark.parametrize("transport", ["native", "grpcio"])


@pytest.fixture
def tag() -> str:
    return uuid.uuid4().hex


@pytest.fixture
async def bridge(serve: Serve, resting: RunningTriton, transport: str) -> Bridge:
    models = {"ensemble": ModelConfig(tool_call_parser="hermes")}
    return await serve(triton=resting.address, triton_transport=transport, models=models)


def ends(triton: RunningTriton, tag: str) -> list[tuple[str, str]]:
    """Return how the requests of a tag ended, by model and event."""
    return [(event["model"], event["event"]) for event in triton.events(tag) if event["event"] != "request"]


def counted(bridge: Bridge) -> dict[str, float]:
    """Return how many were given up: those that run, and the others by how they ended."""
    lines = bridge.metrics.text().decode().splitlines()
    found = (line for line in lines if line.startswith("openai_bridge_abandoned_generations"))
    return {re.sub(r'.*\{(end="(.*?)")?.*', r"\2", line): float(line.rpartition(" ")[2]) for line in found}


@each_transport
@each_way
@pytest.mark.parametrize(
    "directive",
    [
        pytest.param({"words": 2, "hang_at": 0}, id="before a token"),
        pytest.param(SLOW, id="between tokens"),
        pytest.param({"words": 2, "hang_at": 1}, id="in a silence"),
    ],
)
async def test_a_client_that_leaves_stops_an_ensembles_engine(
    bridge: Bridge, resting: RunningTriton, tag: str, way: Way, directive: dict[str, Any]
) -> None:
    async with asked(bridge, way, chat(directed(tag=tag, **directive), model="ensemble", **LIMIT)):
        await eventually(lambda: len(resting.events(tag)) == 2)
        left_at = time.monotonic()
    event = await resting.event(tag, "stopped")
    assert event["time"] - left_at < WITHIN
    assert ends(resting, tag) == [("tensorrt_llm", "stopped")]
    await eventually(lambda: counted(bridge) == {"": 0, "stopped": 1})
    await check_at_rest(resting, "ensemble")


@each_transport
@each_way
async def test_a_client_that_leaves_before_the_engine_has_begun_stops_it_all_the_same(
    bridge: Bridge, resting: RunningTriton, tag: str, way: Way
) -> None:
    body = chat(directed(tag=tag, prepare_ms=200, **SLOW), model="ensemble", **LIMIT)
    async with asked(bridge, way, body):
        await resting.event(tag, "request")
    await resting.event(tag, "stopped")
    assert [event["model"] for event in resting.events(tag) if event["event"] == "request"] == [
        "preprocessing",
        "tensorrt_llm",
    ]
    await check_at_rest(resting, "ensemble")


@each_transport
@each_way
@pytest.mark.parametrize("limit", ["request_timeout", "token_timeout", "first_token_timeout"])
async def test_a_time_that_has_passed_stops_the_engine(
    serve: Serve, resting: RunningTriton, tag: str, way: Way, transport: str, limit: str
) -> None:
    bridge = await serve(triton=resting.address, triton_transport=transport, **{limit: SHORT})
    hang_at = 0 if limit == "first_token_timeout" else 1
    body = chat(directed(tag=tag, words=2, hang_at=hang_at), model="ensemble", **LIMIT)
    # In a stream that has begun, `tell` takes an error for a failure of the test.
    with pytest.raises((Refused, AssertionError), match=r"deadline|answering|begin to answer"):
        await tell(bridge, way, body)
    await resting.event(tag, "stopped")
    assert ends(resting, tag) == [("tensorrt_llm", "stopped")]
    await check_at_rest(resting, "ensemble")


@each_transport
@each_way
@pytest.mark.parametrize("n", [1, 2])
async def test_a_stop_string_that_the_engine_misses_stops_it(
    bridge: Bridge, resting: RunningTriton, tag: str, way: Way, n: int
) -> None:
    prompt = directed(tag=tag, pieces=["one EN", "D two", "x", "y"], hang_at=3, miss_stops=True)
    answer = await tell(bridge, way, chat(prompt, model="ensemble", stop="END", n=n))
    assert answer.texts == ["one "] * n
    await eventually(lambda: ends(resting, tag) == [("tensorrt_llm", "stopped")] * n)
    await eventually(lambda: counted(bridge) == {"": 0, "stopped": n})
    await check_at_rest(resting, "ensemble")


@each_transport
async def test_an_engine_that_ends_at_a_stop_string_is_not_told_to(
    bridge: Bridge, resting: RunningTriton, tag: str
) -> None:
    for way in WAYS:
        prompt = directed(tag=tag, pieces=["one EN", "D two"])
        assert (await tell(bridge, way, chat(prompt, model="ensemble", stop="END"))).texts == ["one "]
    await eventually(lambda: ends(resting, tag) == [("tensorrt_llm", "done")] * len(WAYS))
    await eventually(lambda: counted(bridge)[""] == 0)
    assert counted(bridge).keys() <= {"", "ended"}


@each_transport
@each_way
async def test_a_second_call_that_is_not_wanted_is_not_generated(
    bridge: Bridge, resting: RunningTriton, tag: str, way: Way
) -> None:
    prompt = directed(tag=tag, pieces=[CALL, "\n", CALL, " more"], hang_at=3)
    tool = TOOL if way.door == "http" else {"function": TOOL["function"]}
    body = chat(prompt, model="ensemble", tools=[tool], parallel_tool_calls=False)
    (choice,) = (await tell(bridge, way, body)).choices
    assert str(choice.finish_reason).removeprefix("FINISH_REASON_").lower() == "tool_calls"
    await resting.event(tag, "stopped")
    await check_at_rest(resting, "ensemble")


@each_transport
@each_way
async def test_a_choice_that_fails_stops_the_others(
    bridge: Bridge, resting: RunningTriton, tag: str, way: Way
) -> None:
    prompts = [directed(tag=tag, words=2, hang_at=1), directed(fail_at=0, first_delay_ms=100)]
    with pytest.raises((Refused, AssertionError), match="scripted failure"):
        await tell(bridge, way, completion(prompts, model="ensemble"))
    await resting.event(tag, "stopped")
    await check_at_rest(resting, "ensemble")


@each_transport
@each_way
async def test_a_bridge_that_stops_stops_the_engine(
    bridge: Bridge, resting: RunningTriton, tag: str, way: Way
) -> None:
    body = chat(directed(tag=tag, words=2, hang_at=1), model="ensemble")
    async with asked(bridge, way, body):
        await eventually(lambda: len(resting.events(tag)) == 2)
        await asyncio.wait_for(bridge.stop(), 3)
        assert ends(resting, tag) == [("tensorrt_llm", "stopped")]
    await eventually(lambda: counted(bridge) == {"": 0, "stopped": 1})
    await check_at_rest(resting, "ensemble")


@each_transport
@each_way
async def test_an_ensemble_that_nothing_stops_is_read_to_its_end(
    bridge: Bridge, resting: RunningTriton, tag: str, way: Way
) -> None:
    body = chat(directed(tag=tag, words=16, delay_ms=20), model="text_ensemble")
    async with asked(bridge, way, body):
        await resting.event(tag, "request")
    assert (await resting.event(tag, "done"))["sent"] == 16
    await eventually(lambda: counted(bridge) == {"": 0, "ended": 1})
    await check_at_rest(resting, "text_ensemble")


@each_transport
async def test_a_scripts_engine_runs_on_and_triton_gets_over_it(
    bridge: Bridge, resting: RunningTriton, tag: str
) -> None:
    for way in WAYS:
        body = chat(directed(tag=f"{tag} {way}", words=16, delay_ms=20), model="tensorrt_llm_bls", **LIMIT)
        async with asked(bridge, way, body):
            await eventually(lambda way=way: len(resting.events(f"{tag} {way}")) == 3)
        assert (await resting.event(f"{tag} {way}", "done"))["sent"] == 16
    assert counted(bridge) == {"": 0}
    await check_at_rest(resting, "tensorrt_llm_bls")
