"""A bridge over a request plane does what it does without one: same answers, same guards, same counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.config import ModelConfig
from tests.doors import Way, refusal, tell
from tests.eventually import eventually
from tests.families import ENSEMBLE, add_models
from tests.faults.conftest import repository
from tests.key_files import bearer, write_keys
from tests.leaving import asked
from tests.openai_bodies import CHAT, COMPLETIONS, chat, completion, directed, masked
from tests.operators.asking import STREAM
from tests.raw_http import ask
from tests.tritonserver import start_tritons

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.operators.stage import Stage
    from tests.tritonserver import RunningTriton

EMBEDDINGS = "/v1/embeddings"
TENSORS = {"prompt": "INPUT0", "answer": "OUTPUT0"}
MODELS = {
    "embed_vllm": ModelConfig(task="embed"),
    "oldest": ModelConfig(triton_model="inhouse", version="1", tensors=TENSORS),
    "newest": ModelConfig(triton_model="inhouse", tensors=TENSORS),
    "echo_vllm": ModelConfig(tool_call_parser="hermes", reasoning_parser="think"),
}
CALL = '<tool_call>{"name": "now", "arguments": {}}</tool_call>'
NOW = [{"type": "function", "function": {"name": "now"}}]


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriton]:
    """Serve one model of each kind."""
    tmp = tmp_path_factory.mktemp("varied")
    names = (*ENSEMBLE, "inhouse")
    add_models(tmp / "0" / "repository", names)
    with start_tritons(tmp, "echo_vllm", "embed_vllm", "embed_text", *names) as (running,):
        yield running


@pytest.fixture
async def worker(stage: Stage, varied: RunningTriton) -> RunningTriton:
    """Offer them on the plane."""
    await stage.worker(triton=varied.address)
    return varied


async def over_the_plane(stage: Stage, **settings: Any) -> Bridge:
    return await stage.front_end(**{"models": MODELS, **settings})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param(CHAT, chat(directed(words=20)), id="chat"),
        pytest.param(CHAT, chat(directed(words=20), stream=True), id="a stream"),
        pytest.param(CHAT, chat(directed(words=4), n=3), id="three choices"),
        pytest.param(CHAT, chat(directed(pieces=["So ", CALL]), tools=NOW), id="a tool call"),
        pytest.param(CHAT, chat(directed(pieces=["<think>w</think>", "so"]), stream=True), id="reasoning"),
        pytest.param(CHAT, chat(directed(pieces=["a ST", "OP b"]), stop="STOP"), id="a stop string"),
        pytest.param(CHAT, chat(directed(fail_at=0)), id="a model that fails"),
        pytest.param(CHAT, chat(directed(words=3, fail_at=2), stream=True), id="a model that fails later"),
        pytest.param(CHAT, chat(directed(words=3), temperature=9), id="a bad value"),
        pytest.param(CHAT, chat(directed(words=3), model="nobody"), id="an unknown model"),
        pytest.param(COMPLETIONS, completion([directed(words=2), "a b"], echo=True), id="two prompts"),
        pytest.param(COMPLETIONS, completion("a", model="oldest"), id="a version"),
        pytest.param(COMPLETIONS, completion("a", model="newest"), id="the latest version"),
        pytest.param(CHAT, chat(directed(words=9), model="ensemble"), id="an ensemble"),
        pytest.param(EMBEDDINGS, {"model": "embed_vllm", "input": ["one two", "three"]}, id="embeddings"),
        pytest.param(EMBEDDINGS, {"model": "embed_text", "input": "a"}, id="an embedding of FP32"),
    ],
)
async def test_the_answer_is_the_same(
    stage: Stage, worker: RunningTriton, serve: Serve, path: str, body: dict[str, Any]
) -> None:
    direct = await serve(triton=worker.address, models=MODELS)
    answers = [
        await ask(bridge.http_port, "POST", path, json=body)
        for bridge in (direct, await over_the_plane(stage))
    ]
    one, other = [(answer.status, masked(answer.body)) for answer in answers]
    assert one == other


async def test_the_latest_version_and_another_are_different(stage: Stage, worker: RunningTriton) -> None:
    bridge = await over_the_plane(stage)
    said = [
        (await ask(bridge.http_port, "POST", COMPLETIONS, json=completion("a", model=name))).json
        for name in ("oldest", "newest")
    ]
    assert [one["choices"][0]["text"][:3] for one in said] == ["v1 ", "v2 "]


async def test_the_lists_of_models_are_the_same(stage: Stage, worker: RunningTriton, serve: Serve) -> None:
    bridges = [await serve(triton=worker.address, models=MODELS), await over_the_plane(stage)]
    lists = [(await ask(bridge.http_port, "GET", "/v1/models")).body for bridge in bridges]
    assert masked(lists[0]) == masked(lists[1])


async def test_keys_and_their_limits_hold(stage: Stage, worker: RunningTriton, tmp_path: Path) -> None:
    keys = write_keys(
        tmp_path / "keys.toml", few={"requests_per_minute": 1}, embeds={"models": ("embed_text",)}
    )
    bridge = await over_the_plane(stage, key_file=keys)
    asked = [
        await ask(bridge.http_port, "POST", CHAT, json=chat(directed(words=1)), headers=headers)
        for headers in ({}, bearer("few"), bearer("few"), bearer("embeds"))
    ]
    assert [one.status for one in asked] == [401, 200, 429, 404]


async def test_models_are_not_loaded_over_a_plane(
    stage: Stage, worker: RunningTriton, tmp_path: Path
) -> None:
    keys = write_keys(tmp_path / "keys.toml", boss={"admin": True})
    bridge = await over_the_plane(stage, key_file=keys)
    refused = await ask(bridge.http_port, "POST", "/v1/models/echo_vllm/unload", headers=bearer("boss"))
    assert (refused.status, "RepositoryModelUnload" in refused.error["message"]) == (501, True)


async def test_requests_and_tokens_are_counted_the_same(
    stage: Stage, worker: RunningTriton, serve: Serve
) -> None:
    counts = []
    for bridge in (await serve(triton=worker.address, models=MODELS), await over_the_plane(stage)):
        for body in (
            chat(directed(words=7)),
            chat(directed(words=7), stream=True),
            chat(directed(fail_at=0)),
        ):
            await ask(bridge.http_port, "POST", CHAT, json=body)
        await eventually(lambda bridge=bridge: counted(bridge).get("in_flight", 0) == 0)
        counts.append(counted(bridge))
    assert counts[0] == counts[1]
    assert any("tokens" in name for name in counts[0])


def counted(bridge: Bridge) -> dict[str, float]:
    """Return what was counted of requests, apart from times, and from what is known of Tritons."""
    lines = [line for line in bridge.metrics.text().decode().splitlines() if line[0] != "#"]
    pairs = (line.rsplit(" ", 1) for line in lines if "upstream" not in line)
    return {
        name: float(value)
        for name, value in pairs
        if name.startswith("openai_bridge_") and ("_total" in name or "_count" in name)
    }


@pytest.mark.parametrize("way", [Way("grpc", streams=False), Way("http", streams=True)])
async def test_a_client_that_leaves_an_ensemble_stops_its_engine(
    stage: Stage, worker: RunningTriton, way: Way
) -> None:
    bridge = await over_the_plane(stage)
    await left(worker, bridge, way, f"left {way}")


async def left(worker: RunningTriton, bridge: Bridge, way: Way, tag: str) -> None:
    """Leave an ensemble at work; Triton gets over no cancel of one."""
    body = chat(directed(tag=tag, words=500, delay_ms=10), model="ensemble", max_tokens=5000)
    async with asked(bridge, way, body):
        await eventually(lambda: len(worker.events(tag)) == 2)
    await worker.event(tag, "stopped", within=2)


async def test_models_that_are_unloaded_and_loaded_go_and_come(stage: Stage, worker: RunningTriton) -> None:
    bridge = await over_the_plane(stage)
    await left(worker, bridge, STREAM, "loaded")
    body = chat(directed(words=1), model="ensemble")
    async with repository(worker) as opened:
        await opened.unload("ensemble")  # it would stay for ever, had its inference been cancelled
        await eventually(lambda: "ensemble" not in bridge._handlers.catalog.found)
        assert (await refusal(bridge, STREAM, body)).status == 404
        await opened.load("ensemble")
    await eventually(lambda: "ensemble" in bridge._handlers.catalog.found)
    assert (await tell(bridge, STREAM, body)).texts == ["word0 "]


async def test_a_triton_that_goes_takes_its_models_along_and_brings_them_back(stage: Stage) -> None:
    triton = stage.tritons[1]
    await stage.worker(triton=triton.address)
    bridge = await stage.front_end()
    triton.server.kill()
    try:
        await eventually(lambda: not bridge._handlers.catalog.found)
        listed = await ask(bridge.http_port, "GET", "/v1/models")
        ready = await ask(bridge.http_port, "GET", "/v1/health/ready")
        assert (listed.json["data"], ready.status) == ([], 503)
    finally:
        await triton.server.start()
        await triton.server.wait_ready()
    await eventually(lambda: "echo_vllm" in bridge._handlers.catalog.found, 20)
    assert (await tell(bridge, STREAM, chat(directed(words=2)))).texts == ["word0 word1 "]
