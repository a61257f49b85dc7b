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
from tests.key_files import bearer, metadata, secret, write_keys
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

MODEL = "org/alias"
FILE = """
key_file = "keys.toml"
poll_interval = 3600

[models."org/alias"]
triton_model = "plain"
"""


@pytest.fixture
async def bridge(serve: Serve, families: RunningTriton, tmp_path: Path) -> AsyncIterator[Bridge]:
    """Serve with two admin keys and another; what a test unloads is there again after it."""
    write_keys(tmp_path / "keys.toml", operator={"admin": True}, another={"admin": True}, user={})
    yield await serve_file(serve, tmp_path, families.address, FILE)
    async with repository(families) as opened:
        await opened.load("plain")


async def change(bridge: Bridge, name: str, verb: str, key: str = "operator") -> Answer:
    path = f"/v1/models/{name}/{verb}"
    return await ask(bridge.http_port, "POST", path, headers=bearer(key) | {"Content-Length": "0"})


async def listed(bridge: Bridge) -> set[str]:
    """Return the names that both doors list."""
    names, others = await by_door(bridge)
    assert names == others
    return names


async def by_door(bridge: Bridge) -> tuple[set[str], set[str]]:
    """Return the names that the HTTP door lists, and those that the gRPC door lists."""
    answer = await ask(bridge.http_port, "GET", "/v1/models", headers=bearer("user"))
    async with connected(bridge.grpc_port) as stubs:
        other = await stubs.models.ListModels(
            models_pb2.ListModelsRequest(), metadata=metadata("user"), timeout=WAIT
        )
    return {model["id"] for model in answer.json["data"]}, {model.id for model in other.data}


async def test_http_unloads_and_loads(bridge: Bridge) -> None:
    assert MODEL in await listed(bridge)
    unloaded = await change(bridge, "org%2Falias", "unload")
    assert (unloaded.status, unloaded.json) == (200, {"id": MODEL, "object": "model", "loaded": False})
    assert MODEL not in await listed(bridge)
    for way in WAYS:
        assert (await refusal(bridge, way, chat(model=MODEL), key="user")).status == 404
    assert (await ask(bridge.http_port, "GET", "/v1/health/ready")).status == 503

    loaded = await change(bridge, MODEL, "load")
    assert (loaded.status, loaded.json["loaded"]) == (200, True)
    assert MODEL in await listed(bridge)
    for way in WAYS:
        assert (await tell(bridge, way, chat(directed(text="back"), model=MODEL), key="user")).texts == [
            "back"
        ]
    assert (await change(bridge, MODEL, "load", "another")).status == 200


async def test_grpc_unloads_and_loads(bridge: Bridge) -> None:
    async with connected(bridge.grpc_port) as stubs:
        admin: Any = admin_pb2_grpc.ModelAdminServiceStub(stubs.channel)
        shown = metadata("operator")
        answer = await admin.UnloadModel(
            admin_pb2.UnloadModelRequest(model=MODEL), metadata=shown, timeout=WAIT
        )
        assert answer.model == MODEL
        assert MODEL not in await listed(bridge)
        answer = await admin.LoadModel(admin_pb2.LoadModelRequest(model=MODEL), metadata=shown, timeout=WAIT)
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
        for shown in ((), metadata("wrong"), (("authorization", secret("operator")),)):
            error = await failure(call(request, metadata=shown, timeout=WAIT))
            assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert MODEL in await listed(bridge)


@pytest.mark.parametrize("verb", ["load", "unload"])
async def test_another_key_is_not_an_admins(bridge: Bridge, verb: str) -> None:
    method = f"{verb.capitalize()}Model"
    request = getattr(admin_pb2, f"{method}Request")(model=MODEL)
    answer = await change(bridge, MODEL, verb, "user")
    assert (answer.status, answer.error["code"]) == (403, "model_not_allowed")
    async with connected(bridge.grpc_port) as stubs:
        call = getattr(admin_pb2_grpc.ModelAdminServiceStub(stubs.channel), method)
        error = await failure(call(request, metadata=metadata("user"), timeout=WAIT))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
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
        shown = metadata("operator")
        error = await failure(call(request, metadata=shown, timeout=WAIT))
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
