"""A Dynamo cluster that loses what it is made of, and one that cannot be served: nothing is silent."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import pytest

from bridge.config import ModelConfig
from bridge.config.upstreams import Upstream
from bridge.errors import BridgeError, Reason
from tests.doors import Refused, Way, refusal, tell
from tests.dynamo.environment import Cluster
from tests.dynamo.standin import POLL, WITHIN, event, start_standin, wait_ready
from tests.eventually import eventually
from tests.openai_bodies import CHAT, chat, directed
from tests.raw_http import ask, connected
from tests.two_transports import EITHER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from benchmarks.processes import Process
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.dynamo.environment import Frontend

STREAM: Final = Way("http", streams=True)
SLOW: Final = chat(directed(words=500, delay_ms=5), model="standin", stream=True)
MODELS: Final = {"standin": ModelConfig()}


@pytest.fixture
def frail(dynamo: None, tmp_path: Path) -> Iterator[Cluster]:
    """A cluster of the test's own, in which it may kill."""
    with Cluster(tmp_path) as cluster:
        yield cluster


async def answered(bridge: Bridge, text: str) -> list[str]:
    """Return the first answer that is one: Dynamo goes on trying a dead worker for some seconds."""
    async with asyncio.timeout(WITHIN):
        while True:
            with suppress(Refused):
                return (await tell(bridge, STREAM, chat(directed(text=text), model="standin"))).texts
            await asyncio.sleep(POLL)


def kill(process: Process) -> None:
    os.kill(process.pids[0], signal.SIGKILL)


async def test_a_worker_that_dies_fails_its_streams_and_another_one_is_found(
    frail: Cluster, serve: Serve
) -> None:
    frontend, worker = frail.kserve(), start_standin(frail)
    wait_ready(frontend, "standin")
    bridge = await serve(triton=frontend.address, models=MODELS)
    async with connected(bridge.http_port) as connection:
        await connection.send("POST", CHAT, json=SLOW)
        await connection.until(b"word3")
        kill(worker)
        rest = await connection.until(b"[DONE]")
    assert b"the worker that runs the model is not available" in rest
    assert (await refusal(bridge, STREAM, chat("one two", model="standin"))).status in {404, 503}
    await eventually(lambda: "standin" not in bridge._handlers.catalog.found, WITHIN)
    start_standin(frail)
    assert await answered(bridge, "again") == ["again"]


async def test_requests_go_to_another_frontend_when_one_dies(frail: Cluster, serve: Serve) -> None:
    start_standin(frail)
    frontends = frail.kserve(), frail.kserve()
    for frontend in frontends:
        wait_ready(frontend, "standin")
    upstreams = tuple(Upstream(address=frontend.address) for frontend in frontends)
    bridge = await serve(triton=upstreams, models=MODELS)
    async with connected(bridge.http_port) as connection:
        await connection.send("POST", CHAT, json=SLOW)
        await connection.until(b"word3")
        kill(frontends[0].process)
        for _ in range(4):
            answer = await tell(bridge, STREAM, chat(directed(text="on"), model="standin"))
            assert answer.texts == ["on"]
        kill(frontends[1].process)
        assert b"Triton cannot be reached" in await connection.until(b"[DONE]")


async def test_a_frontend_whose_workers_are_busy_says_so(frail: Cluster, serve: Serve) -> None:
    start_standin(frail)
    busy = ("--router-mode", "kv", "--no-router-kv-events", "--active-prefill-tokens-threshold", "1")
    frontend = frail.kserve(*busy)
    wait_ready(frontend, "standin")
    bridge = await serve(triton=frontend.address, models=MODELS)
    async with connected(bridge.http_port) as connection:
        await connection.send("POST", CHAT, json=chat(directed(tag="first", hang_at=0), model="standin"))
        await event(frail, "first", "request")
        refused = await refusal(bridge, STREAM, chat("one two three", model="standin"))
    assert (refused.status, refused.message) == (429, "the model failed: all eligible workers are overloaded")


@EITHER
async def test_only_the_models_that_are_known_by_name_are_found(standin: Frontend, transport: Any) -> None:
    backend = transport(standin.address, names=("standin", "nobody"))
    try:
        assert await backend.ready_models() == {"standin": "1"}
        with pytest.raises(BridgeError) as caught:
            await backend.load_model("standin")
    finally:
        await backend.close()
    assert caught.value.reason is Reason.UNSUPPORTED_OPERATION


async def test_without_names_the_bridge_says_what_it_needs(standin: Frontend, serve: Serve) -> None:
    bridge = await serve(triton=standin.address)
    answer = await ask(bridge.http_port, "GET", "/v1/health/ready")
    assert answer.status == 503
    assert answer.error["message"] == "the server does not tell its models: name them in the configuration"


async def test_a_model_is_listed_and_ready_while_a_worker_has_it(standin: Frontend, serve: Serve) -> None:
    bridge = await serve(triton=standin.address, models={"mine": ModelConfig(triton_model="standin")})
    assert (await ask(bridge.http_port, "GET", "/v1/health/ready")).status == 200
    (listed,) = (await ask(bridge.http_port, "GET", "/v1/models")).json["data"]
    assert listed["id"] == "mine"
    absent = await serve(triton=standin.address, models={"nobody": ModelConfig()})
    answer = await ask(absent.http_port, "GET", "/v1/health/ready")
    assert answer.error["message"] == "model 'nobody' is configured but not ready"


async def test_an_engine_that_wants_a_limit_cannot_be_served_and_says_so(
    cluster: Cluster, standin: Frontend, serve: Serve
) -> None:
    """Dynamo's own mocker is one: its KServe frontend has no way to tell it."""
    model = str(cluster.folder / "model")
    cluster.run("-m", "dynamo.mocker", "--model-path", model, "--model-name", "mock")
    wait_ready(standin, "mock")
    bridge = await serve(triton=standin.address, models={"mock": ModelConfig()})
    refused = await refusal(bridge, STREAM, chat("hello", model="mock"))
    assert refused.status == 400
    assert refused.message == "the model failed: max_output_tokens must be specified for mocker"
