"""Loading and unloading: who may, what happens to the models, and that no key is told."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from bridge.config import Config, ModelConfig
from bridge.errors import BridgeError, Reason
from bridge.handlers.admin import ModelAdmin
from bridge.handlers.catalog import Catalog
from bridge.protocol.signature import Signature
from bridge.routes import Routes
from tests.scripted_triton import config

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from bridge.backends.base import Backend

KEYS = ("first-key", "clé-🔑")
MAY = "Bearer first-key"


class Repository:
    """A backend with models that can be loaded, and which were asked for."""

    def __init__(self, *models: str) -> None:
        self.known = dict.fromkeys(models, False)
        self.asked: list[tuple[str, str]] = []
        self.looks = 0
        self.fails: BridgeError | None = None

    async def ready_models(self) -> dict[str, str]:
        self.looks += 1
        return {name: "1" for name, ready in self.known.items() if ready}

    async def signature(self, name: str, version: str = "") -> Signature:
        return Signature.from_config(config(name), version)

    async def load_model(self, name: str) -> None:
        await self._change("load", name, ready=True)

    async def unload_model(self, name: str) -> None:
        await self._change("unload", name, ready=False)

    async def _change(self, what: str, name: str, *, ready: bool) -> None:
        self.asked.append((what, name))
        await asyncio.sleep(0)
        if self.fails is not None:
            raise self.fails
        if name not in self.known:
            raise BridgeError(Reason.MODEL_NOT_FOUND, "the model is not available", model=name)
        self.known[name] = ready

    def stream(self, request: Any, *, model: str, deadline: float) -> AsyncGenerator[Sequence[Any], None]:
        raise NotImplementedError

    async def close(self) -> None:
        pass


@asynccontextmanager
async def administered(
    repository: Repository, keys: Sequence[str] = KEYS, **settings: Any
) -> AsyncIterator[tuple[ModelAdmin, Catalog]]:
    routes = Routes(Config(**settings))
    backend: Backend = repository
    catalog = Catalog(backend, routes, clock=lambda: 1.0)
    yield ModelAdmin(catalog, backend, keys=keys, triton_name=routes.triton_name), catalog


async def listed(catalog: Catalog) -> list[str]:
    return [model.id for model in (await catalog.list_models()).data]


async def test_a_loaded_model_is_served_and_an_unloaded_one_is_not() -> None:
    repository = Repository("m", "n")
    async with administered(repository) as (admin, catalog):
        await catalog.refresh()
        assert await listed(catalog) == []
        await admin.load("m", MAY)
        assert await listed(catalog) == ["m"]
        await admin.unload("m", MAY)
        assert await listed(catalog) == []
    assert repository.asked == [("load", "m"), ("unload", "m")]


async def test_a_model_is_named_as_in_requests() -> None:
    repository = Repository("llama_3")
    models = {"llama": ModelConfig(triton_model="llama_3")}
    async with administered(repository, models=models) as (admin, catalog):
        await admin.load("llama", MAY)
        assert await listed(catalog) == ["llama"]
    assert repository.asked == [("load", "llama_3")]


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param("Bearer first-key", id="the first key"),
        pytest.param("Bearer clé-🔑", id="another key"),
        pytest.param("bearer first-key", id="the scheme in small letters"),
        pytest.param("BEARER first-key", id="the scheme in capitals"),
    ],
)
async def test_every_key_may(authorization: str) -> None:
    repository = Repository("m")
    async with administered(repository) as (admin, _):
        await admin.load("m", authorization)
    assert repository.known == {"m": True}


NOT = [
    pytest.param(None, id="nothing"),
    pytest.param("", id="empty"),
    pytest.param("Bearer", id="no key"),
    pytest.param("Bearer ", id="an empty key"),
    pytest.param("Bearer wrong-key", id="a wrong key"),
    pytest.param("Bearer first-ke", id="the beginning of a key"),
    pytest.param("Bearer first-key2", id="more than a key"),
    pytest.param("Bearer FIRST-KEY", id="in capitals"),
    pytest.param("Bearer first-key\nclé-🔑", id="both keys"),
    pytest.param("first-key", id="no scheme"),
    pytest.param("Basic first-key", id="another scheme"),
    pytest.param("Bearer \udcff", id="no text"),
]


@pytest.mark.parametrize("authorization", NOT)
@pytest.mark.parametrize("change", ["load", "unload"])
async def test_nobody_else_may_and_all_are_told_the_same(change: str, authorization: str | None) -> None:
    repository = Repository("m")
    async with administered(repository) as (admin, _):
        for model in ("m", "unknown", ""):
            with pytest.raises(BridgeError) as caught:
                await getattr(admin, change)(model, authorization)
            assert caught.value.reason is Reason.INVALID_API_KEY
            assert caught.value.message == "a valid admin key is required"
            assert (caught.value.param, caught.value.model) == (None, None)
    assert repository.asked == []
    assert repository.looks == 0


async def test_a_name_is_required() -> None:
    repository = Repository("m")
    async with administered(repository) as (admin, _):
        with pytest.raises(BridgeError) as caught:
            await admin.load("", MAY)
    assert (caught.value.reason, caught.value.param) == (Reason.MISSING_REQUIRED_PARAMETER, "model")
    assert repository.asked == []


@pytest.mark.parametrize("reason", [Reason.MODEL_NOT_FOUND, Reason.UNSUPPORTED_OPERATION])
async def test_what_the_backend_refuses_is_told_and_changes_nothing(reason: Reason) -> None:
    repository = Repository("m")
    async with administered(repository) as (admin, catalog):
        await admin.load("m", MAY)
        repository.fails = BridgeError(reason, "no")
        for change in (admin.load, admin.unload):
            with pytest.raises(BridgeError) as caught:
                await change("m", MAY)
            assert caught.value.reason is reason
        assert await listed(catalog) == ["m"]


async def test_loading_again_looks_at_the_models_tensors_again() -> None:
    repository = Repository("m")
    async with administered(repository) as (admin, catalog):
        await admin.load("m", MAY)
        before = catalog.found["m"]
        await admin.load("m", MAY)
        assert catalog.found["m"] is not before


async def test_many_at_once_all_come_true() -> None:
    repository = Repository(*map(str, range(20)))
    async with administered(repository) as (admin, catalog):
        await asyncio.gather(*(admin.load(str(number), MAY) for number in range(20)))
        assert await listed(catalog) == sorted(map(str, range(20)))
        await asyncio.gather(*(admin.unload(str(number), MAY) for number in range(20)))
        assert await listed(catalog) == []


async def test_a_change_is_logged_without_the_key(caplog: pytest.LogCaptureFixture) -> None:
    async with administered(Repository("m")) as (admin, _):
        with caplog.at_level(logging.DEBUG):
            await admin.load("m", MAY)
            await admin.unload("m", MAY)
    assert "model m: loaded by an admin" in caplog.messages
    assert "model m: unloaded by an admin" in caplog.messages
    assert "first-key" not in caplog.text
