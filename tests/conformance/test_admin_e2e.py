"""Models that come and go: loaded and unloaded through the bridge with an admin key, or at Triton itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc
import pytest
from openai_bridge.v1 import admin_pb2, admin_pb2_grpc, models_pb2

from tests.configured import serve_file
from tests.doors import WAYS, refusal, tell
from tests.eventually import POLL
from tests.faults.conftest import repository
from tests.grpc_client import WAIT, connected, failure
from tests.openai_bodies import chat, directed
from tests.raw_http import ask

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from typing import Any

    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.raw_http import Answer
    from tests.tritonserver import RunningTriton

KEY = "sesame-7c1d"
MODEL = "org/alias"
FILE = """
admin_key_file = "keys"
poll_interval = 3600

[models."org/alias"]
triton_model = "plain"
"""


@pytest.fixture
async def bridge(serve: Serve, families: RunningTriton, tmp_path: Path) -> AsyncIterator[Bridge]:
    """Serve with two admin keys; what a test unloads is there again after it."""
    (tmp_path / "keys").write_text(f"# operators\nanother\n\n{KEY}\n")
    yield await serve_file(serve, tmp_path, families.address, FILE)
    async with repository(families) as opened:
        await opened.load("plain")


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def change(bridge: Bridge, name: str, verb: str, key: str = KEY) -> Answer:
    path = f"/v1/models/{name}/{verb}"
    return await ask(bridge.http_port, "POST", path, headers=bearer(key) | {"Content-Length": "0"})


async def listed(bridge: Bridge) -> set[str]:
    """Return the names that both doors list."""
    names, others = await by_door(bridge)
    assert names == others
    return names


async def by_door(bridge: Bridge) -> tuple[set[str], set[str]]:
    """Return the names that the HTTP door lists, and those that the gRPC door lists."""
    answer = await ask(bridge.http_port, "GET", "/v1/models")
    async with connected(bridge.grpc_port) as stubs:
        other = await stubs.models.ListModels(models_pb2.ListModelsRequest(), timeout=WAIT)
    return {model["id"] for model in answer.json["data"]}, {model.id for model in other.data}


async def test_http_unloads_and_loads(bridge: Bridge) -> None:
    assert MODEL in await listed(bridge)
    unloaded = await change(bridge, "org%2Falias", "unload")
    assert (unloaded.status, unloaded.json) == (200, {"id": MODEL, "object": "model", "loaded": False})
    assert MODEL not in await listed(bridge)
    for way in WAYS:
        assert (await refusal(bridge, way, chat(model=MODEL))).status == 404
    assert (await ask(bridge.http_port, "GET", "/v1/health/ready")).status == 503

    loaded = await change(bridge, MODEL, "load")
    assert (loaded.status, loaded.json["loaded"]) == (200, True)
    assert MODEL in await listed(bridge)
    for way in WAYS:
        assert (await tell(bridge, way, chat(directed(text="back"), model=MODEL))).texts == ["back"]
    assert (await change(bridge, MODEL, "load", "another")).status == 200


async def test_grpc_unloads_and_loads(bridge: Bridge) -> None:
    async with connected(bridge.grpc_port) as stubs:
        admin: Any = admin_pb2_grpc.ModelAdminServiceStub(stubs.channel)
        metadata = (("authorization", f"Bearer {KEY}"),)
        answer = await admin.UnloadModel(
            admin_pb2.UnloadModelRequest(model=MODEL), metadata=metadata, timeout=WAIT
        )
        assert answer.model == MODEL
        assert MODEL not in await listed(bridge)
        answer = await admin.LoadModel(
            admin_pb2.LoadModelRequest(model=MODEL), metadata=metadata, timeout=WAIT
        )
        assert answer.model == MODEL
        assert MODEL in await listed(bridge)


@pytest.mark.parametrize("verb", ["load", "unload"])
async def test_only_the_key_opens(bridge: Bridge, verb: str) -> None:
    method = f"{verb.capitalize()}Model"
    request = getattr(admin_pb2, f"{method}Request")(model=MODEL)
    path = f"/v1/models/{MODEL}/{verb}"
    without = await ask(bridge.http_port, "POST", path)
    for answer in (
        without,
        await change(bridge, MODEL, verb, "wrong"),
        await change(bridge, MODEL, verb, ""),
    ):
        assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")
    async with connected(bridge.grpc_port) as stubs:
        call = getattr(admin_pb2_grpc.ModelAdminServiceStub(stubs.channel), method)
        for metadata in ((), (("authorization", "Bearer wrong"),), (("authorization", KEY),)):
            error = await failure(call(request, metadata=metadata, timeout=WAIT))
            assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert MODEL in await listed(bridge)


async def test_an_unknown_model_is_not_found(bridge: Bridge) -> None:
    answer = await change(bridge, "nobody", "load")
    assert (answer.status, answer.error["code"]) == (404, "model_not_found")


@pytest.mark.parametrize("verb", ["load", "unload"])
async def test_without_a_key_nobody_may(serve: Serve, families: RunningTriton, verb: str) -> None:
    bridge = await serve(triton=families.address)
    assert (await change(bridge, "plain", verb)).status == 404
    method = f"{verb.capitalize()}Model"
    request = getattr(admin_pb2, f"{method}Request")(model="plain")
    async with connected(bridge.grpc_port) as stubs:
        call = getattr(admin_pb2_grpc.ModelAdminServiceStub(stubs.channel), method)
        metadata = (("authorization", f"Bearer {KEY}"),)
        error = await failure(call(request, metadata=metadata, timeout=WAIT))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    assert "plain" in await listed(bridge)


async def test_what_changes_at_triton_is_seen_without_a_restart(
    serve: Serve, families: RunningTriton
) -> None:
    bridge = await serve(triton=families.address, poll_interval=0.05)
    async with repository(families) as opened:
        try:
            await opened.unload("plain")
            await until_listed(bridge, "plain", wanted=False)
        finally:
            await opened.load("plain")
        await until_listed(bridge, "plain", wanted=True)
    assert (await tell(bridge, WAYS[0], chat(directed(text="back"), model="plain"))).texts == ["back"]


async def until_listed(bridge: Bridge, name: str, *, wanted: bool) -> None:
    """Wait until a model is listed, or no longer is: a list does not look at Triton, the poll does."""
    async with asyncio.timeout(WAIT):
        while True:
            if all((name in names) is wanted for names in await by_door(bridge)):
                return
            await asyncio.sleep(POLL)
